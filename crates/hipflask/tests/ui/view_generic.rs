use hipflask::prelude::*;

#[get("/<value>")]
async fn show<T: std::str::FromStr>(value: T) -> &'static str {
    "shown"
}

#[get("/impl/<value>")]
async fn shown(value: impl Into<String>) -> String {
    value.into()
}

#[get("/lifetime")]
async fn borrowed<'a>() -> &'a str {
    "borrowed"
}

fn main() {}
