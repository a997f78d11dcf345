use hipflask::prelude::*;

#[hipflask::main]
async fn app() -> App {
    app!()
}
