//! Everything also works without macros.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hipflask::Rule;
use hipflask::extension::{Answer, Handler, Outcome};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;

fn app() -> App {
    App::new("hello", env!("CARGO_MANIFEST_DIR"))
        .add_url_rule(Rule::new("/hello/<name>").endpoint("hello").methods([GET]), hello)
        .add_url_rule(Rule::new("/lamp").endpoint("lamp").methods([GET, PUT]), Lamp::default())
}

/// A class-based view: one value for several methods.
#[derive(Default)]
struct Lamp {
    is_on: AtomicBool,
}

impl Handler for Lamp {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        match *ctx.request().method() {
            PUT => {
                self.is_on.store(true, Relaxed);
                Status::NO_CONTENT.into_outcome(ctx)
            }
            _ => if self.is_on.load(Relaxed) { "on" } else { "off" }.into_outcome(ctx),
        }
    }
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

#[hipflask::test]
async fn a_value_answers_several_methods() {
    let client = app().test_client();
    assert_eq!(client.get("/lamp").send().await.text(), "off");
    assert_eq!(client.put("/lamp").send().await.status(), 204);
    assert_eq!(client.get("/lamp").send().await.text(), "on");
    assert_eq!(client.post("/lamp").send().await.header("allow"), Some("GET, HEAD, OPTIONS, PUT"));
}
