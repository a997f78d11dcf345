use hipflask::prelude::*;

struct Posts;

#[get("/posts")]
impl Posts {
    async fn get(&self) -> &'static str {
        "posts"
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
