use hipflask::prelude::*;

struct Posts;

#[route("/posts/<int:id>")]
impl Posts {
    async fn get(&self, id: String, number: u8) -> String {
        id
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
