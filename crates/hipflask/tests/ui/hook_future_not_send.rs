use hipflask::prelude::*;

use std::rc::Rc;

async fn pause() {}

async fn load() {
    let name = Rc::new("Ada");
    pause().await;
    drop(name);
}

fn app() -> App {
    app!().before_request(load)
}

fn main() {}
