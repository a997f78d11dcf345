//! What views return: see `apps/responses.py`.

use std::time::Duration;

use hipflask::http::{CacheControl, ContentRange, RetryAfter, WwwAuthenticate};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{DateTime, Rule};
use serde_json::{Value, json};

use super::production;

fn moment() -> DateTime {
    "2020-01-02T03:04:05Z".parse().expect("a moment")
}

/// A plain response with a change.
fn changed(change: impl FnOnce(&mut Response) -> Result<()>) -> Result<Reply> {
    let mut response = Response::new("x");
    change(&mut response)?;
    Ok(response.into_reply())
}

fn cache(cache: CacheControl) -> Result<Reply> {
    changed(|response| response.set_cache_control(&cache))
}

/// The values that views return.
fn returned(name: &str) -> Option<Reply> {
    let x = || html!("<p>x</p>");
    let plain = || Response::new("x").with_status(203);
    Some(match name {
        "text" => "text".into_reply(),
        "html" => html!("<p>html</p>").into_reply(),
        "umlaut" => html!("<p>äöü</p>").into_reply(),
        "empty" => html!("").into_reply(),
        "bytes" => vec![0_u8, 0xff].into_reply(),
        "dict" => Json(json!({"a": 1})).into_reply(),
        "list" => Json(json!([1, "a", null])).into_reply(),
        "jsonify" => Json(json!({"a": [1, 2]})).into_reply(),
        "status" => (html!("<p>created</p>"), 201).into_reply(),
        "headers" => ([("x-a", "1")], x()).into_reply(),
        "pairs" => ([("x-a", "1"), ("x-a", "2")], x()).into_reply(),
        "status_headers" => (Status::ACCEPTED, [("x-a", "1")], x()).into_reply(),
        "json_status" => (Json(json!({"a": 1})), 418).into_reply(),
        "json_headers" => ([("x-a", "1")], Json(json!({"a": 1}))).into_reply(),
        "content_type" => ([("content-type", "text/csv")], "a,b").into_reply(),
        "content_type_json" => ([("content-type", "application/problem+json")], "{}").into_reply(),
        "no_content" => (html!(""), 204).into_reply(),
        "no_content_with_body" => (html!("body"), 204).into_reply(),
        "reset" => (html!(""), 205).into_reply(),
        "not_modified" => (html!("body"), 304).into_reply(),
        "continue" => (x(), 203).into_reply(),
        "response" => plain().into_reply(),
        "response_status" => (plain(), 206).into_reply(),
        "make_response" => x().into_reply().with_status(404),
        "teapot" => (x(), 418).into_reply(),
        "server_error" => (x(), 500).into_reply(),
        "exception" => Response::new("x").with_status(403).into_reply(),
        "redirect" => redirect("/there").into_reply(),
        "redirect_301" => redirect("/there").code(301).into_reply(),
        "redirect_302" => redirect("/there").code(302).into_reply(),
        "redirect_303" => redirect("/there").code(303).into_reply(),
        "redirect_307" => redirect("/there").code(307).into_reply(),
        "redirect_308" => redirect("/there").code(308).into_reply(),
        "redirect_relative" => redirect("there").into_reply(),
        "redirect_query" => redirect("/there?a=1&b=2").into_reply(),
        "redirect_anchor" => redirect("/there#x").into_reply(),
        "redirect_external" => redirect("https://example.org/x").into_reply(),
        "redirect_umlaut" => redirect("/dört?ä=ö").into_reply(),
        "redirect_space" => redirect("/a b").into_reply(),
        "redirect_escaped" => redirect("/a%20b%2F").into_reply(),
        "redirect_html" => redirect("/<b>\"'").into_reply(),
        "redirect_idn" => redirect("https://bücher.example/ü").into_reply(),
        "redirect_percent" => redirect("/100%").into_reply(),
        "location" => (Status::CREATED, [("location", "/there")], x()).into_reply(),
        "location_umlaut" => (Status::CREATED, [("location", "/dört")], x()).into_reply(),
        _ => return None,
    })
}

