//! What needs an application to be asked: forms, redirects, hosts.

use hipflask::http::{FormData, HeaderValue, Method, MultiDict, Request};
use hipflask::prelude::*;
use hipflask::{Frozen, Rule, block_on};
use serde_json::{Value, json};

use super::{Asked, bytes, quoted, text};

fn app() -> App {
    App::new("werkzeug", ".").config("DEBUG", false).config("WTF_CSRF_ENABLED", false).without_static_files()
}

fn frozen(app: App) -> Frozen {
    app.freeze().expect("nothing is wrong with it")
}

/// The body of the answer, as JSON if it is that.
fn body(response: Response) -> Value {
    serde_json::from_slice(response.data().unwrap_or_default()).unwrap_or_default()
}

async fn fields_and_files(ctx: &mut Context) -> Result<Json<Value>> {
    let limits: Value = serde_json::from_str(ctx.request().header("x-limits").unwrap_or_default())?;
    ctx.set_max_content_length(limits["max_content_length"].as_u64());
    ctx.set_max_form_memory_size(limits["max_form_memory_size"].as_u64());
    let parts = limits["max_form_parts"].as_u64().map(|parts| usize::try_from(parts).unwrap_or(usize::MAX));
    ctx.set_max_form_parts(parts);
    let form: FormData = ctx.form().await?.clone();
    let mut files = Vec::new();
    for file in &form.files {
        let content: String = file.bytes().await?.iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = Some(file.content_type()).filter(|kind| !kind.is_empty());
        files.push(json!([file.name(), {"filename": file.filename(), "type": kind, "content": {"bytes": content}}]));
    }
    let grouped = form.fields.lists().into_iter().flat_map(|(name, values)| values.into_iter().map(move |v| [name, v]));
    Ok(Json(json!({"fields": grouped.collect::<Vec<_>>(), "files": files})))
}

pub(super) fn form(given: &Value) -> Asked {
    let options = given["options"].as_object().into_iter().flatten();
    let options = options.map(|(name, value)| format!("; {name}=\"{}\"", value.as_str().unwrap_or_default()));
    let content_type = format!("{}{}", text(given, "mimetype"), options.collect::<String>());
    let body_sent = bytes(&given["body"]);
    let app = frozen(app().add_url_rule(Rule::new("/").methods([Method::POST]), fields_and_files));
    let limits = json!({
        "max_content_length": given["max_content_length"], "max_form_memory_size": given["max_form_memory_size"],
        "max_form_parts": given["max_form_parts"],
    });
    let mut request = Request::get("/").with_method(Method::POST).with_header("x-limits", &limits.to_string());
    let Ok(content_type) = HeaderValue::from_str(&content_type) else { return Asked::Nothing("cannot be in a header") };
    request.headers_mut().insert("content-type", content_type);
    request.headers_mut().insert("content-length", body_sent.len().into());
    let response = block_on(app.respond(request.with_body(body_sent)));
    match response.status().as_u16() {
        200 => Asked::Answer(body(response)),
        status => Asked::Answer(json!({"status": status})),
    }
}

pub(super) fn redirected(given: &Value) -> Asked {
    async fn to(query: MultiDict) -> Result<hipflask::helpers::Redirect> {
        Ok(redirect(query.require("to")?))
    }
    let app = frozen(app().add_url_rule(Rule::new("/"), to));
    let response = block_on(app.respond(Request::get(&format!("/?to={}", quoted(text(given, "value"))))));
    Asked::Answer(json!(response.headers().get("location").and_then(|value| value.to_str().ok())))
}

pub(super) fn host(call: &str, given: &Value) -> Asked {
    let Some(host) = given["host"].as_str() else {
        return Asked::Nothing("has no Host header, which HTTP/1.1 requires");
    };
    let mut app = app().add_url_rule(Rule::new("/"), async |ctx: &mut Context| Json(json!(ctx.request().host())));
    let trusted = &given["trusted"];
    if !trusted.is_null() {
        app = app.config("TRUSTED_HOSTS", if trusted.is_string() { json!([trusted]) } else { trusted.clone() });
    }
    let Ok(value) = HeaderValue::from_str(host) else { return Asked::Nothing("cannot be in a header") };
    let mut request = Request::get("/");
    request.headers_mut().insert("host", value);
    if ["https", "wss"].contains(&text(given, "scheme")) {
        request.set_scheme(hipflask::http::Scheme::Https);
    }
    let response = block_on(frozen(app).respond(request));
    Asked::Answer(match (call, response.status().as_u16()) {
        ("host_is_trusted", status) => json!(status == 200),
        (_, 200) => body(response),
        (_, status) => json!({"status": status}),
    })
}
