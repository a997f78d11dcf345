use hipflask::prelude::*;

#[get("/", endpoint = "a", endpoint = "b")]
async fn index() -> &'static str {
    "index"
}

fn main() {}
