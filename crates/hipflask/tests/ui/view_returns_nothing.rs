use hipflask::prelude::*;

#[get("/")]
async fn index() {
    html!("<p>Hello");
}

fn main() {}
