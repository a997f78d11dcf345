//! Behind proxies: what `ProxyFix` believes, compared with what Werkzeug's does, and what follows from it.

use hipflask::Frozen;
use hipflask::http::{Body, HeaderName, HeaderValue, Peer, Request, Scheme};
use hipflask::prelude::*;
use hipflask::security::ProxyFix;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const KEY: &str = "a key that is long enough, and only for tests";

#[get("/where/")]
async fn place(ctx: &mut Context) -> Result<Json<Value>> {
    let external = ctx.url_for(url_for!(place).external())?;
    let relative = ctx.url_for(url_for!(place))?;
    let request = ctx.request();
    Ok(Json(json!({
        "remote_addr": request.remote_addr().map(|address| address.to_string()),
        "scheme": request.scheme().as_str(),
        "host": request.host(),
        "url": request.url(),
        "relative": relative,
        "external": external,
    })))
}

fn app(proxies: ProxyFix) -> App {
    App::new("test", ".").config("DEBUG", false).config("SECRET_KEY", KEY).extend(proxies).routes(routes![place])
}

fn frozen(proxies: ProxyFix) -> Frozen {
    app(proxies).freeze().expect("nothing is wrong with it")
}

/// A request from `peer` with these fields.
fn request(target: &str, peer: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = Request::get(target)
        .with_header("host", "inside:5000")
        .with_peer(peer.parse().expect("an address"), Scheme::Http);
    for (name, value) in fields {
        let name: HeaderName = name.parse().expect("a name");
        request.headers_mut().append(name, HeaderValue::from_str(value).expect("a value"));
    }
    request
}

fn respond(app: &Frozen, request: Request) -> Response {
    hipflask::block_on(app.respond(request))
}

async fn text(body: Body) -> String {
    String::from_utf8(body.collect(100_000).await.expect("it is at hand").to_vec()).expect("text")
}

/// What the view sees of a request with these fields, that comes from this machine.
fn seen(proxies: ProxyFix, fields: &[(&str, &str)]) -> Value {
    seen_from("127.0.0.1:4000", proxies, fields)
}

fn seen_from(peer: &str, proxies: ProxyFix, fields: &[(&str, &str)]) -> Value {
    let response = respond(&frozen(proxies), request("/where/?q=1", peer, fields));
    serde_json::from_slice(response.data().expect("it is at hand")).expect("JSON")
}

#[test]
fn werkzeug_believes_the_same() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../fixtures/proxies.json")).expect("it is JSON");
    assert!(cases.len() > 60);
    for case in cases {
        let count = |at: usize| usize::try_from(case["counts"][at].as_u64().expect("a number")).expect("a small one");
        let proxies = ProxyFix::new().x_for(count(0)).x_proto(count(1)).x_host(count(2)).x_port(count(3));
        let proxies = proxies.x_prefix(count(4));
        let fields: Vec<(String, String)> = serde_json::from_value(case["fields"].clone()).expect("pairs");
        let fields: Vec<_> = fields.iter().map(|(name, value)| (format!("x-forwarded-{name}"), value)).collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut ours = seen(proxies.clone(), &fields);
        let redirected = respond(&frozen(proxies), request("/where", "127.0.0.1:4000", &fields));
        let location = redirected.headers().get("location").expect("it is redirected to the slash");
        ours["redirect"] = json!(location.to_str().expect("text"));
        assert_eq!(ours, case["seen"], "{case}");
    }
}

#[test]
fn a_value_that_cannot_be_right_is_ignored() {
    let proxies = || ProxyFix::new().x_host(1).x_port(1).x_prefix(1);
    let unchanged = seen(proxies(), &[]);
    assert_eq!(
        (&unchanged["url"], &unchanged["remote_addr"]),
        (&json!("http://inside:5000/where/?q=1"), &json!("127.0.0.1"))
    );
    for (name, values) in [
        ("x-forwarded-for", ["unknown", "<b>", "192.0.2", "192.0.2.7 192.0.2.8", "evil.example"]),
        ("x-forwarded-proto", ["javascript", "https:", "ht tps", "https;http", "é"]),
        ("x-forwarded-host", ["<script>", "a b", "user@evil.example", "evil.example/", "evil.example:x"]),
        ("x-forwarded-port", ["0", "65536", "-1", "+80", "80/evil"]),
        ("x-forwarded-prefix", ["evil", "/\\evil.example", "/a?b", "https://evil.example/", "/%0d%0aset-cookie:a"]),
    ] {
        for value in values {
            assert_eq!(seen(proxies(), &[(name, value)]), unchanged, "{name}: {value}");
        }
    }
    let secure = seen(proxies(), &[("x-forwarded-proto", "WSS"), ("x-forwarded-for", "[2001:db8::1]:4711")]);
    assert_eq!((&secure["scheme"], &secure["remote_addr"]), (&json!("https"), &json!("2001:db8::1")));
}

