use hipflask::prelude::*;

struct Posts;

#[route("/posts")]
impl Clone for Posts {
    fn clone(&self) -> Posts {
        Posts
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
