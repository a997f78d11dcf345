use hipflask::prelude::*;

#[hipflask::main]
fn app() {
    app!();
}