/// Werkzeug reads nothing of a list with an open quote, which then names no client.
#[test]
fn a_quote_of_the_client_hides_no_value_of_a_proxy() {
    let fields = [("x-forwarded-for", "6.6.6.6, \", 192.0.2.7, 10.0.0.1")];
    assert_eq!(seen(ProxyFix::new().x_for(2), &fields)["remote_addr"], "192.0.2.7");
}

#[test]
fn headers_count_only_from_a_proxy() {
    let fields = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")];
    let seen_by = |peer: &str, proxies: ProxyFix| {
        let seen = seen_from(peer, proxies, &fields);
        (seen["remote_addr"].as_str().unwrap_or_default().to_owned(), seen["scheme"] == "https")
    };
    for peer in
        ["127.0.0.1:1", "10.1.2.3:1", "172.20.0.1:1", "192.168.1.1:1", "[::1]:1", "[fd00::1]:1", "[::ffff:10.0.0.1]:1"]
    {
        assert_eq!(seen_by(peer, ProxyFix::new()), ("192.0.2.7".to_owned(), true), "{peer}");
    }
    for (peer, address) in [("203.0.113.1:1", "203.0.113.1"), ("[2001:db8::1]:1", "2001:db8::1")] {
        assert_eq!(seen_by(peer, ProxyFix::new()), (address.to_owned(), false), "{peer}");
        let everybody = ProxyFix::new().trusted_peers(["0.0.0.0/0", "::/0"]);
        assert_eq!(seen_by(peer, everybody), ("192.0.2.7".to_owned(), true), "{peer}");
    }
    let one = || ProxyFix::new().trusted_peers(["203.0.113.1"]);
    assert!(seen_by("203.0.113.1:1", one()).1 && !seen_by("127.0.0.1:1", one()).1);
}

#[test]
fn forwarded_is_read_if_it_is_asked_for() {
    let proxies = |hops| ProxyFix::new().x_for(hops).x_proto(hops).x_host(hops).forwarded();
    let other = ("x-forwarded-for", "6.6.6.6");
    let one = ("forwarded", "for=6.6.6.6;host=evil.example, for=\"[2001:db8::1]:4711\";proto=https;host=app.example");
    let all = seen(proxies(1), &[other, one]);
    assert_eq!((&all["remote_addr"], &all["external"]), (&json!("2001:db8::1"), &json!("https://app.example/where/")));
    let two = [("forwarded", "for=192.0.2.7;proto=https"), ("forwarded", "for=10.0.0.1;proto=http;host=inner.example")];
    let all = seen(proxies(2), &two);
    assert_eq!((&all["remote_addr"], &all["external"]), (&json!("192.0.2.7"), &json!("https://inside:5000/where/")));
    assert_eq!(seen(proxies(3), &two), seen(proxies(3), &[]), "it has two elements");
    assert_eq!(seen(ProxyFix::new(), &two), seen(ProxyFix::new(), &[]), "it is not asked for");
    for hidden in ["for=unknown", "for=_a", "by=192.0.2.7", "for=\"\";proto=\"\";host=\"\"", "host=\"a\\\"b\""] {
        assert_eq!(seen(proxies(1), &[("forwarded", hidden)]), seen(proxies(1), &[]), "{hidden}");
    }
    let open = request("/where/", "127.0.0.1:1", &[("forwarded", "for=6.6.6.6;x=\", for=192.0.2.7")]);
    assert_eq!(respond(&frozen(proxies(1)), open).status(), 400);
}

#[test]
fn a_mistake_is_found_at_the_start() {
    for (proxies, told) in [
        (ProxyFix::new().trusted_peers(["nginx"]), "`nginx` is not a trusted peer; write an address"),
        (ProxyFix::new().forwarded().x_port(1), "`Forwarded` has no port and no prefix"),
        (ProxyFix::new().x_prefix(1).forwarded(), "`Forwarded` has no port and no prefix"),
    ] {
        let errors = app(proxies).freeze().expect_err("there is a mistake in it").to_string();
        assert!(errors.contains(told) && errors.contains("proxies.rs:"), "{errors}");
    }
}

