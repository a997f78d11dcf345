use hipflask::prelude::*;

#[hipflask::main]
fn main() -> App {
    app!()
}
