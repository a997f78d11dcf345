use hipflask::prelude::*;

#[get("/posts/<int:post_id>")]
async fn post(id: i64) -> String {
    id.to_string()
}

#[get("/hello")]
async fn hello(name: String) -> String {
    name
}

fn main() {}
