use hipflask::prelude::*;

struct Posts;

#[route("/posts")]
impl Posts {
    async fn get(&mut self) -> &'static str {
        "posts"
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
