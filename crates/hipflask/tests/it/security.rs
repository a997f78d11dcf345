//! What makes an application safe without being asked: headers, hosts, keys, cookies.

use hipflask::Rule;
use hipflask::http::{Cookie, Method, SameSite};
use hipflask::prelude::*;
use hipflask::testing::{TestClient, TestResponse};

const KEY: &str = "a key that is long enough, and only for tests";

fn app() -> App {
    App::new("test", ".").config("SECRET_KEY", KEY).config("DEBUG", false)
}

const ALWAYS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "browsing-topics=(), camera=(), geolocation=(), microphone=()"),
    (
        "content-security-policy",
        "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; img-src 'self' data:",
    ),
];

#[track_caller]
fn assert_headers(response: &TestResponse, what: &str) {
    for (name, value) in ALWAYS {
        assert_eq!(response.header(name), Some(value), "{name} of {what}");
        assert_eq!(response.headers().get_all(name).iter().count(), 1, "{name} of {what}");
    }
}

#[hipflask::test]
async fn every_answer_has_the_headers() {
    #[allow(clippy::panic, reason = "the panic is what is tested")]
    async fn explode() -> &'static str {
        panic!("in pieces")
    }
    async fn answer(ctx: &mut Context) -> Option<&'static str> {
        (ctx.request().path() == "/hook").then_some("from a hook")
    }
    async fn dressed(error: HttpError) -> (Status, String) {
        (error.status(), "dressed".to_owned())
    }
    let mounted = app().add_url_rule(Rule::new("/"), async || "mounted");
    let client = app()
        .add_url_rule(Rule::new("/"), async || "page")
        .add_url_rule(Rule::new("/fail"), async || -> Result<&str> { Err(Error::msg("no")) })
        .add_url_rule(Rule::new("/explode"), explode)
        .add_url_rule(Rule::new("/teapot"), async || Status::IM_A_TEAPOT)
        .add_url_rule(Rule::new("/nothing"), async || Status::NO_CONTENT)
        .add_url_rule(Rule::new("/same"), async || Status::NOT_MODIFIED)
        .add_url_rule(Rule::new("/away"), async || redirect("/"))
        .add_url_rule(Rule::new("/slash/"), async || "slash")
        .register_error_handler(410, dressed)
        .add_url_rule(Rule::new("/gone"), async || -> Result<&str> { abort!(410) })
        .before_request(answer)
        .mount("/mounted", mounted)
        .test_client();
    for (target, status) in [
        ("/", 200),
        ("/fail", 500),
        ("/explode", 500),
        ("/teapot", 418),
        ("/nothing", 204),
        ("/same", 304),
        ("/away", 303),
        ("/slash", 308),
        ("/gone", 410),
        ("/hook", 200),
        ("/nowhere", 404),
        ("/static/nothing.css", 404),
        ("/mounted/", 200),
        ("/mounted/nowhere", 404),
    ] {
        let response = client.get(target).send().await;
        assert_eq!(response.status(), status, "{target}");
        assert_headers(&response, target);
        assert_eq!(response.header("strict-transport-security"), None, "{target} came in clear");
        assert_eq!((response.header("server"), response.header("x-powered-by")), (None, None));
    }
    for (response, what) in [
        (client.post("/").send().await, "405"),
        (client.options("/").send().await, "OPTIONS"),
        (client.head("/").send().await, "HEAD"),
        (client.get("/").header("host", "not a host").send().await, "a bad host"),
        (client.get("/%00").send().await, "a bad path"),
    ] {
        assert_headers(&response, what);
    }
    let secure = client.get("/").https().send().await;
    assert_eq!(secure.header("strict-transport-security"), Some("max-age=31556926; includeSubDomains"));
    let off = app().config("SECURITY_HEADERS", false).test_client().get("/").https().send().await;
    for (name, _) in ALWAYS {
        assert_eq!(off.header(name), None, "{name}");
    }
    assert_eq!(off.header("strict-transport-security"), None);
}

