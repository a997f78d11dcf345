use hipflask::prelude::*;

#[route("/a", methods = POST)]
async fn word() -> &'static str {
    "a"
}

#[route("/b", methods = "POST")]
async fn text() -> &'static str {
    "b"
}

#[route("/c", methods = [])]
async fn empty() -> &'static str {
    "c"
}

#[route("/d", methods(GET, POST))]
async fn parentheses() -> &'static str {
    "d"
}

#[route("/e", GET)]
async fn bare() -> &'static str {
    "e"
}

fn main() {}
