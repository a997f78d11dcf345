use hipflask::prelude::*;

struct Point;

#[derive(Form)]
struct Place {
    name: String,
    point: Point,
}

#[derive(Form)]
struct Borrowed {
    name: &'static str,
}

fn main() {}
