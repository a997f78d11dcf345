use hipflask::prelude::*;

async fn check() {}

#[get("/", wrap = check)]
async fn index() -> &'static str {
    "x"
}

fn main() {
    let _ = App::new("x", ".").routes(routes![index]);
}
