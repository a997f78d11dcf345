//! The parsers and writers of headers.

use std::path::Path;
use std::time::{Duration, SystemTime};

use hipflask::DateTime;
use hipflask::http::{
    Accept, Authorization, CacheControl, ContentRange, Cookie, ETag, ETags, HeaderOptions, IfRange, MultiDict, Range,
    RangeSpec, Request, SameSite, WwwAuthenticate, http_date, safe_join, secure_filename,
};
use serde_json::{Map, Value, json};

use super::{Asked, bytes, text};

/// The answer to a call that takes one text, or to one of the others.
pub(super) fn ask(call: &str, given: &Value, out: &Value) -> Asked {
    let value = given["value"].as_str();
    let with = |ask: &dyn Fn(&str) -> Value| match value {
        Some(value) => Asked::Answer(ask(value)),
        None => Asked::Nothing("has no text for us: Python's None, or another type"),
    };
    match call {
        "parse_options_header" => with(&|value| options(value, out)),
        "parse_accept_header" => with(&|value| list(&accept(text(given, "of"), value))),
        "parse_cache_control_header" => with(&|value| directives(value, out)),
        "parse_if_range_header" => with(&if_range),
        "parse_range_header" => with(&|value| json!(Range::parse(value).map(|range| spelled(&range)))),
        "parse_content_range_header" => with(&|value| json!(ContentRange::parse(value).map(|range| content(&range)))),
        "parse_etags" => with(&|value| tags(&ETags::parse(value))),
        "unquote_etag" => {
            with(&|value| ETag::parse(value).map_or(json!([null, null]), |tag| json!([tag.tag, tag.weak])))
        }
        "parse_date" => with(&|value| date(request("date", value).and_then(|request| request.date()))),
        "parse_cookie" => with(&cookies),
        "Authorization.from_header" => with(&authorization),
        "WWWAuthenticate.from_header" => with(&challenge),
        "secure_filename" => with(&|value| json!(secure_filename(value))),
        "quote_etag" => with(&|value| json!(ETag { tag: value.to_owned(), weak: given["weak"] == true }.to_string())),
        "generate_etag" => Asked::Answer(json!(ETag::of(&bytes(&given["value"])).tag)),
        "http_date" => match given["value"]["date"].as_u64() {
            Some(seconds) => Asked::Answer(json!(http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))),
            None => Asked::Nothing("is a time before 1970, which SystemTime writes as 1970"),
        },
        "dump_cookie" => cookie(given),
        "safe_join" => join(given),
        "get_content_length" => length(given),
        _ => of_object(call, given),
    }
}

/// The answer to a method of an object that is given by its parts.
fn of_object(call: &str, given: &Value) -> Asked {
    match call {
        "Accept.best_match" | "Accept.quality" | "Accept.__contains__" => weighed(call, given),
        "Range.range_for_length" => {
            let ranges = given["ranges"].as_array().into_iter().flatten().map(range).collect::<Vec<_>>();
            let header = format!("{}={}", text(given, "units"), ranges.join(","));
            let found = Range::parse(&header).and_then(|range| range.range_for_length(given["of"].as_u64()?));
            Asked::Answer(json!(found.map(|range| [*range.start(), range.end() + 1])))
        }
        "ContentRange.to_header" => {
            let range = given["start"].as_u64().zip(given["stop"].as_u64()).map(|(start, stop)| start..=stop - 1);
            let units = text(given, "units").to_owned();
            Asked::Answer(json!(ContentRange { units, range, length: given["length"].as_u64() }.to_string()))
        }
        "WWWAuthenticate.to_header" => {
            let made = match given["token"].as_str() {
                Some(token) => WwwAuthenticate::parse(&format!("{} {token}", text(given, "type"))).expect("a scheme"),
                None => WwwAuthenticate::new(text(given, "type")),
            };
            let parameters = given["parameters"].as_array().into_iter().flatten();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let made = parameters.fold(made, |made, pair| made.with(&text(&pair[0]), &text(&pair[1])));
            Asked::Answer(json!(made.to_string()))
        }
        "ETags.contains" | "ETags.contains_weak" => {
            let quoted = |key: &str, before: &str| {
                let tags = given[key].as_array().into_iter().flatten().filter_map(Value::as_str);
                tags.map(|tag| format!("{before}\"{tag}\"")).collect::<Vec<_>>()
            };
            let all = [quoted("strong", ""), quoted("weak", "W/")].concat().join(", ");
            let tags = ETags::parse(if given["star"] == true { "*" } else { &all });
            let asked = text(given, "asked");
            Asked::Answer(json!(if call == "ETags.contains" {
                tags.contains(asked)
            } else {
                tags.contains_weak(asked)
            }))
        }
        _ => Asked::Nothing("has no counterpart that a program could call"),
    }
}

