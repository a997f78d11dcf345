use hipflask::prelude::*;

#[derive(Form)]
struct NewPost {
    #[field(lenght(1..=80))]
    title: String,
}

#[derive(Form)]
struct Flag {
    #[field(required)]
    title: String,
}

#[derive(Form)]
struct Misspelt {
    #[field(lable = "Title")]
    title: String,
}

#[derive(Form)]
struct Path {
    #[field(a::b = 1)]
    title: String,
}

#[derive(Form)]
struct Text {
    #[field("Title")]
    title: String,
}

#[derive(Form)]
struct Bare {
    #[field]
    title: String,
}

#[derive(Form)]
struct Value {
    #[field = "Title"]
    title: String,
}

// The names of its fields are there all the same: one mistake is one message.
const TITLE: hipflask::form::FieldName<NewPost> = NewPost::TITLE;

fn main() {}
