//! What holds of every session, wherever it is kept.

use std::collections::BTreeMap;

use hipflask::prelude::*;
use hipflask::sessions::{MemoryStore, ServerSideSessions};
use hipflask::testing::TestResponse;
use hipflask::{Context, Rule};
use serde_json::Value;

use super::app;
use super::server_side::Slow;

/// The suite, once for each interface that `$make` gives an application.
macro_rules! suite {
    ($($interface:ident = $make:expr;)*) => { suite!(@each [$($interface = $make;)*]
        values_come_back
        a_cookie_is_written_only_when_something_changed
        a_permanent_session_has_an_end_and_is_renewed
        an_emptied_session_is_taken_back
        at_a_login_nothing_comes_along
        a_planted_session_is_not_logged_in
        what_was_tampered_with_is_not_a_session
        an_old_key_verifies
        flashed_messages_are_shown_once
        values_of_every_kind_come_back
        what_hooks_and_error_handlers_set_is_saved
        a_value_that_cannot_be_kept_fails_the_request
        without_a_key_reading_is_empty_and_writing_fails
        mounted_applications_keep_their_own
        the_cookies_attributes_are_configured
    );};
    (@each $interfaces:tt $($test:ident)*) => { $(suite!(@test $test $interfaces);)* };
    (@test $test:ident [$($interface:ident = $make:expr;)*]) => {
        mod $test {
            $(#[hipflask::test]
            async fn $interface() {
                super::$test($make).await;
            })*
        }
    };
}

suite! {
    cookie = |app| app;
    memory = super::in_memory;
    slow = super::in_a_slow_store;
}

fn in_memory(app: App) -> App {
    app.session_interface(|freezing| ServerSideSessions::new(MemoryStore::default(), freezing.config()))
}

fn in_a_slow_store(app: App) -> App {
    app.session_interface(|freezing| ServerSideSessions::new(Slow::default(), freezing.config()))
}

type Make = fn(App) -> App;

/// The text of the `Set-Cookie` header.
fn set_cookie(response: &TestResponse) -> &str {
    response.header("set-cookie").expect("a cookie is set")
}

async fn values_come_back(make: Make) {
    let client = make(app()).test_client();
    let first = client.get("/set?a=1&b=%C3%BC").send().await;
    assert!(set_cookie(&first).ends_with("; Secure; HttpOnly; Path=/; SameSite=Lax"), "{}", set_cookie(&first));
    assert_eq!(client.get("/get/a").send().await.text(), "Some(\"1\")");
    assert_eq!(client.get("/get/b").send().await.text(), "Some(\"ü\")");
    assert_eq!(client.get("/pop/a").send().await.text(), "Some(\"1\")");
    assert_eq!(client.get("/ask").send().await.text(), "false false [\"b\"]");
    let other = make(app()).test_client();
    assert_eq!(other.get("/ask").send().await.text(), "true false []", "another browser");
}

async fn a_cookie_is_written_only_when_something_changed(make: Make) {
    let client = make(app()).test_client();
    let fresh = client.get("/ask").send().await;
    assert_eq!((fresh.header("set-cookie"), fresh.header("vary")), (None, Some("Cookie")));
    client.get("/set?a=1").send().await;
    for (target, vary) in [("/get/a", Some("Cookie")), ("/ask", Some("Cookie")), ("/untouched", None)] {
        let response = client.get(target).send().await;
        assert_eq!((response.header("set-cookie"), response.header("vary")), (None, vary), "{target}");
    }
    let changed = client.get("/set?a=2").send().await;
    assert_eq!((changed.header("set-cookie").is_some(), changed.header("vary")), (true, Some("Cookie")));
}

async fn a_permanent_session_has_an_end_and_is_renewed(make: Make) {
    let client = make(app()).test_client();
    let first = client.get("/permanent").send().await;
    let cookie = set_cookie(&first);
    assert!(cookie.contains("; Expires=") && !cookie.contains("Max-Age"), "{cookie}");
    let renewed = client.get("/untouched").send().await;
    assert!(set_cookie(&renewed).contains("; Expires="), "every request puts its end off");
    assert_eq!(renewed.header("vary"), Some("Cookie"));
    assert_eq!(client.get("/get/kept").send().await.text(), "Some(\"long\")");
    let fixed = make(app().config("SESSION_REFRESH_EACH_REQUEST", false)).test_client();
    fixed.get("/permanent").send().await;
    assert_eq!(fixed.get("/get/kept").send().await.header("set-cookie"), None);
}

