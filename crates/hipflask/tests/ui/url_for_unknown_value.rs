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
    redirect(url_for!(show, post_id = 5))
}

#[get("/also")]
async fn also() -> hipflask::helpers::Redirect {
    redirect(url_for!(show, id = 5, page = 2))
}

fn main() {}
