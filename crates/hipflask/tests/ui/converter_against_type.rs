use hipflask::prelude::*;

#[get("/posts/<int:id>")]
async fn post(id: String) -> String {
    id
}

#[get("/users/<id>")]
async fn user(id: i64) -> String {
    id.to_string()
}

#[get("/size/<float:size>")]
async fn size(size: u32) -> String {
    size.to_string()
}

#[get("/files/<path:file>")]
async fn file(file: f64) -> String {
    file.to_string()
}

fn main() {}
