use hipflask::prelude::*;

fn app() -> App {
    app!().before_request("maintenance").after_request(html!("<p>"))
}

fn main() {}