/// Responses that are made and changed.
fn made(name: &str) -> Result<Reply> {
    let strings = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
    let plain = CacheControl::default;
    match name {
        "not_modified_headers" => {
            let response = Response::new(html!("body")).with_status(304).with_header("etag", "\"x\"")?;
            let response = response.with_header("content-location", "/y")?.with_header("x-a", "1")?;
            Ok(response.with_header("last-modified", "Thu, 02 Jan 2020 03:04:05 GMT")?.into_reply())
        }
        "response_headers" => {
            let inside = Response::new("x").with_header("x-a", "1")?.with_header("x-b", "1")?;
            Ok(([("x-a", "2")], inside).into_reply())
        }
        "made" => {
            let mut response = Response::new(html!("<p>x</p>")).with_status(202).with_header("x-a", "1")?;
            response.headers_mut().append("x-a", hipflask::http::HeaderValue::from_static("2"));
            Ok(response.into_reply())
        }
        "abort_response" => Err(Response::new("left").with_status(402).into()),
        "set_etag" => changed(|response| response.set_etag("abc", false)),
        "set_weak_etag" => changed(|response| response.set_etag("abc", true)),
        "vary" => changed(|response| {
            response.vary("Accept");
            response.vary("Cookie");
            Ok(())
        }),
        "age" => changed(|response| response.set_age(&Duration::from_secs(7))),
        "retry_after" => changed(|response| response.set_retry_after(&RetryAfter::In(Duration::from_secs(60)))),
        "retry_at" => changed(|response| response.set_retry_after(&RetryAfter::At(moment()))),
        "expires" => changed(|response| response.set_expires(&moment())),
        "last_modified" => changed(|response| response.set_last_modified(&moment())),
        "date" => changed(|response| response.set_date(&moment())),
        "allow" => changed(|response| response.set_allow(&strings(["GET", "PUT"]))),
        "language" => changed(|response| response.set_content_language(&strings(["de", "en"]))),
        "content_range" => changed(|response| response.set_content_range(&ContentRange::new(0..=1, Some(10)))),
        "basic" => changed(|response| response.set_www_authenticate(&WwwAuthenticate::basic("a \"b\""))),
        "digest" => {
            let wanted = WwwAuthenticate::new("digest").with("realm", "a").with("nonce", "b");
            changed(|response| response.set_www_authenticate(&wanted))
        }
        "bearer" => {
            let wanted = WwwAuthenticate::parse("Bearer abc").expect("it can be read");
            changed(|response| response.set_www_authenticate(&wanted))
        }
        "max_age" => cache(plain().with_max_age(Duration::from_secs(60))),
        "no_store" => cache(plain().with_no_store()),
        "public" => cache(plain().with_public().with_max_age(Duration::from_secs(60)).with_immutable()),
        "private" => cache(plain().with_private().with_no_cache()),
        "must" => cache(plain().with_must_revalidate().with_max_age(Duration::ZERO)),
        "stale" => {
            let stale = plain().with_stale_while_revalidate(Duration::from_secs(30));
            cache(stale.with_s_maxage(Duration::from_secs(5)))
        }
        _ => abort!(404),
    }
}

async fn kind(args: ViewArgs) -> Result<Option<Reply>> {
    let name: String = args.get("name")?;
    match returned(&name) {
        Some(reply) => Ok(Some(reply)),
        None if name == "none" => Ok(None),
        None => made(&name).map(Some),
    }
}

/// Answers as the request's conditions ask.
async fn conditional(ctx: &mut Context, args: ViewArgs) -> Result<Response> {
    let name: String = args.get("name")?;
    let mut response = Response::new("0123456789");
    if name != "dated" {
        response.set_etag("abc", name == "weak")?;
    }
    if name != "tagged" {
        response.set_last_modified(&moment())?;
    }
    if name == "whole" {
        response.make_conditional(ctx.request());
    } else {
        response.make_conditional_with_ranges(ctx.request())?;
    }
    Ok(response)
}

pub(super) fn app(declared: &Value) -> App {
    production(declared)
        .without_static_files()
        .add_url_rule(Rule::new("/kind/<name>").methods([GET, POST]), kind)
        .add_url_rule(Rule::new("/conditional/<name>").methods([GET, POST]), conditional)
}
