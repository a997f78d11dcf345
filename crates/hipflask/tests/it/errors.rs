//! Errors: what answers them, what a client sees of them, and what a developer sees.

use std::fmt;

use hipflask::Rule;
use hipflask::errors::{Catches, Caught, ErrorHandler};
use hipflask::http::{MultiDict, Request};
use hipflask::prelude::*;
use serde_json::Value;

#[derive(Debug)]
struct OutOfStock(u32);

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is out of stock", self.0)
    }
}

impl std::error::Error for OutOfStock {}

#[derive(Debug)]
struct OrderFailed(OutOfStock);

impl fmt::Display for OrderFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order failed <b>")
    }
}

impl std::error::Error for OrderFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn order() -> Result<String, OrderFailed> {
    Err(OrderFailed(OutOfStock(7)))
}

#[get("/order")]
async fn failing_order() -> Result<String> {
    Ok(order()?)
}

#[get("/abort/<int:code>")]
async fn aborting(code: u16) -> Result<&'static str> {
    abort!(code, "because of <you>\nand me")
}

#[get("/missing")]
async fn missing() -> Result<&'static str> {
    None.or_404()
}

#[get("/answer")]
async fn answer() -> Result<&'static str> {
    Err((Status::IM_A_TEAPOT, "short and stout").into_reply().into())
}

fn app() -> App {
    App::new("test", ".").routes(routes![failing_order, aborting, missing, answer])
}

#[hipflask::test]
async fn an_http_error_is_a_response() {
    let client = app().test_client();
    let response = client.get("/abort/403").send().await;
    assert_eq!(response.status(), 403);
    assert_eq!(
        response.text(),
        "<!doctype html>\n<html lang=en>\n<title>403 Forbidden</title>\n<h1>Forbidden</h1>\n<p>because of &lt;you&gt;<br>and me</p>\n"
    );
    assert_eq!(client.get("/missing").send().await.status(), 404);
    assert_eq!(client.get("/answer").send().await.text(), "short and stout");
    let json: Value = client.get("/abort/409").header("accept", "application/json").send().await.json();
    assert_eq!((&json["code"], &json["name"]), (&409.into(), &"Conflict".into()));
    let axios = client.get("/abort/409").header("accept", "application/json, text/plain, */*").send().await;
    assert_eq!(axios.header("content-type"), Some("application/json"));
    for accept in ["text/html", "application/json"] {
        let response = client.get("/abort/416").header("accept", accept).send().await;
        assert_eq!(response.header("vary"), Some("Accept"), "a cache must not give one for the other");
        assert!(response.text().contains("Requested Range Not Satisfiable"), "Werkzeug's name");
    }
    for code in [400, 401, 405, 408, 410, 413, 415, 418, 422, 423, 424, 428, 429, 431, 451, 500, 501, 502, 503, 504] {
        assert_eq!(client.get(&format!("/abort/{code}")).send().await.status(), code);
    }
}

#[hipflask::test]
async fn what_is_not_an_error_status_is_a_mistake_and_a_500() {
    let client = app().test_client();
    for code in [200, 302, 999] {
        assert_eq!(client.get(&format!("/abort/{code}")).send().await.status(), 500, "{code}");
    }
}

#[hipflask::test]
async fn nothing_of_the_inside_is_shown_in_production() {
    let client = app().config("DEBUG", false).test_client();
    for accept in ["text/html", "application/json"] {
        let response = client.get("/order").header("accept", accept).send().await;
        assert_eq!(response.status(), 500);
        let text = response.text();
        assert!(!text.contains("order") && !text.contains("stock") && !text.contains("errors.rs"), "{text}");
    }
    let response = client.get("/nowhere").send().await;
    assert!(!response.text().contains("/abort"), "the rules are not for clients");
}

