//! What a request must look like in either protocol; each protocol checks the framing of its bytes itself.

use http::header::{self, HeaderValue};
use http::{Method, Version};

use crate::base::error::HttpError;
use crate::http::request::Request;
use crate::http::response::Response;

/// The longest path and query.
const MAX_TARGET: usize = 32 * 1024;

/// Why a request is refused, with its status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) u16, pub(super) &'static str);

/// The answer to a refused request.
pub(super) fn refuse(Refused(status, reason): &Refused) -> Response {
    let error = HttpError::new(*status);
    let mut response = Response::new(format!("{} {}\n{reason}\n", status, error.name())).with_status(*status);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Checks the head of a request.
pub(super) fn check(request: &Request) -> Result<(), Refused> {
    check_method(request.method())?;
    check_target(request)?;
    check_host(request)
}

fn check_method(method: &Method) -> Result<(), Refused> {
    if *method == Method::CONNECT {
        return Err(Refused(501, "This server is not a proxy."));
    }
    if method.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_') {
        Ok(())
    } else {
        Err(Refused(400, "Methods are written in upper case."))
    }
}

/// RFC 9112 §3.2: a path, or an absolute address; `*` for OPTIONS.
fn check_target(request: &Request) -> Result<(), Refused> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > MAX_TARGET {
        return Err(Refused(414, "The request's target is too long."));
    }
    let form_is_valid = match (uri.scheme_str(), uri.path()) {
        (None, "*") => *request.method() == Method::OPTIONS,
        (Some(scheme), _) if scheme != "http" && scheme != "https" => false,
        // In HTTP/1 an authority without a scheme is only for CONNECT.
        (None, path) => uri.authority().is_none() && path.starts_with('/'),
        (Some(_), path) => path.starts_with('/'),
    };
    let visible = uri.path().bytes().all(|b| b.is_ascii_graphic());
    if form_is_valid && visible { Ok(()) } else { Err(Refused(400, "The request's target is malformed.")) }
}

/// RFC 9113 §8.3.1: in HTTP/2 a `Host` must not contradict the authority. What HTTP/1 requires is checked where
/// its heads are read.
fn check_host(request: &Request) -> Result<(), Refused> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let valid = match (request.uri().authority(), hosts.next(), hosts.next()) {
        (_, _, Some(_)) => false,
        (Some(authority), Some(host), None) => authority.as_str().as_bytes() == host.as_bytes(),
        _ => true,
    };
    if valid { Ok(()) } else { Err(NO_HOST) }
}

pub(super) const NO_HOST: Refused = Refused(400, "The request must name one host.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::Body;

    fn refused(request: http::request::Builder) -> Option<u16> {
        let (head, ()) = request.body(()).expect("a request").into_parts();
        check(&Request::from_parts(head, Body::empty())).err().map(|Refused(status, _)| status)
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
        let http2 = |target: &str| http::Request::get(target).version(Version::HTTP_2);
        assert_eq!(refused(http2("http://a/")), None);
        assert_eq!(refused(http2("http://a/").header("host", "a").header("host", "a")), Some(400));
        assert_eq!(refused(http2("http://a/").header("host", "b")), Some(400));
    }
}
