use hipflask::prelude::*;

#[get("/posts/{id}")]
async fn braces(id: i64) -> String {
    id.to_string()
}

#[get("/posts/:id")]
async fn colon(id: i64) -> String {
    id.to_string()
}

#[get("/hello/{name}")]
async fn hello(name: String) -> String {
    name
}

fn main() {}