#[hipflask::test]
async fn a_developer_sees_where_and_why() {
    let client = app().config("DEBUG", true).config("SECRET_KEY", "k").test_client();
    let page = client.get("/order?q=<x>").header("cookie", "session=secret-value").send().await;
    assert_eq!(page.status(), 500);
    let text = page.text();
    for shown in [
        "the order failed &lt;b&gt;",
        "7 is out of stock",
        "tests/it/errors.rs:",
        "Ok(order()?)",
        "failing_order",
        "&lt;x&gt;",
        "request id",
    ] {
        assert!(text.contains(shown), "{shown} is missing in {text}");
    }
    assert!(!text.contains("secret-value") && !text.contains("failed <b>"), "{text}");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("style-src 'nonce-") && !policy.contains("unsafe-inline"), "{policy}");
    let json: Value = client.get("/order").header("accept", "application/json").send().await.json();
    assert_eq!(json["description"], "the order failed <b>");
    assert_eq!(json["causes"][0], "7 is out of stock");
    assert!(json["at"].as_str().unwrap_or_default().contains("errors.rs:"), "{json}");

    let text = client.get("/nowhere").send().await.text();
    assert!(text.contains("No rule matches GET /nowhere") && text.contains("/abort/&lt;int:code&gt;"), "{text}");
}

#[hipflask::test]
async fn the_debug_page_shows_no_password_under_any_name() {
    #[derive(Form)]
    struct Registration {
        username: String,
        #[field(widget = "password")]
        password: String,
        #[field(widget = "password")]
        again: String,
        #[field(widget = "password")]
        pin: String,
    }
    #[post("/register/<typed>")]
    async fn register(typed: String, form: Form<Registration>, session: Session) -> Result<String> {
        let Some(Registration { username, password, again, pin }) = form.valid() else { return Ok(typed) };
        session.set("draft", again);
        Err(Error::msg(format!("no mail for {username}, {}", password.len() + pin.len())))
    }
    let app = App::new("test", ".").config("DEBUG", true).config("SECRET_KEY", "k").routes(routes![register]);
    let fields = [("username", "ada"), ("password", "correct horse"), ("again", "correct horse"), ("pin", "4711")];
    let client = app.test_client();
    let request = client.post("/register/correct%20horse?q=correct+horse").header("x-typed", "4711");
    let page = request.form(fields).send().await.text();
    assert!(page.contains("no mail for ada") && page.contains("<td>username</td><td>ada</td>"), "{page}");
    for name in ["password", "again", "pin", "typed", "q", "draft", "x-typed"] {
        assert!(page.contains(&format!("<td>{name}</td><td>(concealed)</td>")), "{name}: {page}");
    }
}

#[hipflask::test]
async fn another_machine_sees_the_short_page_even_in_debug_mode() {
    let app = app().config("DEBUG", true).freeze().expect("nothing is wrong with it");
    for peer in ["192.0.2.7:4000", "[2001:db8::1]:4000"] {
        let peer = peer.parse().expect("an address");
        let request = Request::get("/order").with_peer(peer, hipflask::http::Scheme::Http);
        let body = app.respond(request).await.into_parts().2.collect(10_000).await.expect("it is at hand");
        assert!(!String::from_utf8_lossy(&body).contains("stock"));
    }
    // A proxy in between: the client is somewhere else.
    let local = "127.0.0.1:4000".parse().expect("an address");
    let request = Request::get("/order")
        .with_peer(local, hipflask::http::Scheme::Http)
        .with_header("x-forwarded-for", "192.0.2.7");
    let body = app.respond(request).await.into_parts().2.collect(10_000).await.expect("it is at hand");
    assert!(!String::from_utf8_lossy(&body).contains("stock"));
}

#[hipflask::test]
async fn handlers_are_found_by_status_and_by_type() {
    #[errorhandler(404)]
    async fn not_found(error: HttpError) -> (Status, String) {
        (error.status(), format!("nothing here: {}", error.name()))
    }
    #[errorhandler(OrderFailed)]
    async fn order_failed(error: &OrderFailed) -> (Status, String) {
        (Status::CONFLICT, format!("no {}", error.0.0))
    }
    let client = app().errorhandler(not_found).errorhandler(order_failed).test_client();
    let response = client.get("/missing").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (404, "nothing here: Not Found"));
    assert_eq!(client.get("/nowhere").send().await.text(), "nothing here: Not Found");
    let response = client.get("/order").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (409, "no 7"));
}

