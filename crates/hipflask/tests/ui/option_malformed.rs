use hipflask::prelude::*;

#[get("/a" endpoint = "a")]
async fn comma() -> &'static str {
    "a"
}

#[get("/b", endpoint("b"))]
async fn parentheses() -> &'static str {
    "b"
}

#[get("/c", endpoint = c)]
async fn endpoint() -> &'static str {
    "c"
}

#[get("/d", strict_slashes = "no")]
async fn strict() -> &'static str {
    "d"
}

#[get("/e", with)]
async fn with() -> &'static str {
    "e"
}

#[get("/f", defaults = 1)]
async fn defaults() -> &'static str {
    "f"
}

#[get("/g", "/h")]
async fn two() -> &'static str {
    "g"
}

#[get("/i", defaults(page: 1))]
async fn default_value(page: u32) -> String {
    page.to_string()
}

fn main() {}
