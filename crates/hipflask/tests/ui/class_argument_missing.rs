use hipflask::prelude::*;

struct Posts;

#[route("/posts/<int:id>")]
impl Posts {
    async fn get(&self, id: i64) -> String {
        id.to_string()
    }

    async fn delete(&self) -> Status {
        Status::NO_CONTENT
    }
}

fn main() {
    let _ = App::new("x", ".").routes(Posts.as_view("posts"));
}
