use hipflask::prelude::*;

#[get("/posts/<post-id>")]
async fn post(post_id: String) -> String {
    post_id
}

#[get("/<>")]
async fn nothing() -> &'static str {
    "nothing"
}

fn main() {}
