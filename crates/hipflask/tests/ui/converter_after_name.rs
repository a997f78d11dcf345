use hipflask::prelude::*;

#[get("/users/<id:int>")]
async fn user(id: i64) -> String {
    id.to_string()
}

fn main() {}
