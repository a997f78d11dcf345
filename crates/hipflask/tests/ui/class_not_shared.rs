use std::cell::Cell;

use hipflask::prelude::*;

struct Posts(Cell<u32>);

#[route("/posts")]
impl Posts {
    async fn get(&self) -> String {
        self.0.get().to_string()
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts(Cell::new(1)).as_view("posts"));
}