#[hipflask::test]
async fn a_handlers_status_is_200_unless_it_says_so() {
    let client = app().register_error_handler(404, async || "all is well").test_client();
    let response = client.get("/nowhere").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "all is well"));
}

fn says(text: &'static str) -> impl Fn() -> (Status, &'static str) + Clone + Send + Sync + 'static {
    move || (Status::IM_A_TEAPOT, text)
}

fn catching(catches: Catches, text: &'static str) -> ErrorHandler {
    ErrorHandler::new(catches, says(text))
}

#[hipflask::test]
async fn the_nearest_handler_wins() {
    let view = || Rule::new("/fail");
    let failing = async || -> Result<&str> { Err(OrderFailed(OutOfStock(1)).into()) };
    let aborting = async || -> Result<&str> { abort!(404) };
    let inner = Blueprint::new("inner")
        .url_prefix("/inner")
        .errorhandler(catching(Catches::error::<OutOfStock>(), "inner: the cause"))
        .add_url_rule(view().endpoint("fail"), failing)
        .add_url_rule(Rule::new("/abort").endpoint("abort"), aborting);
    let outer = Blueprint::new("outer")
        .url_prefix("/outer")
        .errorhandler(catching(Catches::error::<OrderFailed>(), "outer: the error"))
        .errorhandler(catching(Catches::status(404), "outer: 404"))
        .register_blueprint(inner)
        .add_url_rule(view().endpoint("fail"), failing);
    let app = App::new("test", ".")
        .errorhandler(catching(Catches::error::<Error>(), "app: everything"))
        .errorhandler(catching(Catches::error::<HttpError>(), "app: every HTTP error"))
        .errorhandler(catching(Catches::error::<OutOfStock>(), "app: the cause"))
        .register_blueprint(outer)
        .add_url_rule(view().endpoint("fail"), failing)
        .add_url_rule(Rule::new("/abort").endpoint("abort"), aborting)
        .add_url_rule(Rule::new("/other").endpoint("other"), async || -> Result<&str> { Err(Error::msg("other")) });
    let client = app.test_client();
    for (target, text) in [
        ("/outer/inner/fail", "inner: the cause"),
        ("/outer/fail", "outer: the error"),
        ("/fail", "app: the cause"),
        // One for the status comes before one for a type, however near that is.
        ("/outer/inner/abort", "outer: 404"),
        ("/abort", "app: every HTTP error"),
        // No blueprint is known where no rule matched.
        ("/outer/nowhere", "app: every HTTP error"),
        ("/other", "app: everything"),
    ] {
        assert_eq!(client.get(target).send().await.text(), text, "{target}");
    }
}

#[hipflask::test]
async fn a_handler_for_500_dresses_every_unhandled_error() {
    async fn internal(error: HttpError) -> (Status, String) {
        (error.status(), format!("{} {}", error.name(), error.original().is_some()))
    }
    let app = app().config("DEBUG", false).register_error_handler(500, internal);
    let client = app.add_url_rule(Rule::new("/panic"), async || -> &str { panic!("in pieces") }).test_client();
    for target in ["/order", "/panic"] {
        let response = client.get(target).send().await;
        assert_eq!(
            (response.status().as_u16(), response.text().as_str()),
            (500, "Internal Server Error true"),
            "{target}"
        );
    }
}

#[hipflask::test]
async fn a_handler_that_fails_is_answered_too() {
    let broken = async || -> Result<&str> { Err(Error::msg("in the handler")) };
    let client = app().config("DEBUG", false).register_error_handler(404, broken).test_client();
    assert_eq!(client.get("/nowhere").send().await.status(), 500);
    let passing = async || -> Option<&'static str> { None };
    let client = app().config("DEBUG", false).register_error_handler(404, passing).test_client();
    assert_eq!(client.get("/nowhere").send().await.status(), 404);
}

