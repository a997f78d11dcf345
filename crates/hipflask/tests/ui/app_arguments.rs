use hipflask::prelude::*;

fn app() -> App {
    app!("blog")
}

fn main() {}
