//! Forms: see `apps/forms.py`.

use std::collections::BTreeMap;

use hipflask::Rule;
use hipflask::http::{FormData, secure_filename};
use hipflask::prelude::*;
use serde_json::{Value, json};

use super::{production, told};

async fn form(form: FormData) -> Result<String> {
    let mut files = Vec::new();
    for file in form.files.iter().filter(|file| !file.filename().is_empty()) {
        let content = file.bytes().await?;
        let content = String::from_utf8_lossy(&content).into_owned();
        files.push(json!([file.name(), file.filename(), file.content_type(), file.mimetype(), content]));
    }
    Ok(told(json!({"fields": form.fields.lists().into_iter().collect::<BTreeMap<_, _>>(), "files": files})))
}

async fn part(form: FormData) -> Result<String> {
    let file = form.require_file("f")?;
    let headers = file.headers();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(told(json!([header("x-part"), header("content-type"), file.secure_filename()])))
}

async fn field(form: FormData) -> Result<Html> {
    Ok(html!("{}", form.fields.require("a")?))
}

async fn typed(form: FormData) -> String {
    let all: Vec<i64> = form.fields.getlist_as("n").collect();
    told(json!([form.fields.get_as::<i64>("n"), all, form.get("a").unwrap_or("none")]))
}

async fn then_data(ctx: &mut Context) -> Result<String> {
    let field = ctx.form().await?.get("a").map(str::to_owned);
    let data = ctx.data().await?;
    Ok(told(json!([field, String::from_utf8_lossy(&data)])))
}

async fn data_then(ctx: &mut Context) -> Result<String> {
    let data = ctx.data().await?;
    Ok(told(json!([String::from_utf8_lossy(&data), ctx.form().await?.get("a")])))
}

async fn names(form: FormData) -> String {
    told(form.fields.getlist("name").map(secure_filename).collect())
}

pub(super) fn app(declared: &Value) -> App {
    let rule = |path: &str| Rule::new(path).methods([GET, POST, PUT]);
    production(declared)
        .without_static_files()
        .add_url_rule(rule("/form"), form)
        .add_url_rule(rule("/part"), part)
        .add_url_rule(rule("/field"), field)
        .add_url_rule(rule("/typed"), typed)
        .add_url_rule(rule("/then_data"), then_data)
        .add_url_rule(rule("/data_then"), data_then)
        .add_url_rule(rule("/names"), names)
        .add_url_rule(rule("/unread"), async || html!("unread"))
}
