use hipflask::prelude::*;

#[get("/posts/<i64:id>")]
async fn post(id: i64) -> String {
    id.to_string()
}

#[get("/hello/<str:name>")]
async fn hello(name: String) -> String {
    name
}

fn main() {}
