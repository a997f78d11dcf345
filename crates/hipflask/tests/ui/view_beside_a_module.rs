use hipflask::prelude::*;

mod blog {}

#[get("/blog")]
async fn blog() -> &'static str {
    "posts"
}

fn main() {
    App::new("app", ".").routes(routes![blog]);
}