async fn an_emptied_session_is_taken_back(make: Make) {
    let client = make(app()).test_client();
    client.get("/set?a=1").send().await;
    let cleared = client.get("/clear").send().await;
    let cookie = set_cookie(&cleared);
    assert!(cookie.starts_with("session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;"), "{cookie}");
    assert_eq!(client.cookie("session"), None);
    let again = client.get("/clear").send().await;
    assert!(set_cookie(&again).contains("; Max-Age=0;"), "as in Flask: the browser may have one that cannot be read");
}

async fn at_a_login_nothing_comes_along(make: Make) {
    for (how, left) in [("renew", r#"false true ["_flashes", "user"]"#), ("clear", r#"false true ["user"]"#)] {
        let client = make(app()).test_client();
        client.get("/set?basket=1&user=Eve").send().await;
        client.get("/flash").send().await;
        client.get(&format!("/login/{how}")).send().await;
        assert_eq!(client.get("/ask").send().await.text().replace("false false", "false true"), left, "{how}");
        assert_eq!(client.get("/get/user").send().await.text(), "Some(\"Ada\")", "{how}");
    }
}

/// Session fixation: an attacker who has put a cookie of theirs into a user's browser must not share the login.
async fn a_planted_session_is_not_logged_in(make: Make) {
    for how in ["renew", "clear"] {
        let app = make(app()).freeze().expect("nothing is wrong with it");
        let (attacker, victim) = (app.test_client(), app.test_client());
        attacker.get("/set?planted=1").send().await;
        victim.set_cookie("session", &attacker.cookie("session").expect("it was set"));
        assert_eq!(victim.get("/get/planted").send().await.text(), "Some(\"1\")", "{how}");
        victim.get(&format!("/login/{how}")).send().await;
        assert_eq!(victim.get("/get/user").send().await.text(), "Some(\"Ada\")", "{how}");
        assert_eq!(attacker.get("/get/user").send().await.text(), "None", "{how}");
    }
}

async fn what_was_tampered_with_is_not_a_session(make: Make) {
    let client = make(app()).test_client();
    client.get("/set?a=1").send().await;
    let cookie = client.cookie("session").expect("it was set");
    let other = make(app().config("SECRET_KEY", "another key that is long enough too, and no fallback")).test_client();
    other.get("/set?a=1").send().await;
    let foreign = other.cookie("session").expect("it was set");
    let last = if cookie.ends_with('A') { "E" } else { "A" };
    let changed = format!("{}{last}", &cookie[..cookie.len() - 1]);
    for bad in ["", "x", &cookie[1..], &cookie[..cookie.len() - 1], &changed, &foreign, &format!("{cookie}.")] {
        let response = client.get("/get/a").header("cookie", &format!("session={bad}")).send().await;
        assert_eq!(response.text(), "None", "{bad}");
    }
    assert_eq!(client.get("/get/a").send().await.text(), "Some(\"1\")");
}

async fn an_old_key_verifies(make: Make) {
    let old = "the old key, which is long enough as well";
    // The store has to be the same one; only a cookie has its values in it.
    let app = make(app().config("SECRET_KEY", old).config("SECRET_KEY_FALLBACKS", [super::KEY]));
    let client = app.test_client();
    client.get("/set?a=1").send().await;
    assert_eq!(client.get("/get/a").send().await.text(), "Some(\"1\")");
}

async fn flashed_messages_are_shown_once(make: Make) {
    let client = make(app()).test_client();
    client.get("/flash").send().await;
    assert_eq!(client.get("/flashes").send().await.text(), "message=one;error=two &lt;b&gt;;2 two &lt;b&gt;");
    assert_eq!(client.get("/flashes").send().await.text(), "0 ");
}

async fn values_of_every_kind_come_back(make: Make) {
    async fn write(session: Session) -> &'static str {
        session.set("text", "ü – 日本 \" \\ \u{2028}");
        session.set("nested", serde_json::json!({"list": [1, 2.5, {"x": []}], "none": null, " t": "no tag"}));
        session.set("number", u64::MAX);
        session.set("looks like a tag", BTreeMap::from([(" t", 1)]));
        "written"
    }
    async fn read(session: Session) -> Json<BTreeMap<String, Value>> {
        Json(session.keys().into_iter().filter_map(|key| Some((key.clone(), session.get(&key)?))).collect())
    }
    let app = app().add_url_rule(Rule::new("/write"), write).add_url_rule(Rule::new("/read"), read);
    let client = make(app).test_client();
    client.get("/write").send().await;
    let found: Value = client.get("/read").send().await.json();
    let wanted = serde_json::json!({
        "text": "ü – 日本 \" \\ \u{2028}",
        "nested": {"list": [1, 2.5, {"x": []}], "none": null, " t": "no tag"},
        "number": u64::MAX,
        "looks like a tag": {" t": 1},
    });
    assert_eq!(found, wanted);
}

