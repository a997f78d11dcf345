//! What differs and is known, and how much is equal.

use serde_json::{Value, json};

/// How many calls of each kind are answered alike, or a few less where some of them depend on the time.
pub(super) const STANDS: [(&str, usize); 32] = [
    ("Accept.__contains__", 5),
    ("Accept.best_match", 43),
    ("Accept.quality", 16),
    ("Authorization.from_header", 17),
    ("ContentRange.to_header", 4),
    ("ETags.contains", 4),
    ("ETags.contains_weak", 5),
    ("MapAdapter.build", 153),
    ("MapAdapter.match", 165),
    ("Range.range_for_length", 5),
    ("WWWAuthenticate.from_header", 8),
    ("WWWAuthenticate.to_header", 5),
    ("dump_cookie", 55),
    ("form", 46),
    ("generate_etag", 5),
    ("get_content_length", 49),
    ("get_host", 68),
    ("http_date", 12),
    ("iri_to_uri", 270),
    ("parse_accept_header", 22),
    ("parse_cache_control_header", 3),
    ("parse_content_range_header", 8),
    ("parse_cookie", 38),
    ("parse_date", 14),
    ("parse_etags", 6),
    ("parse_if_range_header", 7),
    ("parse_options_header", 100),
    ("parse_range_header", 22),
    ("quote_etag", 17),
    ("safe_join", 27),
    ("secure_filename", 5),
    ("unquote_etag", 16),
];

/// A difference that is known.
struct Known {
    call: &'static str,
    /// Whether it is this one: by what is given, what Werkzeug answers, and what we do.
    is: fn(&Value, &Value, &Value) -> bool,
    reason: &'static str,
}

const fn known(call: &'static str, is: fn(&Value, &Value, &Value) -> bool, reason: &'static str) -> Known {
    Known { call, is, reason }
}

const KNOWN: &[Known] = &[
    known(
        "MapAdapter.build",
        |_, out, ours| out["raises"].is_string() && out["raises"] != "BuildError" && ours["raises"] == "BuildError",
        "fail in both, with another class of Python",
    ),
    known(
        "MapAdapter.match",
        |given, _, _| given["path"].as_str().is_some_and(|path| path.len() > 4_000),
        "fail where the view takes a number, by its type",
    ),
    known(
        "MapAdapter.match",
        |given, _, ours| given["subdomain"] == "<invalid>" && ours["status"] == 400,
        "have a host that no client can name",
    ),
    known(
        "Accept.quality",
        |_, out, _| out["raises"] == "ValueError",
        "are about an offer that is no media type: an error there, accepted by nothing here",
    ),
    known(
        "WWWAuthenticate.from_header",
        |_, out, ours| out["token"] == "" && ours["token"].is_null(),
        "have an empty token, which is none here",
    ),
    known(
        "WWWAuthenticate.to_header",
        |_, out, ours| is_unquoted(out, ours),
        "listed: the realm of `WWW-Authenticate` has quotes where it needs them",
    ),
    known(
        "dump_cookie",
        |given, _, _| !given["key"].as_str().unwrap_or_default().is_ascii(),
        "listed: a cookie may have any name",
    ),
    known("form", |_, _, ours| ours["status"] == 400, "listed: a malformed multipart form is an empty form"),
    known(
        "form",
        |given, _, _| given["body"]["bytes"] == "80",
        "listed: a urlencoded form with a byte that is not UTF-8 is empty",
    ),
    known(
        "get_content_length",
        |_, out, ours| *out == json!(0) && ours.is_null(),
        "listed: a `Content-Length` that is not a number is 0",
    ),
    known(
        "get_content_length",
        |given, _, _| given["length"].as_str().is_some_and(|text| text.trim() != text),
        "have blanks around the number, which HTTP takes off before",
    ),
    known(
        "get_host",
        |_, out, ours| out == "" && ours["status"] == 400,
        "listed: a host that cannot be is the empty text",
    ),
    known(
        "get_host",
        |_, out, ours| out.as_str().map(str::to_lowercase).as_deref() == ours.as_str(),
        "listed: `request.host` is written as the client writes it",
    ),
    known("parse_date", |_, out, _| out["date"].as_i64().is_some_and(|seconds| seconds < 0), "are dates before 1970"),
    known(
        "parse_options_header",
        |given, _, _| given["value"].as_str().is_some_and(|text| text.contains("*=") || !text.is_ascii()),
        "listed: a parameter whose charset is not known keeps its text",
    ),
    known(
        "safe_join",
        |_, out, ours| ours.is_null() && out.is_string(),
        "listed: `safe_join` refuses what the system cannot have as a name",
    ),
    known("safe_join", |given, _, _| given["paths"][0] == "bar/baz*", "are of a test that declares `*` a separator"),
];

fn is_unquoted(out: &Value, ours: &Value) -> bool {
    out.as_str().zip(ours.as_str()).is_some_and(|(out, ours)| !out.contains('"') && ours.replace('"', "") == out)
}

/// Why our answer is another one; `None` if nobody knows.
pub(super) fn reason(call: &str, given: &Value, out: &Value, ours: &Value) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.call == call && (known.is)(given, out, ours)).map(|known| known.reason)
}

/// A reason that says so is in the documentation.
#[test]
fn what_is_listed_is_documented() {
    let page = include_str!("../../../../../docs/from-flask.md");
    for listed in KNOWN.iter().filter_map(|known| known.reason.strip_prefix("listed: ")) {
        assert!(page.contains(&format!("| {listed} |")), "docs/from-flask.md has no line for: {listed}");
    }
}
