//! The session cookie: Flask's own, in both directions.

use hipflask::prelude::*;
use hipflask::{KeyDerivation, Serializer, TestClient, Verified};
use serde_json::{Value, json};

const KEY: &str = "a key that is long enough, and only for tests";

#[get("/set")]
async fn set(session: Session, query: MultiDict) -> String {
    for (key, value) in query.iter() {
        session.set(key, value);
    }
    "set".to_owned()
}

#[get("/get/<key>")]
async fn get(session: Session, key: String) -> String {
    format!("{:?}", session.get::<String>(&key))
}

#[get("/pop/<key>")]
async fn pop(session: Session, key: String) -> String {
    format!("{:?}", session.pop::<String>(&key))
}

#[get("/clear")]
async fn clear(session: Session) -> &'static str {
    session.clear();
    "cleared"
}

#[get("/permanent")]
async fn permanent(session: Session) -> &'static str {
    session.set_permanent(true);
    session.set("kept", "long");
    "permanent"
}

#[get("/ask")]
async fn ask(session: Session) -> String {
    format!("{} {} {:?}", session.is_empty(), session.contains_key("a"), session.keys())
}

#[get("/untouched")]
async fn untouched(_session: Session) -> &'static str {
    "untouched"
}

#[get("/flash")]
async fn flash(session: Session) -> &'static str {
    session.flash("one");
    session.flash_as("error", "two <b>");
    "flashed"
}

#[get("/flashes")]
async fn flashes() -> Template {
    Template::from_string(
        "{% for category, message in get_flashed_messages(with_categories=true) %}{{ category }}={{ message }};{% endfor %}\
         {{ get_flashed_messages()|length }} {{ get_flashed_messages(category_filter=['error'])|join }}",
    )
}

fn app() -> App {
    let routes = routes![set, get, pop, clear, permanent, ask, untouched, flash, flashes];
    App::new("test", ".").config("SECRET_KEY", KEY).config("DEBUG", false).routes(routes)
}

fn client() -> TestClient {
    app().test_client()
}

#[hipflask::test]
async fn values_come_back() {
    let client = client();
    let first = client.get("/set?a=1&b=%C3%BC").send().await;
    let cookie = first.header("set-cookie").expect("the session was changed");
    assert!(
        cookie.starts_with("session=ey") && cookie.ends_with("; Secure; HttpOnly; Path=/; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(client.get("/get/a").send().await.text(), "Some(\"1\")");
    assert_eq!(client.get("/get/b").send().await.text(), "Some(\"ü\")");
    assert_eq!(client.get("/pop/a").send().await.text(), "Some(\"1\")");
    assert_eq!(client.get("/ask").send().await.text(), "false false [\"b\"]");
    let cleared = client.get("/clear").send().await;
    let cookie = cleared.header("set-cookie").expect("the cookie is taken back");
    assert!(cookie.starts_with("session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;"), "{cookie}");
    assert_eq!(client.cookie("session"), None);
}

#[hipflask::test]
async fn a_cookie_is_written_only_when_something_changed() {
    let client = client();
    client.get("/set?a=1").send().await;
    for (target, vary) in [("/get/a", true), ("/ask", true), ("/untouched", false)] {
        let response = client.get(target).send().await;
        assert_eq!(response.header("set-cookie"), None, "{target}");
        let varies = response.header("vary").is_some_and(|vary| vary.contains("cookie") || vary.contains("Cookie"));
        assert_eq!(varies, vary, "{target}: {:?}", response.header("vary"));
    }
    assert!(client.get("/set?a=2").send().await.header("vary").is_some_and(|vary| vary.eq_ignore_ascii_case("cookie")));
}

#[hipflask::test]
async fn a_permanent_session_has_an_end_and_is_renewed() {
    let client = client();
    let cookie = client.get("/permanent").send().await.header("set-cookie").expect("it was changed").to_owned();
    assert!(cookie.contains("; Expires=") && !cookie.contains("Max-Age"), "{cookie}");
    let renewed = client.get("/untouched").send().await;
    assert!(renewed.header("set-cookie").is_some(), "every request renews it");
    let fixed = app().config("SESSION_REFRESH_EACH_REQUEST", false).test_client();
    fixed.get("/permanent").send().await;
    assert_eq!(fixed.get("/get/kept").send().await.header("set-cookie"), None);
}

fn with_key(key: &str, salt: &str) -> Serializer {
    Serializer::with_derivation([key], salt, KeyDerivation::Hmac)
}

fn signer() -> Serializer {
    with_key(KEY, "cookie-session")
}

/// Cookies that Flask 3.1.3 has signed with the same key.
#[hipflask::test]
async fn cookies_of_flask_are_read() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("../fixtures/sessions.json")).expect("it is JSON");
    assert!(recorded.len() > 5);
    async fn values(session: Session) -> Json<Value> {
        let values = session.keys().into_iter().map(|key| {
            let value = session.get::<Value>(&key).unwrap_or_default();
            (key, value)
        });
        Json(values.collect())
    }
    // A recording does not get younger.
    let app = app().config("PERMANENT_SESSION_LIFETIME", 3_000_000_000_u64).add_url_rule(Rule::new("/values"), values);
    let client = app.test_client();
    for one in recorded {
        let cookie = format!("session={}", one["cookie"].as_str().expect("a cookie"));
        let response = client.get("/values").header("cookie", &cookie).send().await;
        assert_eq!(response.json::<Value>(), one["values"], "{cookie}");
    }
}

