use hipflask::prelude::*;

#[get("/hello/<name>")]
async fn hello(name: &str) -> String {
    name.to_owned()
}

#[get("/config")]
async fn config(config: &Config) -> &'static str {
    "config"
}

fn main() {}
