//! The table of requests that the real Flask has answered, asked of the same applications written with Hipflask.
//!
//! `fixtures/oracle/README.md` says how a case is added. What may differ is in `allowed.rs`, and in the cases
//! themselves; each points at a line of `docs/from-flask.md`.

mod allowed;
mod answer;
mod errors;
mod files;
mod forms;
mod json_bodies;
mod lifecycle;
mod proxies;
mod requests;
mod responses;
mod routing;
mod sessions;
mod streams;
mod templates;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use hipflask::http::{Body, HeaderName, HeaderValue, Request, Scheme};
use hipflask::prelude::*;
use hipflask::{Frozen, block_on};
use serde_json::Value;

use self::answer::Answer;
pub(super) use self::routing::url_for;

const KEY: &str = "not secret, only for tests, and long";

/// An application of the tables: in production, with what Flask does not check turned off.
fn production(declared: &Value) -> App {
    let app =
        App::new("oracle", ".").config("DEBUG", false).config("SECRET_KEY", KEY).config("WTF_CSRF_ENABLED", false);
    let config = declared["config"].as_object().into_iter().flatten();
    config.fold(app, |app, (key, value)| app.config(key, value))
}

/// JSON as text, written as the Flask applications write it.
fn told(value: Value) -> String {
    value.to_string()
}

fn text(value: &Value, key: impl serde_json::value::Index) -> &str {
    value[key].as_str().unwrap_or_default()
}

