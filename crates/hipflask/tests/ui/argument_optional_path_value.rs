use hipflask::prelude::*;

#[get("/hello/<name>")]
async fn hello(name: Option<String>) -> String {
    name.unwrap_or_default()
}

fn main() {}
