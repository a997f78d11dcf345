use hipflask::prelude::*;

async fn index() -> &'static str {
    "index"
}

fn app() -> App {
    app!().routes(routes![index])
}

fn main() {}
