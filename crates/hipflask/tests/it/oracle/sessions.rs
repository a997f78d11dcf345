//! Cookies, sessions and flashed messages: see `apps/sessions.py`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hipflask::Rule;
use hipflask::http::{Cookie, MultiDict, SameSite};
use hipflask::prelude::*;
use serde_json::{Map, Value, json};

use super::{production, told};

/// Sets what the query says.
async fn cookie(args: MultiDict) -> Result<Response> {
    let mut cookie = Cookie::new(args.require("name")?, args.get("value").unwrap_or_default());
    if let Some(domain) = args.get("domain") {
        cookie = cookie.domain(domain);
    }
    if let Some(text) = args.get("samesite") {
        let same_site = SameSite::parse(text).ok_or_else(|| Error::msg("it is Strict, Lax or None"))?;
        cookie = cookie.same_site(same_site);
    }
    if args.contains_key("secure") {
        cookie = cookie.secure(true);
    }
    if args.contains_key("partitioned") {
        cookie = cookie.partitioned(true);
    }
    if let Some(path) = args.get("path") {
        cookie = cookie.path(Some(path).filter(|path| !path.is_empty()));
    }
    if let Some(seconds) = args.get_as("max_age") {
        cookie = cookie.max_age(Duration::from_secs(seconds));
    }
    if let Some(seconds) = args.get_as("expires") {
        cookie = cookie.expires(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    }
    let mut response = Response::new(html!("set"));
    response.set_cookie(&cookie.http_only(args.contains_key("httponly")))?;
    Ok(response)
}

async fn two() -> Result<Response> {
    let mut response = Response::new(html!("set"));
    response.set_cookie(&Cookie::new("a", "1"))?;
    response.set_cookie(&Cookie::new("b", "2").http_only(true))?;
    response.set_cookie(&Cookie::new("a", "3"))?;
    Ok(response)
}

async fn delete(args: MultiDict) -> Result<Response> {
    let mut cookie = Cookie::deleted("a").path(args.get("path").or(Some("/")));
    if let Some(domain) = args.get("domain") {
        cookie = cookie.domain(domain);
    }
    let mut response = Response::new(html!("deleted"));
    response.set_cookie(&cookie)?;
    Ok(response)
}

async fn cookies(ctx: &mut Context) -> String {
    let cookies: MultiDict = ctx.request().cookies().collect();
    told(json!(cookies.lists().into_iter().collect::<BTreeMap<_, _>>()))
}

async fn put(ctx: &mut Context, args: MultiDict) -> Html {
    for (key, value) in args.iter() {
        ctx.session().set(key, value);
    }
    html!("put")
}

async fn take(ctx: &mut Context, args: MultiDict) -> String {
    told(args.keys().map(|key| json!(ctx.session().pop::<Value>(key))).collect())
}

async fn show(ctx: &mut Context) -> String {
    let session = ctx.session();
    let values = session.keys().into_iter().map(|key| (key.clone(), json!(session.get::<Value>(&key))));
    told(Value::Object(values.collect::<Map<_, _>>()))
}

async fn count(ctx: &mut Context) -> Html {
    let count = ctx.session().get::<u64>("count").unwrap_or_default() + 1;
    ctx.session().set("count", count);
    html!("{count}")
}

async fn nested(ctx: &mut Context) -> Html {
    ctx.session().set("basket", json!({"items": [1, 2.5, null, "ü"], "open": true}));
    html!("put")
}

async fn clear(ctx: &mut Context) -> Html {
    ctx.session().clear();
    html!("cleared")
}

async fn permanent(ctx: &mut Context, args: MultiDict) -> Html {
    ctx.session().set_permanent(args.get("on").unwrap_or("1") == "1");
    html!("permanent")
}

async fn has(ctx: &mut Context) -> Html {
    html!("{}", if ctx.session().contains_key("a") { "True" } else { "False" })
}

async fn is_new(ctx: &mut Context) -> String {
    told(json!([ctx.session().contains_key("a"), ctx.session().is_permanent()]))
}

async fn untouched() -> Html {
    html!("untouched")
}

async fn same(ctx: &mut Context) -> Html {
    let value = ctx.session().get::<String>("a").unwrap_or_else(|| "1".to_owned());
    ctx.session().set("a", value);
    html!("same")
}

async fn say(ctx: &mut Context, args: MultiDict) -> Html {
    for message in args.getlist("m") {
        match message.split_once(':') {
            Some((category, text)) => ctx.session().flash_as(category, text),
            None => ctx.session().flash(message),
        }
    }
    html!("said")
}

fn heard(ctx: &Context) -> Value {
    ctx.session().flashed_messages().iter().map(|(_, message)| json!(message)).collect()
}

async fn hear(ctx: &mut Context) -> String {
    told(heard(ctx))
}

async fn hear_all(ctx: &mut Context) -> String {
    told(json!(ctx.session().flashed_messages()))
}

async fn hear_twice(ctx: &mut Context) -> String {
    told(json!([heard(ctx), heard(ctx)]))
}

async fn say_and_hear(ctx: &mut Context) -> String {
    ctx.session().flash("now");
    told(heard(ctx))
}

async fn fail(ctx: &mut Context) -> Result<&'static str> {
    ctx.session().set("a", "kept");
    Err(Error::msg("on purpose"))
}

pub(super) fn app(declared: &Value) -> App {
    production(declared)
        .without_static_files()
        .add_url_rule(Rule::new("/cookie"), cookie)
        .add_url_rule(Rule::new("/two"), two)
        .add_url_rule(Rule::new("/delete"), delete)
        .add_url_rule(Rule::new("/cookies"), cookies)
        .add_url_rule(Rule::new("/put"), put)
        .add_url_rule(Rule::new("/take"), take)
        .add_url_rule(Rule::new("/show"), show)
        .add_url_rule(Rule::new("/count"), count)
        .add_url_rule(Rule::new("/nested"), nested)
        .add_url_rule(Rule::new("/clear"), clear)
        .add_url_rule(Rule::new("/permanent"), permanent)
        .add_url_rule(Rule::new("/has"), has)
        .add_url_rule(Rule::new("/is_new"), is_new)
        .add_url_rule(Rule::new("/untouched"), untouched)
        .add_url_rule(Rule::new("/same"), same)
        .add_url_rule(Rule::new("/say"), say)
        .add_url_rule(Rule::new("/hear"), hear)
        .add_url_rule(Rule::new("/hear_all"), hear_all)
        .add_url_rule(Rule::new("/hear_twice"), hear_twice)
        .add_url_rule(Rule::new("/say_and_hear"), say_and_hear)
        .add_url_rule(Rule::new("/fail"), fail)
}
