use hipflask::prelude::*;

#[get]
async fn bare() -> Html {
    html!("<p>bare")
}

#[get()]
async fn empty() -> Html {
    html!("<p>empty")
}

fn main() {}
