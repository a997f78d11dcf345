use hipflask::form::Choices;
use hipflask::prelude::*;

#[derive(Choices)]
struct NoEnum {
    name: String,
}

#[derive(Choices)]
enum Nothing {}

#[derive(Choices)]
enum Inside {
    Known,
    Other(String),
}

#[derive(Choices)]
enum Twice {
    Small,
    #[choice(value = "small")]
    Tiny,
}

#[derive(Choices)]
enum Option_ {
    #[choice(name = "x")]
    Small,
}

#[derive(Choices)]
enum Blank {
    #[choice(value = "")]
    Small,
}

// The enum is a field all the same: one mistake is one message.
#[derive(Form)]
struct Order {
    size: Twice,
}

fn main() {}