fn changed_at_its_end(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", if last == "A" { "E" } else { "A" })
}

#[hipflask::test]
async fn what_was_tampered_with_is_no_session() {
    let client = client();
    client.get("/set?a=1").send().await;
    let cookie = client.cookie("session").expect("it was set");
    let (payload, rest) = cookie.split_once('.').expect("three parts");
    let (time, signature) = rest.split_once('.').expect("three parts");
    let foreign = with_key("another key that is long enough too", "cookie-session");
    let other_salt = with_key(KEY, "another purpose");
    for bad in [
        String::new(),
        "x".to_owned(),
        payload.to_owned(),
        format!("{payload}.{time}"),
        format!("{payload}x.{time}.{signature}"),
        format!("{payload}.{time}.{}", changed_at_its_end(signature)),
        format!("{payload}.AAAA.{signature}"),
        format!("{payload}.{time}.{signature}."),
        foreign.dumps(&json!({"a": "1"})).expect("it is JSON"),
        other_salt.dumps(&json!({"a": "1"})).expect("it is JSON"),
        signer().dumps(&json!(["not", "a", "table"])).expect("it is JSON"),
    ] {
        let response = client.get("/get/a").header("cookie", &format!("session={bad}")).send().await;
        assert_eq!(response.text(), "None", "{bad}");
    }
}

#[hipflask::test]
async fn keys_are_rotated() {
    let old = app().config("SECRET_KEY", "the old key, which is long enough as well").test_client();
    old.get("/set?a=1").send().await;
    let cookie = old.cookie("session").expect("it was set");
    let client = app().config("SECRET_KEY_FALLBACKS", ["the old key, which is long enough as well"]).test_client();
    client.set_cookie("session", &cookie);
    assert_eq!(client.get("/get/a").send().await.text(), "Some(\"1\")");
    client.get("/set?a=2").send().await;
    let signed = client.cookie("session").expect("it was set anew");
    assert!(matches!(signer().loads::<Value>(&signed, None), Verified::Valid { .. }), "the new key signs");
}

#[hipflask::test]
async fn flashed_messages_are_shown_once() {
    let client = client();
    client.get("/flash").send().await;
    assert_eq!(client.get("/flashes").send().await.text(), "message=one;error=two &lt;b&gt;;2 two &lt;b&gt;");
    assert_eq!(client.get("/flashes").send().await.text(), "0 ");
}

#[hipflask::test]
async fn a_value_that_cannot_be_kept_is_no_silent_loss() {
    async fn bad(session: Session) -> &'static str {
        session.set("map", std::collections::BTreeMap::from([((1, 2), 3)]));
        "never seen"
    }
    let client = app().add_url_rule(Rule::new("/bad"), bad).test_client();
    assert_eq!(client.get("/bad").send().await.status(), 500);
}

#[hipflask::test]
async fn without_a_key_the_application_does_not_start_in_production() {
    let errors = app().config("SECRET_KEY", Value::Null).freeze().expect_err("there is no key");
    assert!(errors.to_string().contains("SECRET_KEY"), "{errors}");
    let short = app().config("SECRET_KEY", "short").freeze().expect_err("the key is weak");
    assert!(short.to_string().contains("5 bytes"), "{short}");
}

#[hipflask::test]
async fn the_cookies_attributes_are_configured() {
    let app = app()
        .config("SESSION_COOKIE_NAME", "id")
        .config("SESSION_COOKIE_DOMAIN", "example.org")
        .config("SESSION_COOKIE_PATH", "/app")
        .config("SESSION_COOKIE_HTTPONLY", false)
        .config("SESSION_COOKIE_SECURE", true)
        .config("SESSION_COOKIE_SAMESITE", "strict");
    let cookie = app.test_client().get("/set?a=1").send().await.header("set-cookie").expect("it was set").to_owned();
    assert!(
        cookie.starts_with("id=") && cookie.ends_with("; Domain=example.org; Secure; Path=/app; SameSite=Strict"),
        "{cookie}"
    );
    let app = super::sessions::app().config("SESSION_COOKIE_SAMESITE", "sometimes");
    assert!(app.freeze().expect_err("there is no such value").to_string().contains("SESSION_COOKIE_SAMESITE"));
}
