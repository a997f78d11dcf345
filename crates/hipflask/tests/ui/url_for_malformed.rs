use hipflask::prelude::*;

#[get("/posts/<int:id>")]
async fn show(id: i64) -> String {
    id.to_string()
}

#[get("/hello/<name>")]
async fn hello(name: String) -> String {
    name
}

fn urls() {
    let _ = url_for!();
    let _ = url_for!(show, 5);
    let _ = url_for!(show id = 5);
    let _ = url_for!(show(5));
    let _ = url_for!(show, id: 5);
    let _ = url_for!("blog.show", "id" = 5);
}

fn main() {}
