//! What may differ, by kind. A case can say in `ours` what is ours for it alone.

use std::fmt::Write as _;

use serde_json::Value;

use super::answer::Answer;

/// A difference that every case may have.
pub(super) struct Rule {
    /// The line of `docs/from-flask.md`, by what it says of Flask.
    pub(super) listed: &'static str,
    /// Makes both answers the same where this, and nothing else, is different.
    level: fn(&mut Answer, &mut Answer),
}

pub(super) const RULES: [Rule; 6] = [
    Rule { listed: "no security headers without Talisman", level: security_headers },
    Rule { listed: "the session cookie says nothing about other sites", level: same_site },
    Rule { listed: "it is sent over HTTP too", level: secure },
    Rule { listed: "the pages of errors and redirects have Flask's wording", level: pages },
    Rule { listed: "`send_file` writes a `Date`", level: date },
    Rule { listed: "the automatic answer to `OPTIONS` has a `Content-Type`", level: options },
];

/// What differs between Flask's answer and ours beyond what is allowed.
pub(super) fn difference(step: &Value, mut flask: Answer, mut ours: Answer) -> Option<String> {
    for rule in &RULES {
        (rule.level)(&mut flask, &mut ours);
    }
    let own = &step["ours"];
    if !own.is_null() && flask == ours {
        return Some(format!("{step}\n  is answered as by Flask, and needs no `ours`"));
    }
    let expected = expected(flask, own);
    (expected != ours).then(|| format!("{step}{}", shown(&expected, &ours)))
}

/// Flask's answer with what is ours in it.
fn expected(flask: Answer, own: &Value) -> Answer {
    let mut expected = flask;
    if let Some(status) = own["status"].as_u64() {
        expected.status = u16::try_from(status).expect("a status");
    }
    if let Some(body) = own["body"].as_str() {
        expected.body = body.to_owned();
        expected.remove("content-length");
        if !body.starts_with("<the page") {
            expected.headers.push(("content-length".to_owned(), body.len().to_string()));
        }
    }
    for (name, value) in own["headers"].as_object().into_iter().flatten() {
        expected.remove(name);
        expected.headers.extend(value.as_str().map(|value| (name.clone(), value.to_owned())));
    }
    expected.headers.sort();
    expected
}

/// Where they differ.
fn shown(expected: &Answer, found: &Answer) -> String {
    let mut text = String::new();
    if expected.status != found.status {
        _ = write!(text, "\n  status: {}, not {}", found.status, expected.status);
    }
    for (sign, these, others) in [('-', expected, found), ('+', found, expected)] {
        for (name, value) in these.headers.iter().filter(|header| !others.headers.contains(header)) {
            _ = write!(text, "\n  {sign} {name}: {value}");
        }
    }
    if expected.body != found.body {
        _ = write!(text, "\n  - {:?}\n  + {:?}", expected.body, found.body);
    }
    text
}

fn security_headers(flask: &mut Answer, ours: &mut Answer) {
    for name in [
        "content-security-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
    ] {
        if flask.header(name).is_none() {
            ours.remove(name);
        }
    }
}

/// Changes our session cookies where Flask's lack `attribute`.
fn without(attribute: &str, flask: &Answer, ours: &mut Answer) {
    let of_flask = flask.header("set-cookie").unwrap_or_default().to_owned();
    ours.change("set-cookie", |ours| {
        let is_session = ours.starts_with("session=") && of_flask.starts_with("session=");
        if is_session && !of_flask.contains(attribute) { ours.replace(attribute, "") } else { ours.to_owned() }
    });
}

fn same_site(flask: &mut Answer, ours: &mut Answer) {
    without("; SameSite=Lax", flask, ours);
}

fn secure(flask: &mut Answer, ours: &mut Answer) {
    without("; Secure", flask, ours);
}

/// Pages by their titles, without what their wording and the choice between HTML and JSON bring with them: the length,
/// and `Vary: Accept`.
fn pages(flask: &mut Answer, ours: &mut Answer) {
    let is_head = |answer: &Answer| answer.body.is_empty() && !matches!(answer.status, 200..300 | 304);
    let are_heads = is_head(flask) && is_head(ours);
    for answer in [flask, ours] {
        let Some(title) = title(answer).or(are_heads.then(String::new)) else { continue };
        answer.body = title;
        answer.remove("content-length");
        if answer.status >= 400 {
            answer.change("vary", |names| {
                names.split(", ").filter(|name| *name != "Accept").collect::<Vec<_>>().join(", ")
            });
            answer.headers.retain(|(name, value)| name != "vary" || !value.is_empty());
        }
    }
}

/// What a page of Flask's form is called: `<the page 404 Not Found>`.
fn title(answer: &Answer) -> Option<String> {
    let page = answer.body.strip_prefix("<!doctype html>\n<html lang=en>\n<title>")?;
    let (title, rest) = page.split_once("</title>\n<h1>")?;
    let (name, _) = rest.split_once("</h1>\n<p>")?;
    title.ends_with(name).then(|| format!("<the page {title}>"))
}

/// Our server writes it on every response.
fn date(flask: &mut Answer, ours: &mut Answer) {
    if ours.header("date").is_none() && flask.header("date").is_some_and(|date| date.starts_with("<now")) {
        flask.remove("date");
    }
}

fn options(flask: &mut Answer, ours: &mut Answer) {
    let is_automatic =
        |answer: &Answer| answer.status == 200 && answer.body.is_empty() && answer.header("allow").is_some();
    if is_automatic(flask) && is_automatic(ours) && ours.header("content-type").is_none() {
        flask.remove("content-type");
    }
}
