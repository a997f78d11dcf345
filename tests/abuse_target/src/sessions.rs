//! The session, flashed messages, and a form with a token.

use hipflask::helpers::Redirect;
use hipflask::prelude::*;
use serde_json::Value;

use crate::canary;
use crate::input::argument;

#[get("/session/set")]
async fn set(ctx: &mut Context) -> &'static str {
    let (key, value) = (argument(ctx, "k"), argument(ctx, "v"));
    ctx.session().set_permanent(true);
    ctx.session().set(key, value);
    "set"
}

/// What a view says about caches, together with a cookie.
#[get("/session/public")]
async fn public(session: Session) -> Result<Response> {
    session.set("k", "v");
    Response::new("").with_header("Cache-Control", "public, max-age=60")
}

#[get("/session/get")]
async fn get(session: Session) -> Json<Value> {
    let values = session.keys().into_iter().map(|key| (key.clone(), session.get::<Value>(&key).unwrap_or_default()));
    Json(values.collect())
}

#[get("/session/has")]
async fn has(session: Session) -> String {
    session.contains_key("k").to_string()
}

#[get("/flash")]
async fn flash(ctx: &mut Context) -> Redirect {
    let message = argument(ctx, "m");
    ctx.session().flash(message);
    redirect("/flashes")
}

#[get("/flashes")]
async fn flashes() -> Template {
    render_template!("flashes.html")
}

#[get("/csrf-form")]
async fn csrf_form() -> Template {
    render_template!("form.html")
}

#[route("/transfer", methods = [GET, POST, PUT, PATCH, DELETE])]
async fn transfer(ctx: &mut Context) -> &'static str {
    if ctx.request().method() == GET || ctx.request().method() == "HEAD" {
        return "safe";
    }
    canary::bump();
    "transferred"
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("sessions").routes(routes![set, public, get, has, flash, flashes, csrf_form, transfer])
}
