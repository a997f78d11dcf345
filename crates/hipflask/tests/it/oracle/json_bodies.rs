//! JSON that is read, and JSON that is written: see `apps/json_bodies.py`.

use hipflask::Rule;
use hipflask::prelude::*;
use serde_json::{Value, json};

use super::production;

async fn mirror(value: Json<Value>) -> Json<Value> {
    value
}

/// Whatever the content type is.
async fn forced(ctx: &mut Context) -> Result<Json<Value>> {
    let data = ctx.data().await?;
    Ok(Json(serde_json::from_slice(&data).map_err(|_| HttpError::new(400))?))
}

async fn silent(value: Result<Json<Value>>) -> Json<Value> {
    value.unwrap_or(Json(Value::Null))
}

async fn raw(ctx: &mut Context) -> Result<Json<Value>> {
    let data = ctx.data().await?;
    let Json(value) = ctx.extract::<Json<Value>>().await?;
    Ok(Json(json!([String::from_utf8_lossy(&data), value])))
}

async fn value(name: String) -> Result<Json<Value>> {
    Ok(Json(match name.as_str() {
        "null" => Value::Null,
        "true" => json!(true),
        "int" => json!(7),
        "large" => json!(i64::MAX),
        "negative" => json!(-1),
        "float" => json!(1.5),
        "small" => json!(1e-7),
        "text" => json!("a"),
        "quoted" => json!("\"\\/\u{8}\u{c}\n\r\t"),
        "controls" => json!("\0\u{1f}\u{7f}"),
        "html" => json!("<script>&'</script>"),
        "umlaut" => json!("äöü"),
        "emoji" => json!("\u{1f600}"),
        "separator" => json!("\u{2028}"),
        "empty" => json!(""),
        "list" => json!([1, [2, []], {}]),
        "object" => json!({"a": 1, "b": {"c": null}}),
        "nested" => json!([[[[]]]]),
        "key" => json!({"ü": 1, "": 2}),
        "uuid" => json!("b1a5c3d0-0c22-4d6f-9c3c-0a1b2c3d4e5f"),
        "decimal" => json!("1.10"),
        _ => abort!(404),
    }))
}

pub(super) fn app(declared: &Value) -> App {
    let rule = |path: &str| Rule::new(path).methods([GET, POST]);
    let value = |args: hipflask::routing::ViewArgs| async move { value(args.get("name")?).await };
    production(declared)
        .without_static_files()
        .add_url_rule(rule("/mirror"), mirror)
        .add_url_rule(rule("/forced"), forced)
        .add_url_rule(rule("/silent"), silent)
        .add_url_rule(rule("/raw"), raw)
        .add_url_rule(Rule::new("/value/<name>"), value)
}
