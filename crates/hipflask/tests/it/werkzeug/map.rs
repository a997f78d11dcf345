//! Maps of rules: what a path finds, and what is built.

use hipflask::http::{Method, Request, Scheme};
use hipflask::prelude::*;
use hipflask::{Frozen, block_on};
use serde_json::{Map, Value, json};

use super::{Asked, quoted, text};

const ALL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Tells the endpoint and the values.
async fn found(ctx: &mut Context) -> Json<Value> {
    let args: Map<String, Value> =
        ctx.view_args().iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Json(json!([ctx.endpoint(), args]))
}

/// The URL that the header asks for.
fn url(ctx: &mut Context) -> Option<Json<Value>> {
    let asked = ctx.request().header("x-url")?;
    let asked: Value = serde_json::from_str(asked).expect("the test sends JSON");
    Some(Json(json!(ctx.url_for(crate::oracle::url_for(&asked)).ok())))
}

/// Whether something before the server's name is looked at.
fn has_subdomains(given: &Value) -> bool {
    let map = &given["map"];
    let rules = map["rules"].as_array().into_iter().flatten();
    let mut of_rules = rules.filter_map(|rule| rule["subdomain"].as_str());
    map["host_matching"] != true
        && (!text(map, "default_subdomain").is_empty()
            || !text(given, "subdomain").is_empty()
            || of_rules.any(|name| !name.is_empty()))
}

fn app(given: &Value) -> Result<Frozen, &'static str> {
    let map = &given["map"];
    if map["own_converters"].as_array().is_some_and(|own| !own.is_empty()) {
        return Err("has converters written in Python");
    }
    if map["sort_key"] == true {
        return Err("sorts by a function written in Python");
    }
    let mut rules = map["rules"].as_array().expect("a list").clone();
    if rules.iter().any(|rule| !rule["endpoint"].is_string() && rule["redirect_to"].is_null()) {
        return Err("has endpoints that are no text");
    }
    for rule in &mut rules {
        if rule["methods"].is_null() {
            rule["methods"] = if rule["websocket"] == true { json!(["GET"]) } else { json!(ALL) };
        }
        for (at, key) in ["subdomain", "host"].into_iter().enumerate() {
            let is_looked_at = if at == 0 { has_subdomains(given) } else { map["host_matching"] == true };
            if !is_looked_at {
                rule[key] = Value::Null;
            }
        }
        if map["host_matching"] != true && rule["subdomain"] == map["default_subdomain"] {
            rule["subdomain"] = Value::Null;
        }
    }
    let mut app = App::new("werkzeug", ".").config("DEBUG", false).config("WTF_CSRF_ENABLED", false);
    app = app.without_static_files();
    if map["host_matching"] == true {
        app = app.host_matching();
    } else if has_subdomains(given) {
        app = app.subdomain_matching().config("SERVER_NAME", text(given, "server_name"));
    }
    app = app.url_map(|ours| {
        let is = |key: &str| map[key] == true;
        (ours.strict_slashes, ours.merge_slashes) = (is("strict_slashes"), is("merge_slashes"));
        (ours.redirect_defaults, ours.sort_parameters) = (is("redirect_defaults"), is("sort_parameters"));
        text(map, "default_subdomain").clone_into(&mut ours.default_subdomain);
    });
    let app = rules.iter().fold(app, |app, rule| {
        let mut rule = rule.clone();
        if !rule["endpoint"].is_string() {
            rule["endpoint"] = rule["rule"].clone();
        }
        let made = crate::urls::rule(&rule).provide_automatic_options(false);
        if rule["redirect_to"].is_string() || rule["build_only"] == true {
            app.add_rule(made)
        } else {
            app.add_url_rule(made, found)
        }
    });
    app.before_request(hipflask::extension::inline(url)).freeze().map_err(|errors| {
        assert!(errors.to_string().contains("already answers"), "a mistake of this test: {errors}");
        "is refused at the start: listed in from-flask.md"
    })
}

fn request(given: &Value, target: &str, method: &str) -> Request {
    let server = given["server_name"].as_str().filter(|name| !name.is_empty()).unwrap_or("localhost");
    let host = match text(given, "subdomain") {
        subdomain if has_subdomains(given) && !subdomain.is_empty() => format!("{subdomain}.{server}"),
        _ => server.to_owned(),
    };
    let mut request = Request::get(target).with_method(method.parse::<Method>().expect("a method"));
    request.headers_mut().insert("host", host.parse().expect("a host"));
    if text(given, "script_name").len() > 1 {
        request.set_root_path(text(given, "script_name"));
    }
    if ["https", "wss"].contains(&text(given, "url_scheme")) {
        request.set_scheme(Scheme::Https);
    }
    request
}

