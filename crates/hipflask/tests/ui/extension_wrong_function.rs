use hipflask::prelude::*;

fn mail(_app: App) {}

fn app() -> App {
    app!().extend(mail)
}

fn main() {}
