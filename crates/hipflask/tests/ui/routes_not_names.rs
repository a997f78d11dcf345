use hipflask::prelude::*;

#[get("/")]
async fn index() -> &'static str {
    "index"
}

fn app() -> App {
    app!().routes(routes![index()]).routes(routes!["index"]).routes(routes![index index])
}

fn main() {}
