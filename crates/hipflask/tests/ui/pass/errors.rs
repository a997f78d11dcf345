//! What an error handler may take.

use std::io;
use std::num::ParseIntError;

use hipflask::prelude::*;

#[errorhandler(404)]
async fn by_status(error: HttpError) -> (String, u16) {
    (format!("by status {}", error.status().as_u16()), 404)
}

#[errorhandler(ParseIntError)]
fn by_type(ctx: &mut Context, error: &ParseIntError) -> String {
    format!("by type: {error} at {}", ctx.request().path())
}

#[errorhandler(io::Error)]
async fn as_any(error: &Error) -> String {
    format!("as any error: {error}")
}

#[errorhandler(HttpError)]
async fn every_status(error: &HttpError) -> String {
    format!("every status: {}", error.status().as_u16())
}

#[errorhandler(Error)]
async fn everything() -> &'static str {
    "everything"
}

#[get("/fail/<kind>")]
async fn fail(kind: String) -> Result<String> {
    match kind.as_str() {
        "number" => Ok("x".parse::<i32>()?.to_string()),
        "io" => Err(io::Error::other("disk full"))?,
        "status" => abort!(410),
        "other" => Err(std::fmt::Error)?,
        _ => abort!(404),
    }
}

fn app() -> App {
    let app = app!().routes(routes![fail]);
    app.errorhandler(by_status)
        .errorhandler(by_type)
        .errorhandler(as_any)
        .errorhandler(every_status)
        .errorhandler(everything)
}

#[hipflask::test]
async fn every_form_of_an_error_handler_answers() {
    let client = app().test_client();
    for (kind, text) in [
        ("missing", "by status 404"),
        ("number", "by type: invalid digit found in string at /fail/number"),
        ("io", "as any error: disk full"),
        ("status", "every status: 410"),
        ("other", "everything"),
    ] {
        assert_eq!(client.get(&format!("/fail/{kind}")).send().await.text(), text);
    }
}
