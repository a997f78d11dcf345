use hipflask::prelude::*;

fn app() -> App {
    app!().mount("/files", "static")
}

fn main() {}