#[hipflask::test]
async fn a_handler_that_passes_leaves_the_error_to_the_next() {
    async fn pass() -> Option<&'static str> {
        None
    }
    async fn caught(error: Caught<OutOfStock>) -> String {
        format!("caught: {}", *error)
    }
    let app = app()
        .config("DEBUG", false)
        .errorhandler(ErrorHandler::new(Catches::error::<Error>(), async || "anything"))
        .errorhandler(ErrorHandler::new(Catches::error::<OutOfStock>(), caught))
        .errorhandler(ErrorHandler::new(Catches::error::<OrderFailed>(), pass))
        .errorhandler(ErrorHandler::new(Catches::error::<Error>(), pass));
    let client = app.register_error_handler(404, pass).test_client();
    assert_eq!(client.get("/order").send().await.text(), "caught: 7 is out of stock");
    assert_eq!(client.get("/nowhere").send().await.text(), "anything");
}

#[hipflask::test]
async fn a_caught_error_is_an_argument_like_another() {
    async fn number(error: Caught<std::num::ParseIntError>, ctx: MultiDict) -> String {
        format!("{}: {:?}", *error, ctx.get("n"))
    }
    #[get("/")]
    async fn parse(query: MultiDict) -> Result<String> {
        let number: u8 = query.get("n").unwrap_or_default().parse()?;
        Ok(number.to_string())
    }
    let handler = ErrorHandler::new(Catches::error::<std::num::ParseIntError>(), number);
    let client = App::new("test", ".").routes(routes![parse]).errorhandler(handler).test_client();
    assert_eq!(client.get("/?n=x").send().await.text(), "invalid digit found in string: Some(\"x\")");
    assert_eq!(client.get("/?n=3").send().await.text(), "3");
}

#[hipflask::test]
async fn a_panic_anywhere_is_a_500_and_the_next_request_is_served() {
    async fn explode(ctx: &mut Context) {
        assert!(ctx.request().path() != "/panic", "in pieces");
    }
    let app = || App::new("test", ".").add_url_rule(Rule::new("/ok"), async || "ok");
    let quiet = || app().add_url_rule(Rule::new("/panic"), async || "quiet");
    #[derive(Debug)]
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("in pieces")
        }
    }
    impl std::error::Error for Unspeakable {}
    let page = async || Template::from_string("{{ 1|explode }}");
    let exploding = || app().template_filter("explode", |_: i64| -> i64 { panic!("in pieces") });
    let apps = [
        app().add_url_rule(Rule::new("/panic"), async || -> &str { panic!("in pieces") }),
        quiet().before_request(explode),
        quiet().after_request(explode),
        quiet().url_value_preprocessor(explode),
        exploding().add_url_rule(Rule::new("/panic"), page),
        exploding().add_url_rule(Rule::new("/panic"), async || -> Result<&str> {
            Err(Template::from_string("{{ 1|explode }}").into_reply().into())
        }),
        exploding().register_error_handler(404, page),
        quiet().before_request(explode).register_error_handler(500, async || -> &str { panic!("here too") }),
        app().add_url_rule(Rule::new("/panic"), async || -> Result<&str, Unspeakable> { Err(Unspeakable) }),
        quiet().after_request(
            |ctx: &mut Context| if ctx.request().path() == "/panic" { Err(Unspeakable) } else { Ok(()) },
        ),
    ];
    for (number, app) in apps.into_iter().enumerate() {
        let client = app.test_client();
        assert_eq!(client.get("/panic").send().await.status(), 500, "{number}");
        assert_eq!(client.get("/ok").send().await.text(), "ok", "{number}");
    }
}

#[hipflask::test]
async fn while_developing_the_debug_page_comes_before_a_handler_for_500() {
    let app = || app().register_error_handler(500, async || "dressed");
    let debug = app().config("DEBUG", true).config("SECRET_KEY", "k").test_client();
    assert!(debug.get("/order").send().await.text().contains("7 is out of stock"), "the page tells what happened");
    let production = app().config("DEBUG", false).test_client();
    assert_eq!(production.get("/order").send().await.text(), "dressed");
}

