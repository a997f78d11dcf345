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
