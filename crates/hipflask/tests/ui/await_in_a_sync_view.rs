use hipflask::prelude::*;

async fn load() -> &'static str {
    "loaded"
}

#[get("/")]
fn index() -> &'static str {
    load().await
}

fn main() {}
