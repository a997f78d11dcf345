use hipflask::prelude::*;

struct Post {
    title: String,
}

#[get("/post")]
async fn post() -> Json<Post> {
    Json(Post { title: "Hello".to_owned() })
}

fn main() {}