fn request(name: &str, value: &str) -> Option<Request> {
    let is_header = value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    let mut head = http::Request::get("/").body(()).expect("a request").into_parts().0;
    let value = http::HeaderValue::from_bytes(value.as_bytes()).ok().filter(|_| is_header)?;
    head.headers.insert(http::HeaderName::from_bytes(name.as_bytes()).expect("a name"), value);
    Some(Request::from_parts(head, hipflask::http::Body::empty()))
}

fn date(moment: Option<DateTime>) -> Value {
    json!(moment.map(|moment| json!({"date": moment.unix_micros() / 1_000_000})))
}

/// Werkzeug keeps the letters of the value.
fn options(value: &str, out: &Value) -> Value {
    let parsed = HeaderOptions::parse(value);
    let theirs = out[0].as_str().unwrap_or_default();
    let value = if theirs.eq_ignore_ascii_case(&parsed.value) { theirs.to_owned() } else { parsed.value.clone() };
    json!([value, parsed.iter().collect::<std::collections::BTreeMap<_, _>>()])
}

fn accept(of: &str, header: &str) -> Accept {
    match of {
        "MIMEAccept" => Accept::parse(header),
        "LanguageAccept" => Accept::languages(header),
        "CharsetAccept" => Accept::charsets(header),
        _ => Accept::encodings(header),
    }
}

fn weight(weight: f32) -> Value {
    json!((f64::from(weight) * 1e4).round() / 1e4)
}

fn list(accept: &Accept) -> Value {
    accept.iter().map(|(item, quality)| json!([item, weight(quality)])).collect()
}

fn weighed(call: &str, given: &Value) -> Asked {
    let items = given["list"].as_array().into_iter().flatten();
    let header: Vec<String> = items.map(|item| format!("{};q={}", item[0].as_str().unwrap_or("?"), item[1])).collect();
    let accept = accept(text(given, "of"), &header.join(", "));
    if !accept.provided() {
        return Asked::Nothing("asks a header that is not there: listed in from-flask.md");
    }
    Asked::Answer(match call {
        "Accept.quality" => weight(accept.quality(text(given, "asked"))),
        "Accept.__contains__" => json!(accept.contains(text(given, "asked"))),
        _ => {
            let offers = given["asked"].as_array().into_iter().flatten().filter_map(Value::as_str);
            accept.best_match(offers.collect::<Vec<_>>()).map_or_else(|| given["default"].clone(), |best| json!(best))
        }
    })
}

/// The directives that Werkzeug found, and how many there are.
fn directives(value: &str, out: &Value) -> Value {
    let parsed = CacheControl::parse(value);
    let found = out.as_object().into_iter().flatten().filter(|(name, _)| parsed.contains(name));
    let found: Map<String, Value> = found.map(|(name, _)| (name.clone(), json!(parsed.get(name)))).collect();
    json!(found)
}

fn if_range(value: &str) -> Value {
    match request("if-range", value).and_then(|request| request.if_range()) {
        Some(IfRange::Tag(tag)) => json!({"etag": tag.tag, "date": null}),
        Some(IfRange::Date(moment)) => json!({"etag": null, "date": date(Some(moment))}),
        None => json!({"etag": null, "date": null}),
    }
}

fn spelled(range: &Range) -> Value {
    let ranges = range.ranges().iter().map(|range| match *range {
        RangeSpec::Starting(first) => json!([first, null]),
        RangeSpec::Between(first, last) => json!([first, last + 1]),
        RangeSpec::Last(count) => json!([-i64::try_from(count).expect("small"), null]),
    });
    json!({"units": range.units(), "ranges": ranges.collect::<Vec<_>>()})
}

/// A range as a header has it.
fn range(pair: &Value) -> String {
    match (pair[0].as_i64().unwrap_or_default(), pair[1].as_i64()) {
        (start, Some(stop)) => format!("{start}-{}", stop - 1),
        (start, None) if start < 0 => start.to_string(),
        (start, None) => format!("{start}-"),
    }
}

fn content(range: &ContentRange) -> Value {
    let ends = range.range.as_ref();
    json!({
        "units": range.units, "start": ends.map(|range| *range.start()), "stop": ends.map(|range| range.end() + 1),
        "length": range.length,
    })
}

