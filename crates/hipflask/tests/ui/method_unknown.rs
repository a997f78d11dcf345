use hipflask::prelude::*;

#[route("/a", methods = [GET, POTS])]
async fn misspelt() -> &'static str {
    "a"
}

#[route("/b", methods = [get])]
async fn lower() -> &'static str {
    "b"
}

#[route("/c", methods = ["post"])]
async fn lower_text() -> &'static str {
    "c"
}

#[route("/d", methods = [Method::GET])]
async fn path() -> &'static str {
    "d"
}

#[route("/e", methods = [GET, 1])]
async fn number() -> &'static str {
    "e"
}

fn main() {}
