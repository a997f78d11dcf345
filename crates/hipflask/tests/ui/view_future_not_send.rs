use hipflask::prelude::*;

use std::rc::Rc;

async fn pause() {}

#[get("/")]
async fn index() -> String {
    let name = Rc::new("Ada");
    pause().await;
    name.to_string()
}

fn main() {}
