use hipflask::prelude::*;

struct NotAnError;

#[errorhandler(NotAnError)]
async fn handler(_error: &NotAnError) -> &'static str {
    "handled"
}

#[errorhandler(NotAnErorr)]
async fn misspelt() -> &'static str {
    "handled"
}

fn main() {}
