//! Rules for subdomains, hosts and WebSockets, rules that redirect, and the URLs that are built of all of them.

use hipflask::Rule;
use hipflask::helpers::UrlFor;
use hipflask::http::Method;
use hipflask::prelude::*;
use hipflask::testing::{TestClient, TestRequest, TestResponse};
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str()
}

fn method(value: &Value) -> Option<Method> {
    text(value, "method").map(|method| method.parse().expect("a method"))
}

/// A value as `url_for` takes it: one, several, or none.
fn values(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(values).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// A recorded rule.
pub(super) fn rule(recorded: &Value) -> Rule {
    let mut rule = Rule::new(text(recorded, "rule").expect("a rule"));
    rule = rule.endpoint(text(recorded, "endpoint").expect("an endpoint"));
    if let Some(methods) = recorded["methods"].as_array() {
        let methods = methods.iter().filter_map(Value::as_str).map(|method| method.parse().expect("a method"));
        rule = rule.methods(methods.collect::<Vec<Method>>());
    }
    for (name, value) in recorded["defaults"].as_object().into_iter().flatten() {
        rule = rule.default(name, values(value).concat());
    }
    let set = |rule: Rule, key: &str, set: fn(Rule, bool) -> Rule| match recorded[key].as_bool() {
        Some(on) => set(rule, on),
        None => rule,
    };
    rule = set(rule, "strict_slashes", Rule::strict_slashes);
    rule = set(rule, "merge_slashes", Rule::merge_slashes);
    rule = set(rule, "websocket", Rule::websocket);
    rule = set(rule, "build_only", Rule::build_only);
    rule = set(rule, "alias", Rule::alias);
    let with = |rule: Rule, key: &str, with: fn(Rule, String) -> Rule| match text(recorded, key) {
        Some(text) => with(rule, text.to_owned()),
        None => rule,
    };
    rule = with(rule, "subdomain", Rule::subdomain);
    rule = with(rule, "host", Rule::host);
    with(rule, "redirect_to", Rule::redirect_to)
}

/// The recorded map as an application that tells which rule was found, and builds the URLs that the header asks for.
fn app(map: &Value) -> App {
    async fn found(ctx: &mut Context) -> Json<Value> {
        let values: serde_json::Map<String, Value> =
            ctx.view_args().iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Json(json!({"endpoint": ctx.endpoint(), "values": values}))
    }
    fn build(ctx: &mut Context) -> Option<Json<Value>> {
        let asked = ctx.request().header("x-build")?;
        let build: Value = serde_json::from_str(asked).expect("the test sends JSON");
        let mut url = UrlFor::endpoint(text(&build, "endpoint").expect("an endpoint"));
        for (name, value) in build["values"].as_object().into_iter().flatten() {
            url = url.values(name, values(value));
        }
        url = method(&build).into_iter().fold(url, UrlFor::method);
        url = text(&build, "scheme").into_iter().fold(url, UrlFor::scheme);
        url = if build["external"] == true { url.external() } else { url };
        Some(Json(json!(ctx.url_for(url).ok())))
    }
    let mut app =
        App::new("test", ".").config("DEBUG", true).without_static_files().config("TRUSTED_HOSTS", [".org", ".net"]);
    app = match text(map, "mode") {
        Some("subdomains") => app.subdomain_matching(),
        Some("hosts") => app.host_matching(),
        _ => app,
    };
    if let Some(name) = text(map, "server_name") {
        app = app.config("SERVER_NAME", name);
    }
    let settings = &map["settings"];
    app = app.url_map(|map| {
        let set = |key: &str, value: &mut bool| *value = settings[key].as_bool().unwrap_or(*value);
        set("strict_slashes", &mut map.strict_slashes);
        set("merge_slashes", &mut map.merge_slashes);
        set("redirect_defaults", &mut map.redirect_defaults);
        map.default_subdomain = text(settings, "default_subdomain").unwrap_or_default().to_owned();
    });
    let rules = map["rules"].as_array().expect("a map has rules");
    rules
        .iter()
        .fold(app, |app, recorded| app.add_url_rule(rule(recorded), found))
        .before_request(hipflask::extension::inline(build))
}

fn ascii(value: &Value) -> String {
    let escape = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    value.to_string().chars().map(|c| if c.is_ascii() { c.to_string() } else { escape(c) }).collect()
}

fn quoted(path: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Integers are converted by Flask, and here by the argument's type. HEAD has no body to tell the values in.
fn same(found: &Value, recorded: &Value) -> bool {
    if found == "found" {
        return recorded["endpoint"].is_string();
    }
    let plain = |result: &Value| {
        let mut result = result.clone();
        for (name, value) in result.get_mut("values").and_then(Value::as_object_mut).into_iter().flatten() {
            if name == "n" || name == "s" {
                *value = json!(value.as_str().unwrap_or_default().parse::<u64>().ok());
            }
        }
        result
    };
    plain(found) == plain(recorded)
}

/// A recorded request, which perhaps asks for a URL.
fn send<'a>(client: &'a TestClient, request: &Value, build: Option<&Value>) -> TestRequest<'a> {
    let path = quoted(text(request, "path").expect("a path"));
    let target = text(request, "query").map_or(path.clone(), |query| format!("{path}?{query}"));
    let mut sent = client.request(method(request).expect("a method"), &target);
    sent = sent.without_header("origin").header("host", text(request, "host").expect("a host"));
    if request["websocket"] == true {
        sent = sent.header("connection", "keep-alive, Upgrade").header("upgrade", "WebSocket");
    }
    if request["scheme"] == "https" {
        sent = sent.https();
    }
    build.into_iter().fold(sent, |sent, build| sent.header("x-build", &ascii(build)))
}

