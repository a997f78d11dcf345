//! The many ways to test. No test needs a socket, a port or a running server.

use hipflask::testing::TestClient;
use serde_json::{Value, json};

use super::*;

/// A fixture is a function: a client with an application of its own, so no test sees what another one did.
fn client() -> TestClient {
    app().test_client()
}

/// A client that is already logged in; `session_transaction` does what the login page would do.
fn client_of(name: &str) -> TestClient {
    let client = client();
    client.session_transaction(|session| session.set("name", name));
    client
}

/// A test that is not async: `send_blocking`.
#[test]
fn a_stranger_is_sent_to_the_login() {
    let response = client().get("/").send_blocking();
    assert_eq!(response.status(), 303);
    assert_eq!(response.header("location"), Some("/login"));
}

/// Redirects are followed as in a browser, and `history` lists them.
#[hipflask::test]
async fn a_user_who_logs_in_sees_the_notes() {
    let page = client().post("/login").form([("name", "Ada")]).follow_redirects().send().await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.history().len(), 1);
    assert_eq!(page.history()[0].1, "/");
    assert_eq!(page.templates(), ["notes.html"]);
    assert!(page.text().contains("Notes of Ada"), "{}", page.text());
}

/// The client keeps cookies: those set by a response, and those added by the test.
#[hipflask::test]
async fn cookies_come_back() {
    let client = client();
    client.post("/login").form([("name", "Ada")]).send().await;
    assert_eq!(client.cookie("last_name").as_deref(), Some("Ada"));
    assert_eq!(client.get("/").send().await.status(), 200);
    client.clear_cookies();
    assert_eq!(client.get("/").send().await.status(), 303);
    client.set_cookie("session", "forged");
    assert_eq!(client.get("/").send().await.status(), 303);
}

/// The content of a session can be read too.
#[hipflask::test]
async fn the_session_has_the_name_and_the_message() {
    let client = client_of("Ada");
    client.post("/").form([("text", "Buy punch cards.")]).send().await;
    assert_eq!(client.session(|session| session.get::<String>("name")).as_deref(), Some("Ada"));
    assert_eq!(client.session(Session::flashed_messages), [("message".to_owned(), "Noted.".into())]);
}

/// What a user types is escaped, and an invalid form says why.
#[hipflask::test]
async fn forms_are_sent_like_forms() {
    let client = client_of("Ada");
    let page = client.post("/").form([("text", "<b>")]).follow_redirects().send().await;
    assert!(page.text().contains("<li>&lt;b&gt;</li>"), "{}", page.text());
    let page = client.post("/").form([("text", "")]).send().await;
    assert_eq!((page.status().as_u16(), page.history().len()), (200, 0));
    assert!(page.text().contains("aria-invalid"), "{}", page.text());
}

/// `json` sends JSON and `json` reads it, as a type of your own or as a `Value`.
#[hipflask::test]
async fn programs_talk_json() {
    let client = client_of("Ada");
    let made = client.post("/notes.json").json(&json!({"notes": ["one", "two"]})).send().await;
    assert_eq!(made.status(), 201);
    let response = client.get("/notes.json").send().await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.json::<Vec<String>>(), ["one", "two"]);
    assert_eq!(client.get("/notes/1").send().await.text(), "two");
}

/// Errors are responses; a table lists them.
#[hipflask::test]
async fn errors_have_a_status_and_say_why() {
    let client = client_of("Ada");
    let post = |body: &'static str| client.post("/notes.json").header("content-type", "application/json").body(body);
    for (request, status) in [
        (client.get("/notes/7"), 404),
        (client.get("/notes/x"), 404),
        (client.delete("/notes.json"), 405),
        (client.post("/notes.json").body("text"), 415),
        (post("{"), 400),
        (post(r#"{"notes": "one"}"#), 400),
    ] {
        let told = format!("{request:?}");
        assert_eq!(request.send().await.status(), status, "{told}");
    }
    client.clear_cookies();
    let refused = client.get("/notes.json").header("accept", "application/json").send().await;
    let error: Value = refused.json();
    assert_eq!((&error["code"], &error["description"]), (&json!(401), &json!("Log in first.")));
}

/// Several clients of one application are several browsers.
#[hipflask::test]
async fn notes_are_ones_own() {
    let app = app().freeze().expect("nothing is wrong with the note book");
    let [ada, grace] = ["Ada", "Grace"].map(|name| {
        let client = app.test_client();
        client.session_transaction(|session| session.set("name", name));
        client
    });
    ada.post("/").form([("text", "A secret")]).send().await;
    assert!(ada.get("/").send().await.text().contains("A secret"));
    assert!(!grace.get("/").send().await.text().contains("A secret"));
}

/// The client sends what a browser sends with a form from one of our own pages. Without that, a form needs its
/// token.
#[hipflask::test]
async fn another_site_cannot_write_notes() {
    let client = client_of("Ada");
    let foreign = client.post("/").header("sec-fetch-site", "cross-site").form([("text", "Send money")]);
    assert_eq!(foreign.send().await.status(), 400);
    let program = client.without_browser_headers();
    assert_eq!(program.post("/").form([("text", "Send money")]).send().await.status(), 400);
    let page = program.get("/").send().await.text();
    let token = page.split("name=\"csrf_token\"").nth(1).and_then(|rest| rest.split("value=\"").nth(1));
    let token = token.and_then(|rest| rest.split('"').next()).expect("the form has a token");
    let form = [("text", "Pay the rent"), ("csrf_token", token)];
    assert_eq!(program.post("/").form(form).send().await.status(), 303);
}

/// The application under test differs from the real one only in its configuration.
#[hipflask::test]
async fn production_wants_a_key_and_sends_its_cookies_over_https() {
    let problems = app().config("DEBUG", false).freeze().expect_err("production has no key by itself").to_string();
    assert!(problems.contains("FLASK_SECRET_KEY"), "{problems}");
    let client = app().config("DEBUG", false).config("SECRET_KEY", "0123456789abcdef0123456789abcdef").test_client();
    let response = client.post("/login").https().form([("name", "Ada")]).send().await;
    let mut cookies = response.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let session = cookies.find(|cookie| cookie.starts_with("session="));
    assert!(session.is_some_and(|cookie| cookie.contains("; Secure")), "{session:?}");
}

/// There is a context even without a request, and through it the application's state.
#[hipflask::test]
async fn some_things_need_no_request() -> Result<()> {
    let app = app().config("SERVER_NAME", "notes.example").freeze()?;
    let ctx = app.context();
    let url = ctx.url_for(url_for!(note, number = 7).query("from", "mail"))?;
    assert_eq!(url, "http://notes.example/notes/7?from=mail");
    notes_in(&ctx)?.add("Ada", "Straight into the book".into());
    assert_eq!(notes_in(&ctx)?.of("Ada"), ["Straight into the book"]);
    Ok(())
}