fn lines(folder: &str, section: &str) -> Vec<Value> {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/oracle");
    let text = std::fs::read_to_string(fixtures.join(folder).join(format!("{section}.jsonl")));
    let text = text.expect("the section has a file there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Asks `make`'s applications what the section's cases ask, and compares.
fn compare(section: &str, make: impl Fn(&Value) -> App) {
    let recorded = lines("recorded", section);
    let mut recorded = recorded.iter();
    let (mut app, mut differences) = (None, Vec::new());
    for case in lines("cases", section) {
        if case.get("app").is_some() {
            app = Some(make(&case).freeze().expect("nothing is wrong with it"));
            continue;
        }
        let app = app.as_ref().expect("an application comes before its cases");
        let one = [case.clone()];
        let steps = case["steps"].as_array().map_or(&one[..], Vec::as_slice);
        let expected = recorded.next().expect("every case is recorded; run `cargo xtask oracle`");
        let names: Vec<&str> = steps.iter().map(|step| text(step, "request")).collect();
        assert_eq!(text(expected, "case"), names.join(" | "), "the cases changed; run `cargo xtask oracle`");
        let mut visitor = Visitor::default();
        for (step, flask) in steps.iter().zip(expected["answers"].as_array().expect("answers")) {
            let ours = visitor.ask(app, step);
            differences.extend(allowed::difference(step, Answer::recorded(flask), ours));
        }
    }
    assert!(recorded.next().is_none(), "more was recorded than is asked; run `cargo xtask oracle`");
    assert!(differences.is_empty(), "{} answers differ:\n\n{}", differences.len(), differences.join("\n\n"));
}

/// Who sends the requests of one case: keeps cookies, and the headers of the last answer.
#[derive(Default)]
struct Visitor {
    jar: BTreeMap<String, String>,
    last: Vec<(String, String)>,
}

impl Visitor {
    fn ask(&mut self, app: &Frozen, step: &Value) -> Answer {
        let response = block_on(app.respond(self.request(step)));
        let (status, headers, body) = response.into_parts();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.last = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        for (_, cookie) in self.last.iter().filter(|(name, _)| name == "set-cookie") {
            let mut parts = cookie.split("; ");
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is a pair");
            if parts.any(|attribute| attribute == "Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let is_head = text_of(step).0 == "HEAD";
        let (known, body) = (body.len(), block_on(body.collect(1 << 20)));
        Answer::ours(status.as_u16(), &self.last, known.filter(|_| !is_head), body.map_err(|error| error.to_string()))
    }

    fn request(&self, step: &Value) -> Request {
        let (method, target) = text_of(step);
        let body = match step["hex"].as_str() {
            Some(hex) => (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16)).collect(),
            None => Ok(text(step, "body").as_bytes().to_vec()),
        };
        let body: Vec<u8> = body.expect("two digits for each byte");
        let request = http::Request::builder().method(method).uri(target).body(()).expect("a request");
        let mut head = request.into_parts().0;
        for (name, values) in step["headers"].as_object().into_iter().flatten() {
            for value in values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice) {
                let known = self.last.iter().filter(|(name, _)| value.as_str().is_some_and(|v| v.contains(&**name)));
                let value = known.fold(value.as_str().expect("text").to_owned(), |value, (name, known)| {
                    value.replace(&format!("{{{name}}}"), known)
                });
                let name: HeaderName = name.parse().expect("a name");
                head.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            }
        }
        if !self.jar.is_empty() {
            let pairs: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            head.headers.append("cookie", pairs.join("; ").parse().expect("cookies"));
        }
        head.headers.entry("host").or_insert(HeaderValue::from_static("localhost"));
        if !body.is_empty() {
            head.headers.entry("content-length").or_insert(body.len().into());
        }
        let scheme = if step["scheme"] == "https" { Scheme::Https } else { Scheme::Http };
        let peer = step["peer"].as_str().unwrap_or("127.0.0.1").parse().expect("an address");
        Request::from_parts(head, Body::from(body)).with_peer(SocketAddr::new(peer, 50_000), scheme)
    }
}

/// Method and target.
fn text_of(step: &Value) -> (&str, &str) {
    text(step, "request").split_once(' ').expect("a method and a target")
}

#[test]
fn routing_is_flasks() {
    compare("routing", routing::app);
}

#[test]
fn urls_are_flasks() {
    compare("urls", routing::app);
}

#[test]
fn what_is_read_off_a_request_is_flasks() {
    compare("requests", requests::app);
}

#[test]
fn forms_are_flasks() {
    compare("forms", forms::app);
}

#[test]
fn json_is_flasks() {
    compare("json_bodies", json_bodies::app);
}

#[test]
fn cookies_sessions_and_flashed_messages_are_flasks() {
    compare("sessions", sessions::app);
}

#[test]
fn what_views_return_is_flasks() {
    compare("responses", responses::app);
}

#[test]
fn errors_and_their_handlers_are_flasks() {
    compare("errors", errors::app);
}

#[test]
fn the_order_of_hooks_is_flasks() {
    compare("lifecycle", lifecycle::app);
}

#[test]
fn files_are_flasks() {
    compare("files", files::app);
}

#[test]
fn what_templates_see_is_flasks() {
    compare("templates", templates::app);
}

#[test]
fn streams_are_flasks() {
    compare("streams", streams::app);
}

#[test]
fn what_proxies_and_mounts_change_is_flasks() {
    compare("proxies", proxies::app);
}

/// A difference that is listed is in the documentation, where whoever comes from Flask reads it.
#[test]
fn what_may_differ_is_documented() {
    let page = include_str!("../../../../../docs/from-flask.md");
    let sections = ["errors", "files", "forms", "json_bodies", "lifecycle", "proxies", "requests", "responses"];
    let sections = sections.into_iter().chain(["routing", "sessions", "streams", "templates", "urls"]);
    let cases: Vec<Value> = sections.flat_map(|section| lines("cases", section)).collect();
    let steps = cases.iter().flat_map(|case| case["steps"].as_array().cloned().unwrap_or_else(|| vec![case.clone()]));
    let steps: Vec<Value> = steps.filter(|step| step.get("app").is_none()).collect();
    assert!(steps.len() > 1800, "the table has {} requests", steps.len());
    let listed = steps.iter().filter_map(|step| step["ours"]["listed"].as_str());
    for listed in listed.chain(allowed::RULES.iter().map(|rule| rule.listed)) {
        assert!(page.contains(&format!("| {listed} |")), "docs/from-flask.md has no line for: {listed}");
    }
    let unexplained = steps.iter().find(|step| step.get("ours").is_some() && step["ours"]["listed"].is_null());
    assert_eq!(unexplained, None, "an answer of ours names the line that allows it");
}
