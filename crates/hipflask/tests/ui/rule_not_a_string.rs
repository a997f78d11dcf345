use hipflask::prelude::*;

#[get(hello)]
async fn hello() -> Html {
    html!("<p>Hello")
}

#[get(404)]
async fn number() -> Html {
    html!("<p>Hello")
}

#[route(methods = [GET], "/late")]
async fn late() -> Html {
    html!("<p>Hello")
}

fn main() {}
