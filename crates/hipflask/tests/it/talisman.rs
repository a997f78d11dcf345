//! Security headers of an application's own, and the redirect to HTTPS. `fixtures/record_talisman.py` has recorded what
//! Flask-Talisman does with the same options.

use hipflask::Rule;
use hipflask::prelude::*;
use hipflask::security::{Policy, ProxyFix, Talisman};
use hipflask::testing::TestResponse;
use serde_json::{Map, Value, json};

const RECORDED: &str = include_str!("../fixtures/talisman.json");

fn app() -> App {
    App::new("test", ".").config("DEBUG", false)
}

async fn page() -> Template {
    Template::from_string("{{ csp_nonce() }}")
}

fn rule(options: Talisman) -> Rule {
    Rule::new("/a/page").with(options)
}

/// An option by the name that Talisman has for it.
fn say(talisman: Talisman, name: &str, value: &Value) -> Talisman {
    let text = || value.as_str().unwrap_or_default().to_owned();
    let on = value.as_bool().unwrap_or_default();
    let policy = || serde_json::from_value::<Policy>(value.clone()).unwrap_or_else(|_| Policy::from(""));
    match name {
        "force_https" => talisman.force_https(on),
        "force_https_permanent" => talisman.force_https_permanent(on),
        "force_file_save" => talisman.force_file_save(on),
        "frame_options" => talisman.frame_options(text()),
        "strict_transport_security" => talisman.strict_transport_security(on),
        "strict_transport_security_preload" => talisman.strict_transport_security_preload(on),
        "strict_transport_security_max_age" => {
            talisman.strict_transport_security_max_age(value.as_u64().expect("a number"))
        }
        "strict_transport_security_include_subdomains" => talisman.strict_transport_security_include_subdomains(on),
        "content_security_policy" => talisman.content_security_policy(policy()),
        "content_security_policy_nonce_in" => {
            let names = value.as_array().expect("a list").iter().filter_map(Value::as_str);
            talisman.content_security_policy_nonce_in(names)
        }
        "content_security_policy_report_only" => talisman.content_security_policy_report_only(on),
        "content_security_policy_report_uri" => talisman.content_security_policy_report_uri(text()),
        "referrer_policy" => talisman.referrer_policy(text()),
        "permissions_policy" => talisman.permissions_policy(policy()),
        "document_policy" => talisman.document_policy(policy()),
        "x_content_type_options" => talisman.x_content_type_options(on),
        "x_xss_protection" => talisman.x_xss_protection(on),
        other => panic!("{other} was recorded, but is not known here"),
    }
}

fn say_all(talisman: Talisman, options: &Value) -> Talisman {
    options.as_object().expect("options").iter().fold(talisman, |talisman, (name, value)| say(talisman, name, value))
}

#[hipflask::test]
async fn the_options_do_what_talismans_do() {
    let cases: Vec<Value> = serde_json::from_str(RECORDED).expect("the recording is JSON");
    for case in &cases {
        // Where our defaults say more, Talisman's are said.
        let talisman = Talisman::new()
            .content_security_policy("default-src 'self'; object-src 'none'")
            .content_security_policy_nonce_in([""; 0])
            .permissions_policy("browsing-topics=()");
        let view = rule(say_all(Talisman::new(), &case["view"]));
        let client = app().extend(say_all(talisman, &case["app"])).add_url_rule(view, page).test_client();
        let request = client.get("/a/page?q=%20").header("host", "example.org:8080");
        let request = if case["scheme"] == "https" { request.https() } else { request };
        let response = request.send().await;
        let nonce = Some(response.text()).filter(|text| text.len() == 24);
        let mut headers = Map::new();
        for name in case["answer"]["headers"].as_object().expect("headers").keys().map(String::as_str).chain([
            "content-security-policy",
            "content-security-policy-report-only",
            "document-policy",
            "location",
            "strict-transport-security",
            "x-content-type-options",
            "x-download-options",
            "x-frame-options",
            "x-xss-protection",
        ]) {
            if let Some(value) = response.header(name) {
                let value = nonce.as_ref().map_or(value.to_owned(), |nonce| value.replace(nonce, "NONCE"));
                headers.insert(name.to_owned(), directives_sorted(name, &value).into());
            }
        }
        let recorded = case["answer"]["headers"].as_object().expect("headers");
        let recorded: Map<String, Value> = recorded
            .iter()
            .map(|(name, value)| (name.clone(), directives_sorted(name, value.as_str().expect("text")).into()))
            .collect();
        assert_eq!((response.status().as_u16(), headers), (recorded_status(case), recorded), "{case}");
    }
    assert!(cases.len() > 20);
}

fn recorded_status(case: &Value) -> u16 {
    case["answer"]["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a status")
}

/// A policy means the same in any order, and a map in JSON has none.
fn directives_sorted(name: &str, value: &str) -> String {
    let separator = match name {
        "content-security-policy" | "content-security-policy-report-only" => "; ",
        "permissions-policy" => ", ",
        _ => return value.to_owned(),
    };
    let mut directives: Vec<&str> = value.split(separator).collect();
    directives.sort_unstable();
    directives.join(separator)
}

async fn get(app: App, path: &str) -> TestResponse {
    app.test_client().get(path).https().send().await
}