async fn what_hooks_and_error_handlers_set_is_saved(make: Make) {
    async fn before(session: Session) {
        session.set("before", "1");
    }
    async fn after(ctx: &mut Context) {
        ctx.session().set("after", "1");
    }
    async fn missing(session: Session) -> (Status, &'static str) {
        session.set("missing", "1");
        (Status::NOT_FOUND, "missing")
    }
    let app = app().before_request(before).after_request(after).register_error_handler(404, missing);
    let client = make(app).test_client();
    assert_eq!(client.get("/nowhere").send().await.status(), 404);
    assert_eq!(client.get("/ask").send().await.text(), r#"false false ["after", "before", "missing"]"#);
}

async fn a_value_that_cannot_be_kept_fails_the_request(make: Make) {
    async fn bad(session: Session) -> &'static str {
        session.set("good", 1);
        session.set("map", BTreeMap::from([((1, 2), 3)]));
        "never seen"
    }
    let client = make(app().add_url_rule(Rule::new("/bad"), bad)).test_client();
    let response = client.get("/bad").send().await;
    assert_eq!((response.status().as_u16(), response.header("set-cookie")), (500, None));
    assert_eq!(client.get("/ask").send().await.text(), "true false []", "half of it is not kept either");
}

async fn without_a_key_reading_is_empty_and_writing_fails(make: Make) {
    async fn read(ctx: &mut Context) -> String {
        format!("{:?} {}", ctx.session().get::<String>("a"), ctx.session().is_empty())
    }
    async fn write(ctx: &mut Context) -> &'static str {
        ctx.session().set("a", 1);
        "never seen"
    }
    let app = App::new("test", ".").config("DEBUG", false).add_url_rule(Rule::new("/read"), read);
    let client = make(app.add_url_rule(Rule::new("/write"), write)).test_client();
    client.set_cookie("session", "eyJhIjoiMSJ9.ZVPxAA.ApAOQiGskqihbhdB63TRXfUcvok");
    assert_eq!(client.get("/read").send().await.text(), "None true");
    let response = client.get("/write").send().await;
    assert_eq!((response.status().as_u16(), response.header("set-cookie")), (500, None));
}

async fn mounted_applications_keep_their_own(make: Make) {
    let inner = make(app().config("SESSION_COOKIE_NAME", "inner"));
    let client = make(app().mount("/inner", inner)).test_client();
    client.get("/set?a=outer").send().await;
    client.get("/inner/set?a=inner").send().await;
    assert_eq!(client.get("/get/a").send().await.text(), "Some(\"outer\")");
    assert_eq!(client.get("/inner/get/a").send().await.text(), "Some(\"inner\")");
    assert!(client.cookie("session").is_some() && client.cookie("inner").is_some());
}

async fn the_cookies_attributes_are_configured(make: Make) {
    let app = app()
        .config("SESSION_COOKIE_NAME", "id")
        .config("SESSION_COOKIE_DOMAIN", "example.org")
        .config("SESSION_COOKIE_PATH", "/app")
        .config("SESSION_COOKIE_HTTPONLY", false)
        .config("SESSION_COOKIE_SECURE", true)
        .config("SESSION_COOKIE_SAMESITE", "strict");
    let response = make(app).test_client().get("/set?a=1").send().await;
    let cookie = set_cookie(&response);
    assert!(
        cookie.starts_with("id=") && cookie.ends_with("; Domain=example.org; Secure; Path=/app; SameSite=Strict"),
        "{cookie}"
    );
    let app = make(super::app().config("SESSION_COOKIE_SAMESITE", "sometimes"));
    assert!(app.freeze().expect_err("there is no such value").to_string().contains("SESSION_COOKIE_SAMESITE"));
}