fn tags(tags: &ETags) -> Value {
    let of = |weak: bool| {
        let mut tags: Vec<&str> = tags.iter().filter(|tag| tag.weak == weak).map(|tag| tag.tag.as_str()).collect();
        tags.sort_unstable();
        tags
    };
    json!({"strong": of(false), "weak": of(true), "star": tags.is_any()})
}

/// The values of a name together, as Werkzeug's dictionary has them.
fn cookies(value: &str) -> Value {
    // Python has the bytes of a header as Latin-1.
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let mut request = Request::get("/");
    let header = http::HeaderValue::from_bytes(&bytes.unwrap_or_else(|| value.as_bytes().to_vec()));
    let Ok(header) = header else { return json!("not a header") };
    request.headers_mut().insert("cookie", header);
    let cookies: MultiDict = request.cookies().collect();
    let pairs =
        cookies.lists().into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| [name, value]));
    json!(pairs.collect::<Vec<_>>())
}

/// Names and values; a parameter without a value has none.
fn parameters<'a>(names: impl Iterator<Item = &'a str>, get: impl Fn(&str) -> Option<&'a str>) -> Value {
    json!(names.map(|name| json!([name, get(name)])).collect::<Vec<_>>())
}

fn authorization(value: &str) -> Value {
    json!(Authorization::parse(value).map(|found| {
        if found.scheme() == "basic" {
            let parameters = json!([["username", found.username()], ["password", found.password()]]);
            return json!({"type": "basic", "parameters": parameters, "token": null});
        }
        let parameters = parameters(found.parameters().map(|(name, _)| name), |name| found.get(name));
        json!({"type": found.scheme(), "parameters": parameters, "token": found.token()})
    }))
}

fn challenge(value: &str) -> Value {
    json!(WwwAuthenticate::parse(value).map(|found| {
        let parameters = parameters(found.parameters().map(|(name, _)| name), |name| found.get(name));
        json!({"type": found.scheme(), "parameters": parameters, "token": found.token()})
    }))
}

fn seconds(value: &Value) -> Option<u64> {
    value["seconds"].as_f64().map(|seconds| seconds as u64).or_else(|| value.as_u64())
}

fn cookie(given: &Value) -> Asked {
    const PYTHON: &str = "gives a cookie what a type forbids here, or sync_expires, or a date as text";
    let wanted = |key: &str| !given[key].is_null();
    if given["sync_expires"] == false || given["expires"].is_string() {
        return Asked::Nothing(PYTHON);
    }
    let Ok(value) = String::from_utf8(bytes(&given["value"])) else { return Asked::Nothing(PYTHON) };
    let mut cookie = Cookie::new(text(given, "key"), value);
    if wanted("max_age") {
        let Some(seconds) = seconds(&given["max_age"]) else { return Asked::Nothing(PYTHON) };
        cookie = cookie.max_age(Duration::from_secs(seconds));
    }
    if wanted("expires") {
        let Some(seconds) = given["expires"]["date"].as_u64().or(given["expires"].as_u64()) else {
            return Asked::Nothing(PYTHON);
        };
        cookie = cookie.expires(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    }
    if let Some(domain) = given["domain"].as_str().filter(|domain| !domain.is_empty()) {
        cookie = cookie.domain(domain);
    }
    if given.get("path").is_some() {
        cookie = cookie.path(given["path"].as_str());
    }
    if let Some(text) = given["samesite"].as_str() {
        let Some(same_site) = SameSite::parse(text) else { return Asked::Nothing(PYTHON) };
        cookie = cookie.same_site(same_site);
    }
    let on = |key: &str| given[key] == true;
    cookie = cookie.secure(on("secure")).http_only(on("httponly")).partitioned(on("partitioned"));
    Asked::Answer(json!(cookie.to_string()))
}

fn join(given: &Value) -> Asked {
    let paths: Vec<&str> = given["paths"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match paths[..] {
        [name] => Asked::Answer(json!(safe_join(Path::new(text(given, "folder")), name))),
        _ => Asked::Nothing("joins several names, or none; ours takes one"),
    }
}

fn length(given: &Value) -> Asked {
    if !given["coding"].is_null() || given["length"].is_null() {
        return Asked::Nothing("looks at Transfer-Encoding, which the server has dealt with before");
    }
    match request("content-length", text(given, "length")) {
        Some(request) => Asked::Answer(json!(request.content_length())),
        None => Asked::Nothing("cannot be in a header"),
    }
}
