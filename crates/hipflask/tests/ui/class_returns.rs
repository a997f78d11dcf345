use hipflask::prelude::*;

struct Posts;

#[route("/posts")]
impl Posts {
    async fn get(&self) -> u32 {
        7
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
