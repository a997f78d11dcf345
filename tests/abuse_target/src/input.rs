//! Views that read what a request brings.

use hipflask::http::MultiDict;
use hipflask::prelude::*;
use hipflask::security::CsrfExempt;
use hipflask_sql::prelude::*;
use serde_json::{Value, json};

#[get("/ping")]
async fn ping() -> &'static str {
    "pong"
}

#[route("/echo", methods = [GET, POST, PUT, PATCH, DELETE], with = CsrfExempt)]
async fn echo(ctx: &mut Context) -> Result<Json<Value>> {
    let bytes = ctx.data().await?.len();
    let request = ctx.request();
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), shown(value.as_bytes()))).collect();
    Ok(Json(json!({
        "method": request.method().as_str(), "path": request.path(), "query": request.query_string(),
        "host": request.host(), "url_root": request.root_url(), "scheme": request.scheme().as_str(),
        "remote": request.remote_addr(), "n": bytes, "headers": headers,
    })))
}

fn shown(value: &[u8]) -> String {
    value.iter().map(|&byte| char::from(byte)).collect()
}

/// Leaves the body unread.
#[route("/ignore", methods = [GET, POST], with = CsrfExempt)]
async fn ignore() -> &'static str {
    "ignored"
}

#[post("/form", with = CsrfExempt)]
async fn form(ctx: &mut Context) -> Result<Json<Value>> {
    let form = ctx.form().await?;
    let files = form.files.iter();
    let files: Vec<_> =
        files.map(|file| json!([file.name(), file.filename(), file.secure_filename(), file.len()])).collect();
    Ok(Json(json!({ "form": lists(&form.fields), "files": files })))
}

fn lists(values: &MultiDict) -> Value {
    values.lists().into_iter().map(|(name, values)| (name.to_owned(), json!(values))).collect()
}

#[post("/json", with = CsrfExempt)]
async fn json_(Json(got): Json<Value>) -> Json<Value> {
    Json(json!({ "got": got }))
}

#[get("/cookies")]
async fn cookies(ctx: &mut Context) -> Json<Value> {
    Json(ctx.request().cookies().map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

#[get("/sql")]
async fn sql(ctx: &mut Context, db: Db) -> Result<Json<Value>> {
    let name = argument(ctx, "name");
    let rows =
        db.query("SELECT name FROM (SELECT 'bob' AS name, 'TOPSECRET' AS secret) AS t WHERE name = ?").bind(name);
    let rows: Vec<(String,)> = rows.all().await?;
    Ok(Json(json!({ "rows": rows })))
}

/// A parameter of the query; empty if it is missing.
pub fn argument(ctx: &Context, name: &str) -> String {
    ctx.request().args().get(name).unwrap_or_default().to_owned()
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("input").routes(routes![ping, echo, ignore, form, json_, cookies, sql])
}