/// Whatever breaks on the way out, the page that says so is as safe as another.
#[hipflask::test]
async fn a_broken_hook_does_not_take_the_headers_away() {
    async fn fails() -> Result<()> {
        Err(Error::msg("after the view"))
    }
    #[allow(clippy::panic, reason = "the panic is what is tested")]
    async fn explodes(_ctx: &mut Context) {
        panic!("after the view")
    }
    async fn keeps(_response: Response) -> Result<()> {
        Ok(())
    }
    let with = |app: App| app.add_url_rule(Rule::new("/"), async || "page").test_client();
    for (client, what) in [
        (with(app().after_request(fails)), "an error"),
        (with(app().after_request(explodes)), "a panic"),
        (with(app().after_request(keeps)), "a response that is not given back"),
        (
            with(
                app()
                    .register_error_handler(500, async || -> Result<&str> { Err(Error::msg("here too")) })
                    .after_request(fails),
            ),
            "an error in the handler",
        ),
    ] {
        let response = client.get("/").send().await;
        assert_eq!(response.status(), 500, "{what}");
        assert_headers(&response, what);
    }
    async fn stamp(ctx: &mut Context) {
        ctx.response_mut().headers_mut().insert("x-stamp", http::HeaderValue::from_static("yes"));
    }
    let response = with(app().after_request(stamp).after_request(fails)).get("/").send().await;
    assert_eq!(response.header("x-stamp"), Some("yes"), "the other hooks run for the error's page");
}

#[hipflask::test]
async fn what_a_view_says_about_itself_stands() {
    let embedded = [
        ("content-security-policy", "frame-ancestors https://partner.example"),
        ("x-frame-options", "ALLOWALL"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=0"),
    ];
    let client = app()
        .add_url_rule(Rule::new("/own"), move || (embedded, "page"))
        .add_url_rule(Rule::new("/ordinary"), async || "page")
        .test_client();
    let response = client.get("/own").https().send().await;
    for (name, value) in embedded {
        let all: Vec<_> = response.headers().get_all(name).iter().collect();
        assert_eq!(all, [value], "{name}");
    }
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "the rest is as ever");
    assert_headers(&client.get("/ordinary").send().await, "the next request");
}

fn nonces(text: &str) -> Vec<&str> {
    text.split("nonce-").skip(1).map(|rest| rest.split('\'').next().unwrap_or_default()).collect()
}

#[hipflask::test]
async fn the_nonce_of_a_page_is_that_of_its_header() {
    async fn page() -> Template {
        Template::from_string("{{ csp_nonce() }} {% macro m() %}{{ csp_nonce() }}{% endmacro %}{{ m() }}")
    }
    let with =
        |app: App| app.add_url_rule(Rule::new("/"), page).add_url_rule(Rule::new("/plain"), async || "x").test_client();
    let client = with(app());
    let mut seen = Vec::new();
    for _ in 0..3 {
        let response = client.get("/").send().await;
        let text = response.text();
        let (first, second) = text.split_once(' ').expect("two");
        assert_eq!(first, second);
        assert_eq!(nonces(response.header("content-security-policy").expect("a policy")), [first, first]);
        assert!(
            first.len() >= 22 && first.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b)),
            "{first}"
        );
        assert!(!seen.contains(&text), "each request has its own");
        seen.push(text);
    }
    assert!(nonces(client.get("/plain").send().await.header("content-security-policy").expect("a policy")).is_empty());
    let always = with(app().config("CONTENT_SECURITY_POLICY", "default-src 'none'; script-src 'nonce-{nonce}'"));
    let response = always.get("/plain").send().await;
    let policy = response.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'nonce-") && !policy.contains('{'), "{policy}");
    let response = always.get("/").send().await;
    assert_eq!(
        nonces(response.header("content-security-policy").expect("a policy")),
        [response.text().split(' ').next().expect("one")]
    );
}

#[hipflask::test]
async fn a_host_is_one_of_ours() {
    let with = |trusted: serde_json::Value| {
        let app = app().config("TRUSTED_HOSTS", trusted).add_url_rule(Rule::new("/"), async || "page");
        app.test_client()
    };
    let client = with(serde_json::json!(["example.org", ".example.net", "Mixed.Example", "[::1]", "127.0.0.1:5000"]));
    for (host, status) in [
        ("example.org", 200),
        ("EXAMPLE.ORG", 200),
        ("example.org:8080", 200),
        ("example.org:80", 200),
        ("mixed.example", 200),
        ("example.net", 200),
        ("a.example.net", 200),
        ("a.b.example.net:443", 200),
        ("[::1]", 200),
        ("[::1]:5000", 200),
        ("127.0.0.1", 200),
        ("localhost", 400),
        ("www.example.org", 400),
        ("example.org.evil.example", 400),
        ("evilexample.net", 400),
        ("example.org.", 400),
        ("example.org:x", 400),
        ("example.org:0", 400),
        ("example.org:99999", 400),
        ("example.org:80:80", 400),
        ("user@example.org", 400),
        ("evil.example@example.org", 400),
        ("example.org/", 400),
        ("example.org#", 400),
        ("example.org evil.example", 400),
        ("example.org,evil.example", 400),
        ("example_org", 400),
        ("[::2]", 400),
        ("", 400),
    ] {
        let response = client.get("/").header("host", host).send().await;
        assert_eq!(response.status(), status, "{host}");
        assert!(!response.text().contains('@') && !response.text().contains('#'), "{host}");
    }
    assert_eq!(client.get("/").without_header("host").send().await.status(), 400, "without any");
    assert_eq!(with(serde_json::json!([])).get("/").send().await.status(), 400);
    let anybody = with(serde_json::Value::Null);
    for (host, status) in [("anybody.example", 200), ("a_b", 400), ("<b>", 400), ("a b", 400), ("ü.example", 400)] {
        assert_eq!(anybody.get("/").header("host", host).send().await.status(), status, "{host}");
    }
}

