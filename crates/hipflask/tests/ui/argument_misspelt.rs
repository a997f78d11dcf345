use hipflask::prelude::*;

#[get("/hello/<name>")]
async fn hello(nmae: String) -> String {
    nmae
}

fn main() {}
