use hipflask::prelude::*;

struct Posts;

#[route("/posts", methods = [GET, PUT])]
impl Posts {
    async fn get(&self) -> &'static str {
        "posts"
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
