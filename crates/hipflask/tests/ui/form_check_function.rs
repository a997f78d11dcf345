use hipflask::prelude::*;

fn short(text: String) -> bool {
    text.len() < 10
}

#[derive(Form)]
struct NewPost {
    #[field(check = short)]
    title: String,
}

#[derive(Form)]
struct Missing {
    #[field(check = not_there)]
    title: String,
}

fn main() {}
