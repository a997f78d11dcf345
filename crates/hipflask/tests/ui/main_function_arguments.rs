use hipflask::prelude::*;

#[hipflask::main]
fn app(_debug: bool) -> App {
    app!()
}