/// A dictionary or a text.
fn query(given: &Value) -> String {
    let asked = if given["query_args"].is_null() { &given["query"] } else { &given["query_args"] };
    match asked {
        Value::Object(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(name, value)| format!("{}={}", quoted(name), quoted(value.as_str().unwrap_or_default())));
            pairs.collect::<Vec<_>>().join("&")
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// Our values are texts until a view takes them by type; those that say the same as Werkzeug's are these.
fn typed(mut ours: Value, out: &Value) -> Value {
    for (name, value) in ours[1].as_object_mut().into_iter().flatten() {
        let (text, theirs) = (value.as_str().unwrap_or_default(), &out[1][name]);
        let says_the_same = match theirs {
            Value::Number(number) => text.parse().ok() == number.as_f64(),
            Value::Bool(on) => text == on.to_string(),
            other => other.as_str().is_some_and(|other| other.eq_ignore_ascii_case(text) && other.len() == 36),
        };
        if says_the_same {
            *value = theirs.clone();
        }
    }
    ours
}

pub(super) fn find(given: &Value, out: &Value) -> Asked {
    let app = match app(given) {
        Ok(app) => app,
        Err(reason) => return Asked::Nothing(reason),
    };
    if given["path"] == "" {
        return Asked::Nothing("asks for an empty path, which no request has");
    }
    let path = given["path"].as_str().unwrap_or(text(given, "path_info"));
    let path = format!("/{}", quoted(path.trim_start_matches('/')));
    let query = query(given);
    let target = if query.is_empty() { path } else { format!("{path}?{query}") };
    let method = given["method"].as_str().unwrap_or(text(given, "default_method"));
    let mut request = request(given, &target, method);
    let is_websocket = given["websocket"].as_bool().unwrap_or(given["websocket_default"] == true);
    if is_websocket {
        request.headers_mut().insert("connection", "Upgrade".parse().expect("a value"));
        request.headers_mut().insert("upgrade", "websocket".parse().expect("a value"));
    }
    let response = block_on(app.respond(request));
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Asked::Answer(match response.status().as_u16() {
        200 if method == "HEAD" => return Asked::Nothing("is a HEAD, which has no body to tell the rule in"),
        200 => typed(serde_json::from_slice(response.data().unwrap_or_default()).expect("the view tells JSON"), out),
        308 => json!({"redirect": header("location")}),
        405 => {
            let mut methods: Vec<&str> = header("allow").split(", ").collect();
            methods.sort_unstable();
            json!({"allowed": methods})
        }
        status => json!({"status": status}),
    })
}

pub(super) fn build(given: &Value) -> Asked {
    let app = match app(given) {
        Ok(app) => app,
        Err(reason) => return Asked::Nothing(reason),
    };
    if !given["endpoint"].is_string() {
        return Asked::Nothing("has endpoints that are no text");
    }
    if given["append_unknown"] == false {
        return Asked::Nothing("asks for a URL without the values that the rule does not name");
    }
    let mut asked = json!({"endpoint": given["endpoint"], "values": given["values"]});
    for (ours, theirs) in [("_method", "method"), ("_scheme", "scheme")] {
        if given[theirs].is_string() {
            asked[ours] = given[theirs].clone();
        }
    }
    // A map that is bound without a scheme leaves it out.
    if given["url_scheme"] == "" && given["force_external"] == true && given["scheme"].is_null() {
        asked["_scheme"] = json!("");
    }
    if given["force_external"] == true {
        asked["_external"] = json!(true);
    }
    let mut request = request(given, "/", text(given, "default_method"));
    let ascii: String = asked
        .to_string()
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
        })
        .collect();
    request.headers_mut().insert("x-url", ascii.parse().expect("JSON is a value"));
    let response = block_on(app.respond(request));
    Asked::Answer(match serde_json::from_slice(response.data().unwrap_or_default()) {
        Ok(Value::String(url)) => json!(url),
        _ => json!({"raises": "BuildError"}),
    })
}
