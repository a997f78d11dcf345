//! Where redirects lead. RFC 9110 §15.4, and §5.2 of RFC 3986 for relative addresses.

use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri, header};

use crate::http::peer::Scheme;

/// What a redirect makes of a request: the next one's scheme, host and target.
#[derive(Debug, PartialEq)]
pub(super) struct Hop {
    pub(super) scheme: Scheme,
    pub(super) host: Option<String>,
    pub(super) target: String,
}

/// Whether a response of this status leads on; 300 leaves the choice to a person, 304 is no redirect, and 305 is not
/// followed for safety's sake.
pub(super) fn leads_on(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Whether the next request is a GET without a body: after 303 whatever was sent, after 301 and 302 if it was a POST.
pub(super) fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::HEAD,
        _ => false,
    }
}

/// Takes away what belongs to a body.
pub(super) fn drop_body_headers(headers: &mut HeaderMap) {
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ORIGIN] {
        headers.remove(name);
    }
}

/// Where `location` leads from a request for `target`.
pub(super) fn follow(scheme: Scheme, target: &str, location: &str) -> Hop {
    let location = location.split_once('#').map_or(location, |(address, _)| address);
    let uri: Uri = location.parse().unwrap_or_default();
    let scheme = match uri.scheme_str() {
        Some("https") => Scheme::Https,
        Some(_) => Scheme::Http,
        None => scheme,
    };
    if let Some(rest) = location.strip_prefix("//") {
        let (host, _) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        return Hop { scheme, host: Some(host.to_owned()), target: rooted(&rest[host.len()..]) };
    }
    if let (Some(_), Some(host)) = (uri.scheme_str(), uri.authority().map(Authority::as_str)) {
        let after = location.split_once("://").map_or("", |(_, after)| &after[host.len()..]);
        return Hop { scheme, host: Some(host.to_owned()), target: rooted(after) };
    }
    Hop { scheme, host: None, target: resolve(target, location) }
}

fn rooted(target: &str) -> String {
    if target.starts_with('/') { without_dots(target) } else { format!("/{target}") }
}

/// A relative address, against the target that it was found at.
fn resolve(target: &str, location: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    match location.chars().next() {
        None => target.to_owned(),
        Some('/') => without_dots(location),
        Some('?') => format!("{path}{location}"),
        Some(_) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{location}"))
        }
    }
}

/// The path without `.` and `..`. RFC 3986 §5.2.4.
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_resolved_as_browsers_do() {
        for (target, location, host, to) in [
            ("/a/b?x=1", "c", None, "/a/c"),
            ("/a/b?x=1", "?y=2", None, "/a/b?y=2"),
            ("/a/b?x=1", "", None, "/a/b?x=1"),
            ("/a/b/", "../c?y=2#there", None, "/a/c?y=2"),
            ("/a/b", "./", None, "/a/"),
            ("/a/b", "../../..", None, "/"),
            ("/", "c", None, "/c"),
            ("/a", "/d/./e/../f", None, "/d/f"),
            ("/a", "http://localhost", Some("localhost"), "/"),
            ("/a", "http://example.org:81?q", Some("example.org:81"), "/?q"),
            ("/a", "//example.org/x", Some("example.org"), "/x"),
        ] {
            let hop = Hop { scheme: Scheme::Http, host: host.map(str::to_owned), target: to.to_owned() };
            assert_eq!(follow(Scheme::Http, target, location), hop, "{target} {location}");
        }
        assert_eq!(follow(Scheme::Http, "/", "https://localhost/x").scheme, Scheme::Https);
    }
}
