use hipflask::prelude::*;

#[get("/", subdomain = api)]
async fn without_quotes() -> &'static str {
    "x"
}

#[get("/", host = "<user>.example.org")]
async fn without_the_argument() -> &'static str {
    "x"
}

#[get("/", websocket)]
async fn without_a_value() -> &'static str {
    "x"
}

#[get("/<id>", subdomain = "<id")]
async fn malformed(id: String) -> String {
    id
}

fn main() {}
