use hipflask::prelude::*;

fn page() -> Html {
    html!("<p>Hello, {name}")
}

fn main() {}