#[hipflask::test]
async fn newer_headers_have_options_too() {
    let talisman = Talisman::new()
        .cross_origin_opener_policy("same-origin-allow-popups")
        .cross_origin_embedder_policy("require-corp")
        .cross_origin_resource_policy("")
        .content_security_policy_report_only(true)
        .reporting_endpoints([("csp", "https://reports.example/csp"), ("other", "/other")]);
    let response = get(app().extend(talisman).add_url_rule(Rule::new("/"), page), "/").await;
    for (name, value) in [
        ("cross-origin-opener-policy", Some("same-origin-allow-popups")),
        ("cross-origin-embedder-policy", Some("require-corp")),
        ("cross-origin-resource-policy", None),
        ("reporting-endpoints", Some("csp=\"https://reports.example/csp\", other=\"/other\"")),
        ("content-security-policy", None),
    ] {
        assert_eq!(response.header(name), value, "{name}");
    }
    let policy = response.header("content-security-policy-report-only").expect("a policy");
    assert!(
        policy.contains("; report-to csp; ") && policy.contains(&format!("'nonce-{}'", response.text())),
        "{policy}"
    );
}

/// What is said nearest to a view counts, option by option.
#[hipflask::test]
async fn options_lie_over_each_other() {
    let views = Blueprint::new("views")
        .url_prefix("/in")
        .with(Talisman::new().frame_options("DENY").referrer_policy("no-referrer"))
        .add_url_rule(Rule::new("/plain"), async || "page")
        .add_url_rule(Rule::new("/own").endpoint("own").with(Talisman::new().frame_options("")), async || "page")
        .add_url_rule(Rule::new("/set").endpoint("set"), async || ([("x-frame-options", "ALLOWALL")], "page"));
    let app = app()
        .extend(Talisman::new().referrer_policy("origin").permissions_policy("camera=()"))
        .add_url_rule(Rule::new("/"), async || "page")
        .register_blueprint(views);
    let client = app.test_client();
    for (path, frame, referrer) in [
        ("/", Some("SAMEORIGIN"), "origin"),
        ("/in/plain", Some("DENY"), "no-referrer"),
        ("/in/own", None, "no-referrer"),
        ("/in/set", Some("ALLOWALL"), "no-referrer"),
        ("/in/nowhere", Some("SAMEORIGIN"), "origin"),
    ] {
        let response = client.get(path).https().send().await;
        assert_eq!(
            (response.header("x-frame-options"), response.header("referrer-policy")),
            (frame, Some(referrer)),
            "{path}"
        );
        assert_eq!(response.header("permissions-policy"), Some("camera=()"));
    }
}

#[hipflask::test]
async fn the_configuration_may_have_a_policy_as_a_map() {
    let policy = json!({ "default-src": "'none'", "img-src": ["'self'", "data:"] });
    let app = app().config("CONTENT_SECURITY_POLICY", policy).add_url_rule(Rule::new("/"), async || "page");
    let own = rule(Talisman::new().content_security_policy("default-src *"));
    let client = app.add_url_rule(own, async || "page").test_client();
    let policy = async |path: &str| client.get(path).send().await.header("content-security-policy").map(str::to_owned);
    assert_eq!(policy("/").await.as_deref(), Some("default-src 'none'; img-src 'self' data:"));
    assert_eq!(policy("/a/page").await.as_deref(), Some("default-src *"));
}

#[hipflask::test]
async fn clients_are_sent_to_https() {
    let with = |app: App| {
        let app = app.extend(Talisman::new()).add_url_rule(Rule::new("/a/page"), async || "page");
        app.test_client()
    };
    for (client, host, location) in [
        (with(app()), "example.org", Some("https://example.org/a/page?x=%2F")),
        (with(app()), "[::1]:80", Some("https://[::1]/a/page?x=%2F")),
        (with(app().config("HTTPS_PORT", 443)), "example.org:8000", Some("https://example.org/a/page?x=%2F")),
        (with(app().config("HTTPS_PORT", 8443)), "[::1]:8000", Some("https://[::1]:8443/a/page?x=%2F")),
        (with(app().config("SECURITY_HEADERS", false)), "example.org", Some("https://example.org/a/page?x=%2F")),
        (with(app().config("DEBUG", true)), "localhost", None),
    ] {
        let response = client.get("/a/page?x=%2F").header("host", host).send().await;
        assert_eq!(response.header("location"), location, "{host}");
        assert_eq!(response.status(), if location.is_some() { 302 } else { 200 });
    }
    // What a stranger says about the scheme is not believed; what a proxy says is.
    let ask = async |app: App| {
        let client = with(app);
        client
            .get("/a/page")
            .header("x-forwarded-for", "192.0.2.1")
            .header("x-forwarded-proto", "https")
            .send()
            .await
            .status()
    };
    assert_eq!(ask(app()).await, 302);
    assert_eq!(ask(app().extend(ProxyFix::new())).await, 200);
    let nowhere = with(app()).get("/nowhere").send().await;
    assert_eq!((nowhere.status().as_u16(), nowhere.header("location")), (302, Some("https://localhost/nowhere")));
}

#[test]
fn what_cannot_be_sent_is_reported_at_the_start() {
    let view = |options: Talisman| app().extend(Talisman::new()).add_url_rule(rule(options), page);
    for (app, said) in [
        (app().extend(Talisman::new().referrer_policy("a\nb")), "`referrer-policy` cannot have the value \"a\\nb\""),
        (view(Talisman::new().frame_options("a\rb")), "`x-frame-options`"),
        (view(Talisman::new().content_security_policy_report_only(true)), "needs an address for the reports"),
        (view(Talisman::new().content_security_policy([("img-src", "*; script-src *")])), "not a directive"),
        (view(Talisman::new().reporting_endpoints([("CSP", "/")])), "not an endpoint for reports"),
        (
            app().add_url_rule(rule(Talisman::new().force_https(true)), page),
            "`force_https` of a view has no effect without `.extend(Talisman::new())`",
        ),
        (app().config("CONTENT_SECURITY_POLICY", 5), "CONTENT_SECURITY_POLICY"),
    ] {
        let problems = app.freeze().expect_err("it does not start").to_string();
        assert!(problems.contains(said), "{said}: {problems}");
    }
}
