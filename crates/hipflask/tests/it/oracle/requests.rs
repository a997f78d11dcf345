//! What is read off a request: see `apps/requests.py`.

use std::collections::BTreeMap;

use hipflask::http::{Accept, ETags, IfRange, MultiDict, RangeSpec};
use hipflask::prelude::*;
use hipflask::{DateTime, Rule};
use serde_json::{Map, Value, json};

use super::{production, told};

fn lists(pairs: &MultiDict) -> Value {
    json!(pairs.lists().into_iter().collect::<BTreeMap<_, _>>())
}

fn date(moment: Option<DateTime>) -> Value {
    json!(moment.map(|moment| moment.strftime("%Y-%m-%dT%H:%M:%SZ")))
}

async fn url(ctx: &mut Context) -> String {
    let request = ctx.request();
    told(json!({
        "method": request.method().as_str(), "path": request.path(), "full_path": request.full_path(),
        "url": request.url(), "base_url": request.base_url(), "url_root": request.root_url(),
        "root_path": request.root_path(), "host": request.host(),
        "host_url": format!("{}://{}/", request.scheme().as_str(), request.host()),
        "scheme": request.scheme().as_str(), "is_secure": request.is_secure(),
    }))
}

async fn args(args: MultiDict) -> String {
    told(json!({
        "lists": lists(&args), "dict": args.to_dict(), "n": args.get_as::<i64>("n"),
        "ns": args.getlist_as::<i64>("n").collect::<Vec<_>>(), "has": args.contains_key("a"),
    }))
}

async fn required(args: MultiDict) -> Result<Html> {
    Ok(html!("{}", args.require("a")?))
}

async fn headers(ctx: &mut Context) -> String {
    let request = ctx.request();
    let mut listed = request.access_control_request_headers();
    listed.sort();
    told(json!({
        "content_type": request.header("content-type").unwrap_or_default(),
        "mimetype": request.mimetype(),
        "mimetype_params": request.mimetype_params().iter().collect::<BTreeMap<_, _>>(),
        "content_length": request.content_length(),
        "content_encoding": request.content_encoding(),
        "is_json": request.is_json(),
        "referrer": request.referrer(),
        "origin": request.origin(),
        "date": date(request.date()),
        "max_forwards": request.max_forwards(),
        "user_agent": request.user_agent(),
        "access_route": request.access_route(),
        "remote_addr": request.remote_addr(),
        "request_method": request.access_control_request_method().map(|method| method.to_string()),
        "request_headers": listed,
        "x": request.header("x-custom"),
    }))
}

async fn accept(ctx: &mut Context, args: MultiDict) -> String {
    let request = ctx.request();
    let of: Accept = match args.get("of").unwrap_or("mimetypes") {
        "languages" => request.accept_languages(),
        "encodings" => request.accept_encodings(),
        "charsets" => request.accept_charsets(),
        _ => request.accept(),
    };
    let offers: Vec<&str> = args.getlist("offer").collect();
    let best_match = if of.provided() { json!(of.best_match(offers.iter().copied())) } else { json!("not provided") };
    let quality = |offer: &&str| (f64::from(of.quality(offer)) * 1e4).round() / 1e4;
    told(json!({
        "best": of.best(), "best_match": best_match,
        "qualities": offers.iter().map(quality).collect::<Vec<_>>(),
        "contains": offers.iter().map(|offer| of.contains(offer)).collect::<Vec<_>>(),
        "values": of.iter().map(|(value, _)| value).collect::<Vec<_>>(),
    }))
}

async fn kinds(ctx: &mut Context) -> String {
    let of = ctx.request().accept();
    told(json!([of.accepts_json(), of.accepts_html(), of.accepts_xhtml()]))
}

fn tags(tags: &ETags) -> Value {
    let of = |weak: bool| {
        let mut tags: Vec<&str> = tags.iter().filter(|tag| tag.weak == weak).map(|tag| tag.tag.as_str()).collect();
        tags.sort_unstable();
        tags.dedup();
        json!(tags)
    };
    json!([of(false), of(true), tags.is_any()])
}

/// Python's pairs, whose ends are not included.
fn pair(range: &RangeSpec) -> Value {
    match *range {
        RangeSpec::Starting(first) => json!([first, null]),
        RangeSpec::Between(first, last) => json!([first, last + 1]),
        RangeSpec::Last(count) => json!([-i64::try_from(count).expect("small"), null]),
    }
}

