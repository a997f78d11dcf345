use hipflask::prelude::*;

#[get("/hello/<name")]
async fn hello(name: String) -> Html {
    html!("<p>Hello, {name}")
}

#[get("/bye/name>")]
async fn bye(name: String) -> Html {
    html!("<p>Bye, {name}")
}

fn main() {}
