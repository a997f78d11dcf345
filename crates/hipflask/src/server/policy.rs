//! What a request must be, whatever its protocol; how its bytes are framed is for the protocol to check.

use http::request::Parts;
use http::{Method, Version, header};

/// The longest path and query.
const MAX_TARGET: usize = 32 * 1024;

/// Why a request is refused, with its status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) u16, pub(super) &'static str);

/// Checks the head of a request.
pub(super) fn check(head: &Parts) -> Result<(), Refused> {
    check_method(&head.method)?;
    check_target(head)?;
    check_host(head)
}

fn check_method(method: &Method) -> Result<(), Refused> {
    if *method == Method::CONNECT {
        return Err(Refused(501, "This server is no proxy."));
    }
    match method.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_') {
        true => Ok(()),
        false => Err(Refused(400, "Methods are written in upper case.")),
    }
}

/// RFC 9112 §3.2: a path, or an absolute address; `*` for OPTIONS.
fn check_target(head: &Parts) -> Result<(), Refused> {
    let uri = &head.uri;
    if uri.path().len() + uri.query().map_or(0, str::len) > MAX_TARGET {
        return Err(Refused(414, "The request's target is too long."));
    }
    let form_is_valid = match (uri.scheme_str(), uri.path()) {
        (None, "*") => head.method == Method::OPTIONS,
        (Some(scheme), _) if scheme != "http" && scheme != "https" => false,
        // In HTTP/1 an authority without a scheme is for CONNECT alone.
        (None, path) => uri.authority().is_none() && path.starts_with('/'),
        (Some(_), path) => path.starts_with('/'),
    };
    let visible = uri.path().bytes().all(|b| b.is_ascii_graphic());
    match form_is_valid && visible {
        true => Ok(()),
        false => Err(Refused(400, "The request's target is malformed.")),
    }
}

/// RFC 9112 §3.2: exactly one `Host` in HTTP/1.1. RFC 9113 §8.3.1: in HTTP/2 it must not contradict the
/// authority.
fn check_host(head: &Parts) -> Result<(), Refused> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let valid = match (head.version, first, second) {
        (_, _, Some(_)) => false,
        (Version::HTTP_11, None, _) => false,
        (Version::HTTP_2, Some(host), _) => {
            head.uri.authority().is_none_or(|authority| authority.as_str().as_bytes() == host.as_bytes())
        }
        _ => true,
    };
    match valid {
        true => Ok(()),
        false => Err(Refused(400, "The request must name one host.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: http::request::Builder) -> Option<u16> {
        check(&request.body(()).expect("a request").into_parts().0).err().map(|Refused(status, _)| status)
    }

    fn get(target: &str) -> http::request::Builder {
        http::Request::get(target).header("host", "localhost")
    }

    #[test]
    fn targets() {
        for good in ["/", "/a?b", "http://localhost/x"] {
            assert_eq!(refused(get(good)), None, "{good}");
        }
        for bad in ["*", "localhost:80", "ftp://localhost/x"] {
            assert_eq!(refused(get(bad)), Some(400), "{bad}");
        }
        assert_eq!(refused(get("*").method("OPTIONS")), None);
    }

    #[test]
    fn methods_and_hosts() {
        assert_eq!(refused(get("/").method("get")), Some(400));
        assert_eq!(refused(get("localhost:80").method("CONNECT")), Some(501));
        assert_eq!(refused(http::Request::get("/")), Some(400));
        assert_eq!(refused(http::Request::get("/").version(Version::HTTP_10)), None);
        assert_eq!(refused(get("/").header("host", "other")), Some(400));
        assert_eq!(refused(http::Request::get("http://a/").version(Version::HTTP_2).header("host", "b")), Some(400));
    }
}