/// As Flask 3.1.3 answers, where `E` is what its test client raises. A redirect to the form with the slash, which it
/// traps too, stays one here.
#[test]
fn errors_can_be_trapped_and_propagate() {
    let keys = |keys: &[&str]| {
        let app = App::new("test", ".").config("DEBUG", false);
        keys.iter().fold(app, |app, key| app.config(key.trim_start_matches('!'), !key.starts_with('!')))
    };
    let handled = |app: App, handler: &str| match handler {
        "404" => app.register_error_handler(404, async || (Status::IM_A_TEAPOT, "handled")),
        "500" => app.register_error_handler(500, async || (Status::IM_A_TEAPOT, "handled")),
        _ => app,
    };
    for (set, handler, expected) in [
        (&[][..], "", "404 400 500 308"),
        (&[], "404", "418 400 500 308"),
        (&[], "500", "404 400 418 308"),
        (&["TRAP_HTTP_EXCEPTIONS"], "", "500 500 500 308"),
        (&["TRAP_HTTP_EXCEPTIONS"], "404", "418 500 500 308"),
        (&["TRAP_HTTP_EXCEPTIONS"], "500", "418 418 418 308"),
        (&["TRAP_BAD_REQUEST_ERRORS"], "", "404 500 500 308"),
        (&["TRAP_BAD_REQUEST_ERRORS"], "500", "404 418 418 308"),
        (&["PROPAGATE_EXCEPTIONS"], "", "404 400 E 308"),
        (&["PROPAGATE_EXCEPTIONS"], "500", "404 400 E 308"),
        (&["TESTING"], "500", "404 400 E 308"),
        (&["TESTING", "!PROPAGATE_EXCEPTIONS"], "", "404 400 500 308"),
        (&["TESTING", "!PROPAGATE_EXCEPTIONS"], "500", "404 400 418 308"),
        (&["TESTING", "TRAP_HTTP_EXCEPTIONS"], "", "E E E 308"),
        (&["TESTING", "TRAP_HTTP_EXCEPTIONS"], "404", "418 E E 308"),
    ] {
        let app = handled(keys(set), handler)
            .add_url_rule(Rule::new("/bad"), async || -> Result<&str> { abort!(400) })
            .add_url_rule(Rule::new("/broken"), async || -> Result<&str> { Err(std::fmt::Error)? })
            .add_url_rule(Rule::new("/slash/"), async || "x");
        let client = app.test_client();
        let answers = ["/nowhere", "/bad", "/broken", "/slash"].map(|path| {
            let sent = hipflask::block_on(client.get(path).try_send());
            sent.map_or_else(|_| "E".to_owned(), |response| response.status().as_u16().to_string())
        });
        assert_eq!(answers.join(" "), expected, "{set:?}, a handler for {handler:?}");
    }
}

#[test]
fn a_test_gets_the_error_with_its_type() {
    let broken = async || -> Result<&str> { Err(std::fmt::Error)? };
    let app = || App::new("test", ".").add_url_rule(Rule::new("/"), broken);
    let response = app().test_client().get("/").send_blocking();
    assert_eq!(response.status(), 500);
    assert!(response.error().is_some_and(|error| error.downcast_ref::<std::fmt::Error>().is_some()));
    let client = app().config("TESTING", true).test_client();
    let error = hipflask::block_on(client.get("/").try_send()).expect_err("it propagates");
    assert!(error.downcast_ref::<std::fmt::Error>().is_some());
    let panicked = hipflask::errors::catch(|| client.get("/").send_blocking()).expect_err("it has no other way");
    assert!(panicked.message().starts_with("GET / failed: "), "{}", panicked.message());
    // So does that of what is mounted, and a panic.
    let outer = App::new("outer", ".").config("TESTING", true).mount("/inner", app());
    let outer = outer.add_url_rule(Rule::new("/panic"), async || -> &str { panic!("in pieces") }).test_client();
    assert!(hipflask::block_on(outer.get("/inner/").try_send()).is_err());
    let error = hipflask::block_on(outer.get("/panic").try_send()).expect_err("it propagates");
    assert_eq!(error.kind(), hipflask::errors::ErrorKind::Panic);
}
