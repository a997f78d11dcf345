use hipflask::prelude::*;

#[derive(Form)]
enum Kind {
    Post,
    Page,
}

#[derive(Form)]
struct Pair(String, String);

#[derive(Form)]
struct Generic<T> {
    value: T,
}

fn main() {}
