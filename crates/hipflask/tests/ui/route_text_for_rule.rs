use hipflask::prelude::*;

async fn index() -> &'static str {
    "index"
}

fn app() -> App {
    app!().add_url_rule("/", index)
}

fn main() {}