/// A name of the outside world that leads to this machine must not show its debug pages.
#[hipflask::test]
async fn a_developers_machine_answers_to_its_own_names_alone() {
    let with = |app: App| app.config("DEBUG", true).add_url_rule(Rule::new("/"), async || "page").test_client();
    let client = with(app());
    for (host, status) in [
        ("localhost:5000", 200),
        ("app.localhost", 200),
        ("127.0.0.1:5000", 200),
        ("[::1]:5000", 200),
        ("rebound.example", 400),
        ("127.0.0.1.rebound.example", 400),
        ("0.0.0.0", 400),
        ("192.168.0.7", 400),
    ] {
        assert_eq!(client.get("/").header("host", host).send().await.status(), status, "{host}");
    }
    let named = with(app().config("SERVER_NAME", "dev.example:5000"));
    assert_eq!(named.get("/").header("host", "dev.example:5000").send().await.status(), 200);
    let listed = with(app().config("TRUSTED_HOSTS", ["192.168.0.7"]));
    assert_eq!(listed.get("/").header("host", "192.168.0.7").send().await.status(), 200);
}

fn problems(app: App) -> String {
    app.freeze().map_or_else(|errors| errors.to_string(), |_| "none".to_owned())
}

#[test]
fn a_weak_key_does_not_go_to_production() {
    async fn view(session: Session) -> String {
        session.keys().join(",")
    }
    let with = |key: serde_json::Value| {
        let app = App::new("test", ".").config("DEBUG", false).config("SECRET_KEY", key);
        problems(app.add_url_rule(Rule::new("/"), view))
    };
    for (key, told) in [
        (serde_json::json!("dev"), "has 3 bytes"),
        (serde_json::json!("x".repeat(31)), "has 31 bytes"),
        (serde_json::json!("x".repeat(64)), "only 1 different"),
        (serde_json::json!("abcdefg".repeat(10)), "only 7 different"),
        (serde_json::json!("192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"), "documentation"),
        (serde_json::json!(""), "has 0 bytes"),
        (serde_json::Value::Null, "no secret key is set"),
        (serde_json::json!(123_456_789_u64), "SECRET_KEY"),
        (serde_json::json!(["a"]), "SECRET_KEY"),
        (serde_json::json!("c29b17d5ab4f42b1d80e2c9ed01d2b47"), "none"),
        (serde_json::json!("ünïcödé is fine in a key, äöüß"), "none"),
    ] {
        let found = with(key.clone());
        assert!(found.contains(told), "{key}: {found}");
        let secret = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        assert!(secret.len() < 8 || !found.contains(&secret), "the key is in the message: {found}");
    }
    // A key that only verifies still signs for anyone who knows it.
    let fallback = |key: &str| problems(app().config("SECRET_KEY_FALLBACKS", [key]).add_url_rule(Rule::new("/"), view));
    assert!(fallback("").contains("SECRET_KEY_FALLBACKS"), "{}", fallback(""));
    assert!(fallback("short").contains("SECRET_KEY_FALLBACKS"), "{}", fallback("short"));
    assert_eq!(fallback("c29b17d5ab4f42b1d80e2c9ed01d2b47"), "none");
}

/// While developing a key is made up, one for each start; an empty one is none.
#[hipflask::test]
async fn a_developer_needs_no_key() {
    async fn set(session: Session) -> &'static str {
        session.set("a", 1);
        "set"
    }
    let with = |key: serde_json::Value| {
        let app = App::new("test", ".").config("DEBUG", true).config("SECRET_KEY", key);
        app.add_url_rule(Rule::new("/"), set).test_client()
    };
    for key in [serde_json::Value::Null, serde_json::json!("")] {
        let (one, two) = (with(key.clone()), with(key.clone()));
        assert_eq!(one.get("/").send().await.text(), "set");
        two.set_cookie("session", &one.cookie("session").expect("it was set"));
        assert!(two.session(Session::is_empty), "{key}: anyone could sign with it");
    }
}

