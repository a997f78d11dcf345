use hipflask::prelude::*;

#[derive(Form)]
struct Length {
    #[field(length(1..=3))]
    age: u8,
}

#[derive(Form)]
struct Range {
    #[field(range(1..=3))]
    name: String,
}

#[derive(Form)]
struct Mail {
    #[field(email)]
    subscribed: bool,
}

#[derive(Form)]
struct Words {
    #[field(none_of("1", "2"))]
    number: Option<u8>,
}

#[derive(Form)]
struct List {
    #[field(entries(1..=2))]
    name: String,
}

#[derive(Form)]
struct Float {
    #[field(range(0..=1))]
    ratio: f64,
}

fn main() {}
