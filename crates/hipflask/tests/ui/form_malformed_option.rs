use hipflask::prelude::*;

#[derive(Form)]
struct HalfOpen {
    #[field(length(1..80))]
    title: String,
}

#[derive(Form)]
struct Number {
    #[field(length(80))]
    title: String,
}

#[derive(Form)]
struct Value {
    #[field(length = 80)]
    title: String,
}

#[derive(Form)]
struct Label {
    #[field(label = Title)]
    title: String,
}

#[derive(Form)]
struct Words {
    #[field(one_of(draft, published))]
    state: String,
}

#[derive(Form)]
struct Choices {
    #[field(choices("draft", "published"))]
    state: String,
}

#[derive(Form)]
struct Equal {
    password: String,
    #[field(equal_to = password)]
    again: String,
}

#[derive(Form)]
struct Check {
    #[field(check = "short")]
    title: String,
}

#[derive(Form)]
struct Email {
    #[field(email = true)]
    email: String,
}

#[derive(Form)]
struct Trim {
    #[field(trim = true)]
    title: String,
}

#[derive(Form)]
struct FileSize {
    #[field(file_size(1..2))]
    picture: hipflask::http::Upload,
}

#[derive(Form)]
struct Parentheses {
    #[field(one_of = "a")]
    email: String,
}

fn main() {}
