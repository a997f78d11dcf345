//! The opening handshake: what is refused, and with which answer.

use hipflask::http::{Method, Scheme};
use hipflask::prelude::*;
use hipflask_websocket::prelude::*;

use crate::{app, echo, echoing, rule};

#[hipflask::test]
async fn the_answer_is_that_of_the_standard() {
    let client = echoing().test_client();
    // RFC 6455 §1.3
    let socket = client.websocket("/echo").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").connect().await;
    let response = socket.response();
    assert_eq!(response.status(), 101);
    for (name, value) in [
        ("upgrade", Some("websocket")),
        ("sec-websocket-accept", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        ("sec-websocket-protocol", None),
        ("sec-websocket-extensions", None),
    ] {
        assert_eq!(response.header(name), value, "{name}");
    }
}

#[hipflask::test]
async fn what_is_not_a_request_for_a_websocket_is_refused() {
    let client = echoing().test_client();
    let long = "a".repeat(24);
    for (name, value, status) in [
        ("sec-websocket-version", "", 426),
        ("sec-websocket-version", "12", 426),
        ("sec-websocket-version", "13, 8", 426),
        ("sec-websocket-key", "", 400),
        ("sec-websocket-key", "aaaa", 400),
        ("sec-websocket-key", &long, 400),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=!", 400),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", 400),
        ("connection", "close", 400),
        ("upgrade", "h2c", 400),
    ] {
        // The client sets the two fields of an upgrade; here they are set after it.
        let mut request = client.get("/echo").header("connection", "Upgrade").header("upgrade", "websocket");
        request = request.header("sec-websocket-version", "13");
        request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").header(name, value);
        let response = request.send().await;
        assert_eq!(response.status(), status, "{name}: {value}");
        if status == 426 {
            assert_eq!(response.header("sec-websocket-version"), Some("13"));
            assert_eq!(response.header("upgrade"), Some("websocket"));
        }
    }
    let missing = client.websocket("/echo").without_header("sec-websocket-version").send().await;
    assert_eq!(missing.status(), 426);
    let missing = client.websocket("/echo").without_header("sec-websocket-key").send().await;
    assert_eq!(missing.status(), 400);
    let head = client.request(Method::HEAD, "/echo").header("connection", "Upgrade").header("upgrade", "websocket");
    assert_eq!(head.header("sec-websocket-version", "13").send().await.status(), 400);
    // A rule that forgot `websocket = true` finds no WebSockets, and says what it is for.
    let forgotten = app().add_url_rule(hipflask::Rule::new("/"), async |handshake: Handshake| handshake.accept(echo));
    let response = forgotten.test_client().get("/").send().await;
    assert_eq!((response.status().as_u16(), response.header("upgrade")), (426, Some("websocket")));
}

#[hipflask::test]
async fn pages_of_other_sites_are_refused() {
    let client = echoing().test_client();
    let answer = async |host: &str, headers: &[(&str, &str)]| {
        let request = client.websocket("/echo").without_header("sec-fetch-site").header("host", host);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.status().as_u16()
    };
    let origin = async |host: &str, origin: &str| answer(host, &[("origin", origin)]).await;
    for own in ["http://app.test", "https://app.test", "http://app.test:80", "HTTPS://APP.TEST"] {
        let status = origin("app.test", own).await;
        assert_eq!(
            status,
            if own.starts_with("HTTPS") { 403 } else { 101 },
            "{own}: a browser writes it in small letters"
        );
    }
    assert_eq!(origin("app.test:8000", "http://app.test:8000").await, 101);
    for foreign in [
        "https://evil.test",
        "http://app.test:8000",
        "http://app.test.evil.test",
        "http://sub.app.test",
        "null",
        "",
        "app.test",
        "file://app.test",
        "http://app.test, http://evil.test",
    ] {
        assert_eq!(origin("app.test", foreign).await, 403, "{foreign}");
    }
    // Not from a page at all, or from a page whose browser says so otherwise.
    assert_eq!(answer("app.test", &[]).await, 101);
    for (site, status) in [("same-origin", 101), ("none", 101), ("same-site", 403), ("cross-site", 403)] {
        assert_eq!(answer("app.test", &[("sec-fetch-site", site)]).await, status, "{site}");
    }
    // An unencrypted page is not a page of an encrypted site.
    let secure = client.websocket("/echo").header("host", "app.test").https();
    assert_eq!(secure.header("origin", "http://app.test").send().await.status(), 403);
    let secure = client.websocket("/echo").header("host", "app.test").https();
    assert_eq!(secure.header("origin", "https://app.test").send().await.status(), 101);
}

