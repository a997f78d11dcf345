use hipflask::prelude::*;

#[errorhandler(200)]
async fn fine() -> &'static str {
    "fine"
}

#[errorhandler(4040)]
async fn missing() -> &'static str {
    "missing"
}

#[errorhandler("404")]
async fn text() -> &'static str {
    "text"
}

#[errorhandler]
async fn bare() -> &'static str {
    "bare"
}

#[errorhandler(404, 410)]
async fn two() -> &'static str {
    "two"
}

#[errorhandler(99999999999)]
async fn large() -> &'static str {
    "large"
}

#[errorhandler(-404)]
async fn negative() -> &'static str {
    "negative"
}

#[errorhandler(Status::NOT_FOUND)]
async fn constant() -> &'static str {
    "constant"
}

fn main() {}
