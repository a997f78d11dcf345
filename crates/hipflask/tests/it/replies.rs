//! Values that become a response with the request at hand, replies, and what becomes of views that return nothing.

use hipflask::Rule;
use hipflask::extension::Answer;
use hipflask::helpers::{Respond, send_file};
use hipflask::http::Cookie;
use hipflask::prelude::*;

/// The path of the request, at once or after a wait.
struct PathOf {
    waits: bool,
}

impl Respond for PathOf {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let path = ctx.request().path().to_owned();
        if !self.waits {
            return path.respond(ctx);
        }
        Answer::Later(Box::pin(async move {
            tokio::task::yield_now().await;
            path.respond(ctx).await
        }))
    }
}

#[get("/inline", inline)]
fn in_place() -> (Status, PathOf) {
    (Status::ACCEPTED, PathOf { waits: true })
}

#[hipflask::test]
async fn a_value_of_ones_own_sees_the_request_wherever_it_is_returned() {
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/async"), async || PathOf { waits: true })
        .add_url_rule(Rule::new("/thread"), || ("x", 202).into_reply().with_status(202))
        .add_url_rule(Rule::new("/pair"), async || (PathOf { waits: false }, 202))
        .add_url_rule(Rule::new("/reply"), async || PathOf { waits: true }.into_reply().with_status(202))
        .add_url_rule(Rule::new("/left"), async || -> Result<&str> { Err(PathOf { waits: true }.into_reply().into()) })
        .add_url_rule(Rule::new("/failing"), async || -> Result<&str> { abort!(418) })
        .register_error_handler(418, async || (Status::IM_A_TEAPOT, PathOf { waits: true }))
        .before_request(async |ctx: &mut Context| (ctx.request().path() == "/hook").then_some(PathOf { waits: true }))
        .routes(routes![in_place])
        .test_client();
    let expected = [
        ("/async", 200, "/async"),
        ("/thread", 202, "x"),
        ("/pair", 202, "/pair"),
        ("/reply", 202, "/reply"),
        ("/left", 200, "/left"),
        ("/failing", 418, "/failing"),
        ("/hook", 200, "/hook"),
        ("/inline", 202, "/inline"),
    ];
    for (target, status, body) in expected {
        let response = client.get(target).send().await;
        assert_eq!((response.status().as_u16(), response.text().as_str()), (status, body), "{target}");
    }
}

#[hipflask::test]
async fn a_template_can_be_changed_as_a_finished_response() {
    async fn page(ctx: &mut Context) -> Result<Response> {
        let mut response = Template::from_string("{{ 1 + 1 }}").respond(ctx).await?;
        assert_eq!(response.body().as_bytes(), Some(&b"2"[..]), "it is complete");
        *response.body_mut() = "3".to_owned().into();
        Ok(response)
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    assert_eq!(client.get("/").send().await.text(), "3");
}

#[hipflask::test]
async fn a_reply_adds_a_status_headers_and_cookies() {
    async fn page() -> Result<Reply> {
        let mut inside = Response::new("text").with_header("x-a", "inside")?.with_header("x-b", "kept")?;
        inside.set_cookie(&Cookie::new("one", "1"))?;
        let mut reply = inside.into_reply().with_status(203).with_header("x-a", "outside")?;
        reply.set_cookie(&Cookie::new("two", "2"))?;
        Ok(reply.into_reply())
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    let response = client.get("/").send().await;
    assert_eq!(
        (response.status().as_u16(), response.header("x-a"), response.header("x-b")),
        (203, Some("outside"), Some("kept"))
    );
    assert_eq!((client.cookie("one").as_deref(), client.cookie("two").as_deref()), (Some("1"), Some("2")));
    assert!("x".into_reply().with_header("x-a", "split\r\n").is_err());
    assert!("x".into_reply().set_cookie(&Cookie::new("a b", "x")).is_err());
}

#[hipflask::test]
async fn a_header_given_twice_is_sent_twice_and_replaces_the_one_inside() {
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/"), async || ([("x-a", "1"), ("X-A", "2"), ("content-type", "text/csv")], "a,b"))
        .add_url_rule(Rule::new("/bad"), async || ([("x-a", "1\n")], "text"))
        .test_client();
    let response = client.get("/").send().await;
    let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
    assert_eq!((values.len(), values[0], values[1]), (2, &"1".parse().unwrap(), &"2".parse().unwrap()));
    assert_eq!(response.headers().get_all("content-type").iter().count(), 1);
    assert_eq!(client.get("/bad").send().await.status(), 500, "nothing splits a response");
}

#[hipflask::test]
async fn a_file_under_another_status_is_sent_whole() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
    const TEXT: &str = include_str!("../../src/lib.rs");
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/pair"), async || (Status::NOT_FOUND, send_file(FILE)))
        .add_url_rule(Rule::new("/reply"), async || send_file(FILE).into_reply().with_status(404))
        .add_url_rule(Rule::new("/nested"), async || (([("x-a", "1")], send_file(FILE).into_reply()), 404))
        .test_client();
    for target in ["/pair", "/reply", "/nested"] {
        let response = client.get(target).header("range", "bytes=0-1").send().await;
        assert_eq!((response.status().as_u16(), response.text().as_str()), (404, TEXT), "{target}");
    }
}

#[hipflask::test]
async fn an_http_error_is_an_answer_with_its_page() {
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/"), async || HttpError::new(410).description("It was here."))
        .register_error_handler(410, async || "the handler is for errors, and this is an answer")
        .test_client();
    let response = client.get("/").send().await;
    assert_eq!(response.status(), 410);
    assert!(response.text().contains("<p>It was here.</p>"), "{}", response.text());
}

#[hipflask::test]
async fn a_view_that_returns_nothing_is_told_as_a_mistake() {
    let app = || {
        App::new("test", ".")
            .add_url_rule(Rule::new("/unit").endpoint("unit"), async || ())
            .add_url_rule(Rule::new("/none"), async || None::<&str>)
    };
    let seen = app()
        .register_error_handler(500, async |error: HttpError| error.original().map(ToString::to_string))
        .test_client();
    assert!(seen.get("/unit").send().await.text().contains("the view `unit` returned nothing"));
    assert_eq!(app().test_client().get("/none").send().await.status(), 500);
    // A mount gets what the view leaves.
    let mounted = app().mount("/", App::new("inner", ".").add_url_rule(Rule::new("/unit"), async || "inside"));
    assert_eq!(mounted.test_client().get("/unit").send().await.text(), "inside");
}
