use hipflask::prelude::*;

#[hipflask::main]
fn app() -> Blueprint {
    Blueprint::new("blog")
}
