use hipflask::prelude::*;

#[get("/")]
async fn index() -> &'static str {
    "index"
}

fn app() -> App {
    app!().routes(routes![indxe])
}

fn main() {}
