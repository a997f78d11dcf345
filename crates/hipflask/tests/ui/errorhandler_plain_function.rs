use hipflask::prelude::*;

async fn missing(_error: HttpError) -> &'static str {
    "missing"
}

fn app() -> App {
    app!().errorhandler(missing)
}

fn main() {}