async fn conditions(ctx: &mut Context) -> String {
    let request = ctx.request();
    let if_range = match request.if_range() {
        Some(IfRange::Tag(tag)) => json!([tag.tag, null]),
        Some(IfRange::Date(moment)) => json!([null, date(Some(moment))]),
        None => json!([null, null]),
    };
    let range = request.range();
    let of_100 = range.as_ref().and_then(|range| range.range_for_length(100));
    told(json!({
        "if_match": tags(&request.if_match()),
        "if_none_match": tags(&request.if_none_match()),
        "if_modified_since": date(request.if_modified_since()),
        "if_unmodified_since": date(request.if_unmodified_since()),
        "if_range": if_range,
        "range": range.map(|range| json!([range.units(), range.ranges().iter().map(pair).collect::<Vec<_>>()])),
        "of_100": of_100.map(|range| [*range.start(), range.end() + 1]),
    }))
}

async fn cache_control(ctx: &mut Context) -> String {
    let cache = ctx.request().cache_control();
    let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs());
    told(json!({
        "max_age": seconds(cache.max_age()), "no_cache": cache.no_cache(), "no_store": cache.no_store(),
        "only_if_cached": cache.only_if_cached(), "min_fresh": seconds(cache.min_fresh()),
        "no_transform": cache.no_transform(),
    }))
}

async fn authorization(ctx: &mut Context) -> String {
    told(ctx.request().authorization().map_or(Value::Null, |auth| match auth.scheme() {
        "basic" => json!({"type": "basic", "username": auth.username(), "password": auth.password()}),
        scheme => {
            let parameters: BTreeMap<_, _> = auth.parameters().collect();
            json!({"type": scheme, "token": auth.token(), "parameters": parameters})
        }
    }))
}

async fn cookies(ctx: &mut Context) -> String {
    told(lists(&ctx.request().cookies().collect()))
}

async fn body(ctx: &mut Context) -> Result<String> {
    let data = ctx.data().await?;
    Ok(told(json!({"data": String::from_utf8_lossy(&data), "length": ctx.request().content_length()})))
}

async fn values(ctx: &mut Context) -> Result<String> {
    Ok(told(lists(&ctx.values().await?)))
}

async fn matched(ctx: &mut Context) -> String {
    let value = |(name, text): (&str, &str)| (name.to_owned(), text.parse::<i64>().map_or(json!(text), |n| json!(n)));
    told(json!({
        "endpoint": ctx.endpoint(), "blueprint": ctx.blueprint(), "blueprints": ctx.blueprints().collect::<Vec<_>>(),
        "rule": ctx.rule(), "args": ctx.view_args().iter().map(value).collect::<Map<_, _>>(),
    }))
}

pub(super) fn app(declared: &Value) -> App {
    let all = [GET, POST, PUT];
    let inner =
        Blueprint::new("inner").url_prefix("/inner").add_url_rule(Rule::new("/<int:n>").endpoint("view"), matched);
    let outer = Blueprint::new("outer").url_prefix("/outer").add_url_rule(Rule::new("/").endpoint("view"), matched);
    production(declared)
        .without_static_files()
        .add_url_rule(Rule::new("/url/").endpoint("url"), url)
        .add_url_rule(Rule::new("/url/<path:rest>").endpoint("url_rest").methods(all.clone()), url)
        .add_url_rule(Rule::new("/args"), args)
        .add_url_rule(Rule::new("/required"), required)
        .add_url_rule(Rule::new("/headers"), headers)
        .add_url_rule(Rule::new("/accept"), accept)
        .add_url_rule(Rule::new("/kinds"), kinds)
        .add_url_rule(Rule::new("/conditions"), conditions)
        .add_url_rule(Rule::new("/cache_control"), cache_control)
        .add_url_rule(Rule::new("/authorization"), authorization)
        .add_url_rule(Rule::new("/cookies"), cookies)
        .add_url_rule(Rule::new("/body").methods(all), body)
        .add_url_rule(Rule::new("/values").methods([GET, POST]), values)
        .add_url_rule(Rule::new("/matched/<a>").endpoint("matched"), matched)
        .register_blueprint(outer.register_blueprint(inner))
}
