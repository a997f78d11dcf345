use hipflask::prelude::*;

async fn load() {}

fn app() -> App {
    app!().before_request(load())
}

fn main() {}
