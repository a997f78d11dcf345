use hipflask::prelude::*;

#[get("/posts/<int:id>")]
async fn show(id: i64) -> String {
    id.to_string()
}

#[get("/hello/<name>")]
async fn hello(name: String) -> String {
    name
}

#[get("/")]
async fn index() -> hipflask::helpers::Redirect {
    redirect(url_for!(show))
}

fn main() {}
