use hipflask::prelude::*;

#[derive(Form)]
struct Register {
    password: String,
    #[field(equal_to = "passwrod")]
    again: String,
}

fn main() {}