#[test]
fn the_application_sees_the_request_of_the_client() {
    async fn login(session: Session) -> &'static str {
        session.set("user", 1);
        "hello"
    }
    async fn old() -> hipflask::helpers::Redirect {
        redirect(url_for!(place).external())
    }
    let inner = App::new("inner", ".").config("DEBUG", false).config("SECRET_KEY", KEY).routes(routes![place]);
    let app = app(ProxyFix::new().x_host(1).x_prefix(1))
        .config("TRUSTED_HOSTS", ["app.example"])
        .add_url_rule(hipflask::Rule::new("/login"), login)
        .add_url_rule(hipflask::Rule::new("/old"), old)
        .mount("/in", inner)
        .freeze()
        .expect("nothing is wrong with it");
    let https = ("x-forwarded-proto", "https");
    let ask = |target: &str, fields: &[(&str, &str)]| respond(&app, request(target, "10.0.0.1:1", fields));
    let header = |response: &Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
    };
    let trusted = ("x-forwarded-host", "app.example");
    assert_eq!(ask("/login", &[https]).status(), 400, "TRUSTED_HOSTS does not name the host inside");
    assert_eq!(ask("/login", &[https, ("x-forwarded-host", "evil.example, other.example")]).status(), 400);
    let welcome = ask("/login", &[https, trusted, ("x-forwarded-prefix", "/blog")]);
    assert!(header(&welcome, "strict-transport-security").contains("max-age"));
    assert!(header(&welcome, "set-cookie").contains("Secure"));
    assert_eq!(header(&ask("/login", &[trusted]), "strict-transport-security"), "");
    let moved = ask("/old", &[https, trusted, ("x-forwarded-prefix", "/blog/")]);
    assert_eq!(header(&moved, "location"), "https://app.example/blog/where/");
    let mounted = ask("/in/where/", &[https, trusted, ("x-forwarded-prefix", "/blog")]);
    let mounted: Value = serde_json::from_slice(mounted.data().expect("at hand")).expect("JSON");
    assert_eq!(mounted["external"], "https://app.example/blog/in/where/");
}

#[test]
fn a_form_of_the_same_site_is_accepted_and_another_refused() {
    let app = app(ProxyFix::new().x_host(1)).add_url_rule(hipflask::Rule::new("/").methods([POST]), || "sent");
    let app = app.freeze().expect("nothing is wrong with it");
    for (origin, status) in [("https://app.example", 200), ("https://evil.example", 400), ("https://inside:5000", 400)]
    {
        let fields = [("origin", origin), ("x-forwarded-host", "app.example"), ("x-forwarded-proto", "https")];
        let sent = request("/", "127.0.0.1:1", &fields).with_method(POST);
        assert_eq!(respond(&app, sent).status(), status, "{origin}");
    }
}

#[hipflask::test]
async fn no_client_of_a_proxy_is_on_this_machine() {
    async fn fail() -> Result<String> {
        Err(Error::msg("the secret of the developer"))
    }
    /// Takes the traces of the proxy away.
    fn clean(ctx: &mut Context) {
        let names: Vec<_> = ctx.request().headers().keys().filter(|name| name.as_str() != "host").cloned().collect();
        names.iter().for_each(|name| _ = ctx.request_mut().headers_mut().remove(name));
    }
    let app = |is_clean: bool| {
        let app = App::new("test", ".").config("DEBUG", true).config("TRUSTED_HOSTS", ["inside", "localhost"]);
        let app = app.add_url_rule(hipflask::Rule::new("/"), fail);
        let app = if is_clean { app.before_request(clean) } else { app };
        app.extend(ProxyFix::new().x_host(1)).freeze().expect("nothing is wrong with it")
    };
    let told = async |is_clean, fields: &[(&str, &str)]| {
        let mut sent = request("/", "127.0.0.1:1", fields);
        sent.headers_mut().insert(HeaderName::from_static("host"), HeaderValue::from_static("localhost"));
        let response = app(is_clean).respond(sent).await;
        text(response.into_parts().2).await.contains("the secret of the developer")
    };
    assert!(told(false, &[]).await && told(true, &[]).await);
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", "::1"),
        ("x-forwarded-for", "unknown"),
        ("x-forwarded-host", "inside"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-anything", ""),
        ("forwarded", "for=127.0.0.1"),
    ] {
        assert!(!told(false, &[(name, value)]).await, "{name}: {value}");
    }
    assert!(!told(true, &[("x-forwarded-for", "127.0.0.1")]).await, "who is behind a proxy stays there");
}

#[test]
fn the_peer_stays_for_the_log() {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&noted);
    let app = app(ProxyFix::new()).on_finished(move |finished| {
        let request = finished.request();
        notes.lock().expect("no panic").push((request.remote_addr(), request.peer()));
    });
    let app = app.freeze().expect("nothing is wrong with it");
    respond(&app, request("/where/", "10.0.0.1:4000", &[("x-forwarded-for", "192.0.2.7")]));
    let peer = Peer::Network("10.0.0.1:4000".parse().expect("an address"));
    assert_eq!(*noted.lock().expect("no panic"), [("192.0.2.7".parse().ok(), peer)]);
}
