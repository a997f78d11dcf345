//! Everything also works without macros.

use hipflask::Rule;
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;

fn app() -> App {
    App::new("hello", env!("CARGO_MANIFEST_DIR"))
        .add_url_rule(Rule::new("/hello/<name>").endpoint("hello").methods([GET]), hello)
}

async fn hello(args: ViewArgs) -> Result<String> {
    Ok(format!("Hello, {}!", args.get::<String>("name")?))
}

#[hipflask::test]
async fn a_string_is_plain_text() {
    let client = app().test_client();
    let response = client.get("/hello/<b>").send().await;
    assert_eq!(response.text(), "Hello, <b>!");
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(client.post("/hello/x").send().await.status(), 405);
}

/// It is `impl Handler`s all the way down: what the macro writes can be typed.
#[hipflask::test]
async fn the_endpoint_builds_urls() {
    let app = app().config("SERVER_NAME", "example.org").freeze().expect("nothing is wrong with it");
    let url = hipflask::helpers::UrlFor::endpoint("hello").value("name", "Ada Lovelace");
    assert_eq!(app.context().url_for(url).expect("it is an endpoint"), "http://example.org/hello/Ada%20Lovelace");
    let rule = app.rules().find(|rule| rule.endpoint() == "hello").expect("it was added");
    assert_eq!(rule.text(), "/hello/<name>");
    assert_eq!(rule.methods().map(|method| method.as_str()).collect::<Vec<_>>(), ["GET", "HEAD", "OPTIONS"]);
}
