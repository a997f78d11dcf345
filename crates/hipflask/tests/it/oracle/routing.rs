//! Applications that consist of rules, which the cases declare: see `apps/routing.py`.

use hipflask::extension::inline;
use hipflask::helpers::UrlFor;
use hipflask::prelude::*;
use serde_json::{Map, Value, json};

use super::{production, text};

/// Tells the endpoint and the values.
async fn answer(ctx: &mut Context) -> Json<Value> {
    let args: Map<String, Value> =
        ctx.view_args().iter().map(|(name, text)| (name.to_owned(), value(name, text))).collect();
    Json(json!({"args": args, "endpoint": ctx.endpoint()}))
}

/// Views have arguments with types; here the first letter of the name says which.
fn value(name: &str, text: &str) -> Value {
    match (name.as_bytes().first(), text.parse::<i64>(), text.parse::<f64>()) {
        (Some(b'n'), Ok(int), _) => json!(int),
        (Some(b'f'), _, Ok(float)) => json!(float),
        _ => json!(text),
    }
}

/// The URLs that the header asks for, one a line.
fn urls(ctx: &mut Context) -> Option<String> {
    let asked: Vec<Value> = serde_json::from_str(ctx.request().header("x-url")?).expect("the table has JSON");
    let url = |asked| match ctx.url_for(url_for(asked)) {
        Ok(url) => url,
        Err(_) => "none".to_owned(),
    };
    Some(asked.iter().map(url).collect::<Vec<_>>().join("\n"))
}

/// The URL that is asked for in JSON.
pub(in super::super) fn url_for(asked: &Value) -> UrlFor {
    fn values(value: &Value) -> Vec<String> {
        match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items.iter().flat_map(values).collect(),
            Value::String(text) => vec![text.clone()],
            other => vec![other.to_string()],
        }
    }
    let mut url = UrlFor::endpoint(text(asked, "endpoint"));
    // Pairs, because their order counts.
    for pair in asked["values"].as_array().into_iter().flatten() {
        url = url.values(text(pair, 0), values(&pair[1]));
    }
    if let Some(anchor) = asked["_anchor"].as_str() {
        url = url.anchor(anchor);
    }
    if let Some(scheme) = asked["_scheme"].as_str() {
        url = url.scheme(scheme);
    }
    if let Some(method) = asked["_method"].as_str() {
        url = url.method(method.parse().expect("a method"));
    }
    match asked["_external"].as_bool() {
        Some(true) => url.external(),
        Some(false) => url.relative(),
        None => url,
    }
}

pub(super) fn app(declared: &Value) -> App {
    let mut app = production(declared).without_static_files();
    if declared["flask"]["subdomain_matching"] == true {
        app = app.subdomain_matching();
    }
    if declared["flask"]["host_matching"] == true {
        app = app.host_matching();
    }
    let settings = &declared["map"];
    app = app.url_map(|map| {
        let set = |key: &str, value: &mut bool| *value = settings[key].as_bool().unwrap_or(*value);
        set("strict_slashes", &mut map.strict_slashes);
        set("merge_slashes", &mut map.merge_slashes);
        set("redirect_defaults", &mut map.redirect_defaults);
        set("sort_parameters", &mut map.sort_parameters);
    });
    let rules = declared["rules"].as_array().expect("a list of rules");
    let app = rules.iter().fold(app, |app, declared| {
        let mut declared = declared.clone();
        if declared["endpoint"].is_null() {
            declared["endpoint"] = declared["rule"].clone();
        }
        let rule = crate::urls::rule(&declared);
        let rule = match declared["provide_automatic_options"].as_bool() {
            Some(provide) => rule.provide_automatic_options(provide),
            None => rule,
        };
        let has_view = declared["redirect_to"].is_null() && declared["build_only"].is_null();
        if has_view { app.add_url_rule(rule, answer) } else { app.add_rule(rule) }
    });
    app.before_request(inline(urls))
}
