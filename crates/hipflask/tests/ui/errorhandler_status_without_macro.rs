use hipflask::prelude::*;

async fn missing(_error: HttpError) -> &'static str {
    "missing"
}

fn app() -> App {
    app!().register_error_handler("404", missing)
}

fn main() {}
