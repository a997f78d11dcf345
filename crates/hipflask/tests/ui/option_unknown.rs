use hipflask::prelude::*;

#[route("/", method = [GET])]
async fn index() -> &'static str {
    "index"
}

#[get("/about", name = "about_us")]
async fn about() -> &'static str {
    "about"
}

fn main() {}
