use hipflask::prelude::*;

#[errorhandler(404)]
async fn missing<T>(error: T) -> &'static str {
    "missing"
}

fn main() {}