/// What the recorded run calls the same.
fn result(response: &TestResponse, is_head: bool) -> Value {
    match response.status().as_u16() {
        200 if is_head => json!("found"),
        200 => response.json(),
        404 => json!("not_found"),
        400 => json!("mismatch"),
        405 => {
            let mut methods: Vec<&str> = response.header("allow").unwrap_or_default().split(", ").collect();
            methods.sort_unstable();
            json!({"not_allowed": methods})
        }
        308 => json!({"redirect": response.header("location")}),
        other => json!(other),
    }
}

/// Werkzeug's own answers for many random maps: see `fixtures/record_urls.py`.
#[hipflask::test]
async fn hosts_redirects_and_websockets_are_werkzeugs() {
    let recorded: Value = serde_json::from_str(include_str!("../fixtures/urls.json")).expect("it is JSON");
    let (mut compared, mut wrong) = (0, Vec::new());
    for map in recorded["maps"].as_array().expect("there are maps") {
        let client = app(map).test_client();
        let place = format!("{} {}", map["server_name"], map["rules"]);
        for request in map["requests"].as_array().expect("a map has requests") {
            let is_head = request["method"] == "HEAD";
            let found = result(&send(&client, request, None).send().await, is_head);
            compared += 1;
            if !same(&found, &request["result"]) {
                wrong.push(format!("{request}\n  {found}\n  {place}"));
            }
            for build in request["builds"].as_array().into_iter().flatten().filter(|_| !is_head) {
                let built: Value = send(&client, request, Some(build)).send().await.json();
                compared += 1;
                if built != build["url"] {
                    wrong.push(format!("{build}\n  {built}\n  {request}\n  {place}"));
                }
            }
        }
    }
    assert!(compared > 1000, "the recording is empty");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

/// In a request or outside of one.
#[hipflask::test]
async fn an_application_builds_the_urls_that_flask_builds() {
    let recorded: Value = serde_json::from_str(include_str!("../fixtures/urls.json")).expect("it is JSON");
    let mut wrong = Vec::new();
    for one in recorded["applications"].as_array().expect("there are applications") {
        let options = one["options"].as_object().expect("they have names");
        let mut url = UrlFor::endpoint(text(&one["options"], "endpoint").expect("an endpoint"));
        for (name, value) in options {
            url = match (name.as_str(), value) {
                ("endpoint", _) => url,
                ("_external", Value::Bool(true)) => url.external(),
                ("_external", _) => url.relative(),
                ("_scheme", value) => url.scheme(values(value).concat()),
                ("_anchor", value) => url.anchor(values(value).concat()),
                ("_method", value) => url.method(values(value).concat().parse().expect("a method")),
                (name, value) => url.values(name, values(value)),
            };
        }
        let app = App::new("test", ".")
            .config("DEBUG", false)
            .config("SECRET_KEY", "k".repeat(3) + "0123456789abcdefghijklmnopqrstuvw");
        let app = app.config_from_mapping(&one["config"]).without_static_files();
        let build = move |ctx: &mut Context| Json(json!(ctx.url_for(url.clone()).ok()));
        let view = async || "";
        let app = app
            .add_url_rule(Rule::new("/").endpoint("index").methods([GET, POST]), view)
            .add_url_rule(Rule::new("/posts/<int:id>").endpoint("show"), view)
            .add_url_rule(Rule::new("/posts/<int:id>").endpoint("change").methods([POST]), view)
            .add_rule(Rule::new("/changed/<int:id>").endpoint("change").methods([PUT]))
            .command_before_start("build", "Builds the URL.", build.clone())
            .before_request(build);
        let client = app.test_client();
        let built: Value = match text(one, "host") {
            None => {
                let said = client.app().run_command("build", [""; 0]).await.expect("it runs");
                serde_json::from_str(&said).expect("it is JSON")
            }
            Some(host) => client.without_browser_headers().put("/").header("host", host).send().await.json(),
        };
        if built != one["url"] {
            wrong.push(format!("{one}\n  {built}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