async fn cookie_of(client: &TestClient) -> String {
    let response = client.get("/").send().await;
    let cookie = response.header("set-cookie").unwrap_or("none").to_owned();
    cookie.split_once("; ").map_or(cookie.clone(), |(_, flags)| flags.to_owned())
}

#[hipflask::test]
async fn the_flags_of_the_sessions_cookie() {
    async fn set(session: Session) -> &'static str {
        session.set("a", 1);
        "set"
    }
    let with = |app: App| app.add_url_rule(Rule::new("/"), set).test_client();
    for (client, flags) in [
        (with(app()), "Secure; HttpOnly; Path=/; SameSite=Lax"),
        (with(app().config("DEBUG", true)), "HttpOnly; Path=/; SameSite=Lax"),
        (with(app().config("SESSION_COOKIE_SECURE", false)), "HttpOnly; Path=/; SameSite=Lax"),
        (
            with(app().config("DEBUG", true).config("SESSION_COOKIE_SECURE", true)),
            "Secure; HttpOnly; Path=/; SameSite=Lax",
        ),
        (with(app().config("SESSION_COOKIE_HTTPONLY", false)), "Secure; Path=/; SameSite=Lax"),
        (with(app().config("SESSION_COOKIE_SAMESITE", "Strict")), "Secure; HttpOnly; Path=/; SameSite=Strict"),
        (with(app().config("SESSION_COOKIE_SAMESITE", "none")), "Secure; HttpOnly; Path=/; SameSite=None"),
        (with(app().config("SESSION_COOKIE_SAMESITE", None::<&str>)), "Secure; HttpOnly; Path=/"),
        (with(app().config("SESSION_COOKIE_PATH", "/app")), "Secure; HttpOnly; Path=/app; SameSite=Lax"),
        (with(app().config("APPLICATION_ROOT", "/root")), "Secure; HttpOnly; Path=/root; SameSite=Lax"),
        (
            with(app().config("SESSION_COOKIE_DOMAIN", "example.org")),
            "Domain=example.org; Secure; HttpOnly; Path=/; SameSite=Lax",
        ),
        (with(app().config("SESSION_COOKIE_PARTITIONED", true)), "Secure; HttpOnly; Path=/; SameSite=Lax; Partitioned"),
    ] {
        assert_eq!(cookie_of(&client).await, flags);
    }
    for (key, value) in [
        ("SESSION_COOKIE_SAMESITE", "lax; Domain=evil.example"),
        ("SESSION_COOKIE_NAME", "a b"),
        ("SESSION_COOKIE_NAME", ""),
        ("SESSION_COOKIE_NAME", "a;b"),
        ("SESSION_COOKIE_DOMAIN", "a; Secure"),
        ("SESSION_COOKIE_DOMAIN", "a_b.example"),
    ] {
        let found = problems(app().config(key, value));
        assert!(found.contains(key), "{key}={value}: {found}");
    }
}

#[hipflask::test]
async fn a_cookie_of_the_applications_own_is_as_strict_as_it_says() {
    async fn set() -> Result<Response> {
        let mut response = Response::new("set");
        response.set_cookie(&Cookie::new("a", "b").same_site(SameSite::None).partitioned(true))?;
        Ok(response)
    }
    let client = app().add_url_rule(Rule::new("/"), set).test_client();
    assert_eq!(cookie_of(&client).await, "Secure; Path=/; SameSite=None; Partitioned", "a partitioned one is secure");
}

