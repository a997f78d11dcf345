//! The session cookie: Flask's own, in both directions.

use hipflask::Rule;
use hipflask::prelude::*;
use hipflask::signing::{KeyDerivation, Serializer, Verified};
use serde_json::{Value, json};

use super::{KEY, app};

#[hipflask::test]
async fn the_values_are_in_the_cookie() {
    let client = app().test_client();
    let first = client.get("/set?a=1&b=%C3%BC").send().await;
    let cookie = first.header("set-cookie").expect("the session was changed");
    assert!(
        cookie.starts_with("session=ey") && cookie.ends_with("; Secure; HttpOnly; Path=/; SameSite=Lax"),
        "{cookie}"
    );
    let signed = client.cookie("session").expect("it was set");
    assert_eq!(signer().loads::<Value>(&signed, None), Verified::Valid(json!({"a": "1", "b": "ü"})));
}

#[hipflask::test]
async fn a_new_key_signs_what_an_old_one_has_signed() {
    let old = "the old key, which is long enough as well";
    let before = app().config("SECRET_KEY", old).test_client();
    before.get("/set?a=1").send().await;
    let client = app().config("SECRET_KEY_FALLBACKS", [old]).test_client();
    client.set_cookie("session", &before.cookie("session").expect("it was set"));
    client.get("/set?a=2").send().await;
    let signed = client.cookie("session").expect("it was set anew");
    assert!(matches!(signer().loads::<Value>(&signed, None), Verified::Valid { .. }), "the new key signs");
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
    let recorded: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/sessions.json")).expect("it is JSON");
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
async fn what_was_tampered_with_is_not_a_session() {
    let client = app().test_client();
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
async fn without_a_key_the_application_does_not_start_in_production() {
    let errors = app().config("SECRET_KEY", Value::Null).freeze().expect_err("there is no key");
    assert!(errors.to_string().contains("SECRET_KEY"), "{errors}");
    let short = app().config("SECRET_KEY", "short").freeze().expect_err("the key is weak");
    assert!(short.to_string().contains("5 bytes"), "{short}");
}

/// A view that keeps as many bytes that cannot be compressed as it is told to.
async fn keep(session: Session, query: hipflask::http::MultiDict) -> Result<&'static str> {
    if query.get("renew").is_some() {
        session.renew();
    }
    for (key, bytes) in query.iter().filter(|(key, _)| *key != "renew") {
        let bytes: usize = bytes.parse()?;
        let text = (0..bytes).map(|_| hipflask::signing::token_urlsafe::<3>()).collect::<String>();
        session.set(key, &text[..bytes]);
    }
    Ok("kept")
}

#[test]
fn a_session_that_is_too_large_is_not_sent_and_the_log_says_what_has_grown() {
    let client = app().add_url_rule(Rule::new("/keep"), keep).test_client();
    let log_of = |target: &str| {
        let mut set = Vec::new();
        let log = crate::log::Log::of(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads");
            let response = runtime.block_on(client.get(target).send());
            assert_eq!(response.text(), "kept", "the answer is there");
            let cookies = response.headers().get_all("set-cookie").iter();
            set = cookies.map(|cookie| cookie.to_str().expect("text").to_owned()).collect();
        });
        (log, set)
    };
    let (log, set) = log_of("/keep?cart=900&theme=20");
    assert_eq!((log.contains("ERROR"), set.len()), (false, 1), "{log}");
    let before = client.cookie("session");
    let (log, set) = log_of("/keep?cart=6000&seen=100");
    assert!(set.is_empty() && client.cookie("session") == before, "the browser keeps what it has: {set:?}");
    let told = [
        "more than MAX_COOKIE_SIZE (4093), so it was not sent",
        "keeps the one before",
        "`cart` grew from 902 to 6002 bytes, `seen` grew from 0 to 102 bytes, `theme` has 22:",
    ];
    for told in told {
        assert!(log.contains(told), "{told}: {log}");
    }
    let (log, set) = log_of("/keep?theme=10");
    assert_eq!((log.contains("ERROR"), set.len()), (false, 1), "and is not locked out");
    // A session that was ended is not the one before.
    let (log, set) = log_of("/keep?renew=1&cart=6000");
    assert!(log.contains("has none now") && set[0].starts_with("session=; Expires=Thu, 01 Jan 1970"), "{set:?}: {log}");
    let limitless = app().add_url_rule(Rule::new("/keep"), keep).config("MAX_COOKIE_SIZE", 0).test_client();
    assert!(limitless.get("/keep?cart=6000").send_blocking().header("set-cookie").is_some());
}

#[test]
fn another_cookie_that_is_too_large_is_sent_with_a_warning() {
    async fn set() -> Result<Response> {
        let mut response = Response::new("set");
        response.set_cookie(&hipflask::http::Cookie::new("small", "x"))?;
        response.set_cookie(&hipflask::http::Cookie::new("large", "x".repeat(5000)))?;
        Ok(response)
    }
    let client = app().add_url_rule(Rule::new("/large"), set).test_client();
    let log = crate::log::Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads");
        runtime.block_on(client.get("/large").send());
    });
    assert!(log.contains("the cookie `large` has 5005 bytes") && !log.contains("`small`"), "{log}");
    assert_eq!(client.cookie("large").map(|value| value.len()), Some(5000));
}

#[hipflask::test]
async fn an_empty_session_that_is_cleared_deletes_the_cookie_as_in_flask() {
    let client = app().test_client();
    client.set_cookie("session", "what no key has signed");
    let response = client.get("/clear").send().await;
    assert!(
        response.header("set-cookie").is_some_and(|cookie| cookie.starts_with("session=; Expires=Thu, 01 Jan 1970"))
    );
    assert_eq!(client.cookie("session"), None);
}

#[hipflask::test]
async fn the_cookie_may_be_this_hosts_alone_and_apart_in_each_site_that_embeds_it() {
    let host = || app().config("SESSION_COOKIE_NAME", "__Host-session").config("SESSION_COOKIE_PARTITIONED", true);
    let client = host().config("SESSION_COOKIE_SAMESITE", "None").test_client();
    let response = client.get("/set?a=1").send().await;
    let cookie = response.header("set-cookie").expect("the session was changed");
    assert!(cookie.starts_with("__Host-session=e"), "{cookie}");
    assert!(cookie.ends_with("; Secure; HttpOnly; Path=/; SameSite=None; Partitioned"), "{cookie}");
    for (key, value) in [("SESSION_COOKIE_DOMAIN", json!("example.org")), ("SESSION_COOKIE_PATH", json!("/x"))] {
        let errors = host().config(key, value).freeze().expect_err("no browser takes it");
        assert!(errors.to_string().contains("SESSION_COOKIE_NAME"), "{key}: {errors}");
    }
    let errors = host().config("SESSION_COOKIE_PARTITIONED", false).config("SESSION_COOKIE_SECURE", false);
    assert!(errors.freeze().is_err());
}
