use hipflask::prelude::*;

struct Mail;

fn app() -> App {
    app!().extend(Mail)
}

fn main() {}
