use hipflask::prelude::*;

#[errorhandler(404)]
async fn nothing() {}

#[errorhandler(404)]
async fn number() -> i32 {
    404
}

fn main() {}
