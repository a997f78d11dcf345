use hipflask::prelude::*;

#[hipflask::main(port = 8080)]
fn app() -> App {
    app!()
}
