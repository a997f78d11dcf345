use hipflask::prelude::*;

#[get("/a", methods = [POST])]
async fn get_and_post() -> &'static str {
    "a"
}

fn main() {}
