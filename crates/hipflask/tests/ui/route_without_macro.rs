use hipflask::Rule;
use hipflask::prelude::*;

async fn show(id: i64) -> String {
    id.to_string()
}

fn app() -> App {
    app!().add_url_rule(Rule::new("/<int:id>"), show)
}

fn main() {}
