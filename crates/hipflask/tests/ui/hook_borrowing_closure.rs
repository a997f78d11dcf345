use hipflask::prelude::*;

fn app(names: Vec<String>) -> App {
    app!().before_request(async move || names.len().to_string())
}

fn main() {}
