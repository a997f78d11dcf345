use hipflask::prelude::*;

#[get("hello/<name>")]
async fn hello(name: String) -> Html {
    html!("<p>Hello, {name}")
}

fn main() {}