#[hipflask::test]
async fn nothing_about_the_inside_is_told() {
    async fn fail(_body: hipflask::http::Bytes) -> Result<&'static str> {
        Err(Error::msg("the database at 10.0.0.7 said no to hunter2"))
    }
    let rule = Rule::new("/secret/<name>").methods([Method::GET, Method::POST]);
    let production = app().add_url_rule(rule.clone(), fail).test_client();
    for accept in ["text/html", "application/json", "*/*"] {
        for target in ["/secret/x", "/nowhere"] {
            let response = production.get(target).header("accept", accept).send().await;
            for inside in ["hunter2", "10.0.0.7", ".rs", "/secret/<name>", "hipflask", "Rust"] {
                assert!(!response.text().contains(inside), "{inside} in {}", response.text());
            }
        }
    }
    // The page of the developer is for the developer's machine, not for whom a proxy lets in.
    let developing = app().config("DEBUG", true).add_url_rule(rule, fail).test_client();
    assert!(developing.get("/secret/x").send().await.text().contains("hunter2"));
    for proxy in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
        let response = developing.get("/secret/x").header(proxy, "198.51.100.7").send().await;
        assert_eq!(response.status(), 500);
        assert!(!response.text().contains("hunter2"), "{proxy}");
    }
    let page = developing
        .get("/secret/x?q=<script>alert(1)</script>")
        .header("cookie", "session=stolen")
        .header("authorization", "Basic c3Rvb2w=");
    let page = page.header("user-agent", "<img src=x onerror=alert(1)>").send().await;
    assert!(!page.text().contains("<script>alert") && !page.text().contains("<img src=x"), "{}", page.text());
    assert!(!page.text().contains("stolen") && !page.text().contains("c3Rvb2w="), "secrets stay out of screenshots");
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
}

/// A name that is trusted is somebody's, and may come to lead elsewhere; a proxy brings requests of others.
#[hipflask::test]
async fn the_debug_page_is_for_this_machine_under_its_own_name() {
    async fn fail() -> Result<&'static str> {
        Err(Error::msg("the inside of the program"))
    }
    let app = app().config("DEBUG", true).config("TRUSTED_HOSTS", ["shop.example", "localhost", "127.0.0.1", "[::1]"]);
    let client = app.add_url_rule(Rule::new("/"), fail).test_client();
    let shows =
        async |name: &str, value: &str| client.get("/").header(name, value).send().await.text().contains("inside");
    for host in ["localhost", "localhost:5000", "127.0.0.1:80", "[::1]:5000"] {
        assert!(shows("host", host).await, "{host}");
    }
    assert!(!shows("host", "shop.example").await, "it is trusted, but not this machine's own");
    for header in [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "true-client-ip",
        "fastly-client-ip",
        "cf-connecting-ip",
        "do-connecting-ip",
        "x-azure-clientip",
        "cdn-loop",
        "x-envoy-external-address",
    ] {
        assert!(!shows(header, "192.0.2.7").await, "{header}");
    }
    assert!(shows("x-request-id", "7").await);
}

/// Caches that have many clients keep nothing of one of them.
#[hipflask::test]
async fn what_depends_on_a_session_is_not_for_shared_caches() {
    const PUBLIC: &str = "public, max-age=60, s-maxage=600";
    async fn plain() -> &'static str {
        "the same for everyone"
    }
    async fn reads(session: Session) -> String {
        format!("{:?}", session.get::<String>("user"))
    }
    async fn says(session: Session) -> Result<Response> {
        Response::new(session.keys().join(",")).with_header("cache-control", PUBLIC)
    }
    async fn writes(session: Session) -> Result<Response> {
        session.set("user", "ada");
        Response::new("").with_header("cache-control", PUBLIC)
    }
    async fn permanent(session: Session) -> &'static str {
        session.set_permanent(true);
        ""
    }
    async fn hinted() -> Result<Response> {
        Response::new("").with_header("cache-control", PUBLIC)
    }
    let app = app().add_url_rule(Rule::new("/plain"), plain).add_url_rule(Rule::new("/reads"), reads);
    let app = app.add_url_rule(Rule::new("/says"), says).add_url_rule(Rule::new("/writes"), writes);
    let app = app.add_url_rule(Rule::new("/permanent"), permanent).add_url_rule(Rule::new("/hinted"), hinted);
    let client = app.test_client();
    let get = async |path: &str| {
        let response = client.get(path).send().await;
        (response.header("cache-control").map(str::to_owned), response.header("set-cookie").is_some())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(get("/plain").await, (None, false));
    assert_eq!(get("/reads").await, (some("private, no-cache"), false));
    assert_eq!(get("/says").await, (some(PUBLIC), false), "what a view says stands");
    assert_eq!(get("/hinted").await, (some(PUBLIC), false));
    assert_eq!(get("/writes").await, (some("max-age=60, private"), true), "but not together with the cookie");
    assert_eq!(get("/permanent").await, (some("private, no-cache"), true));
    assert_eq!(get("/plain").await, (some("private, no-cache"), true), "a permanent session is renewed");
    assert_eq!(get("/hinted").await, (some("max-age=60, private"), true));
}
