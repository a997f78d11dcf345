//! `#[hipflask::main]` beside tests of the same application.

use std::process::ExitCode;

use hipflask::prelude::*;

#[get("/")]
fn index() -> &'static str {
    "index"
}

#[hipflask::main]
fn app() -> Result<App> {
    Ok(app!().routes(routes![index]))
}

#[hipflask::test]
async fn the_application_is_there_for_tests() -> Result<()> {
    assert_eq!(app()?.test_client().get("/").send().await.text(), "index");
    Ok(())
}

#[hipflask::test]
fn main_is_a_plain_main() {
    let _: fn() -> ExitCode = main;
}