#[hipflask::test]
async fn other_sites_are_allowed_by_the_configuration_and_by_an_option() {
    let view = async |handshake: Handshake| handshake.accept(echo);
    let app = || {
        app()
            .config("WEBSOCKET_ALLOWED_ORIGINS", ["https://app.example", "http://localhost:3000"])
            .add_url_rule(rule("/"), view)
            .add_url_rule(rule("/any").with(AllowedOrigins::any()), view)
            .add_url_rule(rule("/one").with(AllowedOrigins::new(["https://One.example"])), view)
    };
    let client = app().test_client();
    for (path, origin, status) in [
        ("/", "https://app.example", 101),
        ("/", "http://localhost:3000", 101),
        ("/", "http://localhost", 101),
        ("/", "http://app.example", 403),
        ("/", "https://evil.example", 403),
        ("/any", "https://evil.example", 101),
        ("/any", "null", 101),
        ("/one", "https://one.example", 101),
        ("/one", "https://app.example", 403),
    ] {
        let answer = client.websocket(path).header("origin", origin).send().await;
        assert_eq!(answer.status(), status, "{path} {origin}");
    }
    let client = app().config("WEBSOCKET_ALLOWED_ORIGINS", ["*"]).test_client();
    assert_eq!(client.websocket("/").header("origin", "https://evil.example").send().await.status(), 101);
}

#[hipflask::test]
async fn during_development_the_answer_says_what_to_do() {
    let client = echoing().config("DEBUG", true).test_client();
    let refused = client.websocket("/echo").header("origin", "http://localhost:3000").send().await;
    let text = refused.text();
    assert!(refused.status() == 403 && text.contains("WEBSOCKET_ALLOWED_ORIGINS"), "{text}");
    assert!(text.contains("localhost:3000"), "{text}");
    let client = echoing().test_client();
    let refused = client.websocket("/echo").header("origin", "http://localhost:3000").send().await.text();
    assert!(!refused.contains("WEBSOCKET_ALLOWED_ORIGINS"), "{refused}");
}

#[hipflask::test]
async fn the_first_subprotocol_of_the_servers_that_is_offered_is_chosen() {
    let view = async |handshake: Handshake| {
        let offered: Vec<&str> = handshake.offered().collect();
        let offered = offered.join("+");
        let handshake = handshake.protocols(["v2", "v1"]);
        handshake.accept(async move |socket| socket.send(format!("{offered} {:?}", socket.protocol())).await)
    };
    let client = app().add_url_rule(rule("/"), view).test_client();
    for (offered, chosen, told) in [
        (&["v1", "v2"][..], Some("v2"), "v1+v2 Some(\"v2\")"),
        (&["v1"], Some("v1"), "v1 Some(\"v1\")"),
        (&["v0", "V1"], None, "v0+V1 None"),
    ] {
        let mut socket = client.websocket("/").protocols(offered).connect().await;
        assert_eq!((socket.protocol(), socket.response().header("sec-websocket-protocol")), (chosen, chosen));
        assert_eq!(socket.receive_text().await, told);
    }
    let mut socket = client.websocket("/").connect().await;
    assert_eq!(socket.receive_text().await, " None");
}

#[test]
fn what_is_wrong_in_the_setup_shows_at_the_start() {
    let problems = |app: App| app.freeze().expect_err("there is a mistake in it").to_string();
    let view = async |handshake: Handshake| handshake.accept(echo);
    let forgotten = problems(App::new("test", ".").add_url_rule(rule("/"), view));
    assert!(forgotten.contains("add `.extend(WebSockets)`"), "{forgotten}");
    for (key, value, told) in [
        ("WEBSOCKET_MAX_MESSAGE_SIZE", serde_json::json!(0), "must be a number above 0"),
        ("WEBSOCKET_MAX_FRAME_SIZE", serde_json::json!(0), "must be a number above 0"),
        ("WEBSOCKET_MAX_QUEUE", serde_json::json!("many"), "WEBSOCKET_MAX_QUEUE"),
        ("WEBSOCKET_PING_INTERVAL", serde_json::json!(0), "above 0, or null"),
        ("WEBSOCKET_PING_TIMEOUT", serde_json::json!(null), "must be a number of seconds"),
        ("WEBSOCKET_CLOSE_TIMEOUT", serde_json::json!(-1), "give a number of seconds"),
        ("WEBSOCKET_ALLOWED_ORIGINS", serde_json::json!(["app.example"]), "is not an origin"),
        ("WEBSOCKET_ALLOWED_ORIGINS", serde_json::json!("https://app.example"), "WEBSOCKET_ALLOWED_ORIGINS"),
    ] {
        let wrong = problems(app().config(key, &value));
        assert!(wrong.contains(told) && wrong.contains(key), "{key} {value}: {wrong}");
    }
    let unread = problems(App::new("test", ".").with(AllowedOrigins::any()));
    assert!(unread.contains("AllowedOrigins"), "{unread}");
}

#[hipflask::test]
async fn urls_of_websockets_have_their_scheme() {
    let link = async |ctx: &mut Context| ctx.url_for(hipflask::helpers::UrlFor::endpoint("echo"));
    let app = echoing().add_url_rule(hipflask::Rule::new("/link"), link);
    let app = app.add_url_rule(hipflask::Rule::new("/page"), async || Template::from_string("{{ url_for('echo') }}"));
    let client = app.test_client();
    assert_eq!(client.get("/link").send().await.text(), "ws://localhost/echo");
    assert_eq!(client.get("/link").https().send().await.text(), "wss://localhost/echo");
    assert_eq!(client.get("/page").https().send().await.text(), "wss://localhost/echo");
    assert_eq!(Scheme::Https.as_str(), "https");
}
