//! A request: its line, its headers, and what follows from them. The body is read through the
//! [`Context`](crate::Context).

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

use http::{HeaderMap, Method, Uri, Version, header};

use crate::http::accept::Accept;
use crate::http::body::Body;
use crate::http::cookie;
use crate::http::headers::HeaderOptions;
use crate::http::kept::Headers;
use crate::http::multi_dict::MultiDict;
use crate::http::path::Path;
use crate::http::peer::{Peer, Scheme};
use crate::signing::random_bytes;

/// What a client asks for. Flask's `request`, without the body.
///
/// ```
/// use hipflask::http::Request;
///
/// let request = Request::get("/search?q=a%20b&q=c").with_header("cookie", "theme=dark");
/// assert_eq!(request.path(), "/search");
/// assert_eq!(request.args().getlist("q").collect::<Vec<_>>(), ["a b", "c"]);
/// assert_eq!(request.cookie("theme"), Some("dark"));
/// assert_eq!(request.url(), "http://localhost/search?q=a%20b&q=c");
/// ```
#[derive(Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    version: Version,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) peer: Peer,
    pub(super) scheme: Scheme,
    pub(super) path: Path,
    pub(super) args: OnceLock<MultiDict>,
    pub(super) cookies: OnceLock<Vec<(String, String)>>,
    pub(super) host: OnceLock<String>,
    id: u64,
}

impl Request {
    /// A request from its head and body, as a server receives it.
    pub fn from_parts(head: http::request::Parts, body: Body) -> Request {
        Request::received(head.method, head.uri, head.version, head.headers.into()).with_body(body)
    }

    /// A request whose body is still to come.
    pub(crate) fn received(method: Method, uri: Uri, version: Version, headers: Headers) -> Request {
        Request {
            path: Path::decode(&uri),
            method,
            uri,
            version,
            headers,
            body: Body::empty(),
            peer: Peer::Memory,
            scheme: Scheme::Http,
            args: OnceLock::new(),
            cookies: OnceLock::new(),
            host: OnceLock::new(),
            id: 0,
        }
    }

    /// A copy of everything but the body, which can be read only once.
    #[must_use]
    pub fn without_body(&self) -> Request {
        Request {
            method: self.method.clone(),
            uri: self.uri.clone(),
            version: self.version,
            headers: self.headers.clone().into(),
            body: Body::empty(),
            peer: self.peer,
            scheme: self.scheme,
            path: self.path.clone(),
            args: OnceLock::new(),
            cookies: OnceLock::new(),
            host: OnceLock::new(),
            id: self.id,
        }
    }

    /// A `GET` for `target`, made by hand.
    ///
    /// # Panics
    ///
    /// If `target` is not a request target.
    #[track_caller]
    pub fn get(target: &str) -> Request {
        let Ok(uri) = target.parse::<Uri>() else {
            crate::base::panics::misuse(format_args!("`{target}` is not a request target"))
        };
        let mut request = Request::from_parts(http::Request::new(()).into_parts().0, Body::empty());
        request.path = Path::decode(&uri);
        request.uri = uri;
        request.headers.insert(header::HOST, header::HeaderValue::from_static("localhost"));
        request
    }

    /// The same with the header `name` set.
    ///
    /// # Panics
    ///
    /// If `name` or `value` is not allowed in a header.
    #[must_use]
    #[track_caller]
    pub fn with_header(mut self, name: &str, value: &str) -> Request {
        let pair = header::HeaderName::try_from(name).ok().zip(header::HeaderValue::from_str(value).ok());
        let Some((name, value)) = pair else {
            crate::base::panics::misuse(format_args!("`{name}: {value}` is not a header"))
        };
        self.headers.insert(name, value);
        self
    }

    /// The same with another method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Request {
        self.method = method;
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Body>) -> Request {
        self.body = body.into();
        self
    }

    /// The same, as if it came from `address` over `scheme`.
    #[must_use]
    pub fn with_peer(mut self, address: SocketAddr, scheme: Scheme) -> Request {
        self.peer = Peer::Network(address);
        self.scheme = scheme;
        self
    }

    /// Says from whom and how it came, and under which number.
    pub(crate) fn receive(&mut self, peer: Peer, scheme: Scheme, id: u64) {
        (self.peer, self.scheme, self.id) = (peer, scheme, id);
    }

    /// A number that no other request of this process has; 0 for one that is not being answered.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Gives it a number, unless the server has.
    pub(crate) fn number(&mut self) {
        if self.id == 0 {
            self.id = next_id();
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The request target as it was sent.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The HTTP version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value of the header `name`, if the request has it and it is text.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first cookie `name`.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Every cookie, in the order in which they were sent.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let cookies = self.cookies.get_or_init(|| {
            let headers = self.headers.get_all(header::COOKIE).iter();
            // HTTP/2 may send the pairs in several fields (RFC 9113 §8.2.3).
            let pairs = headers.filter_map(|v| v.to_str().ok()).flat_map(cookie::parse);
            pairs.map(|(key, value)| (key.to_owned(), value.into_owned())).collect()
        });
        cookies.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How the request arrived.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it arrived over TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The address of the peer, if it came over a network: a Unix socket has none, where Flask has an empty text.
    pub fn remote_addr(&self) -> Option<IpAddr> {
        self.peer.ip()
    }

    /// Where it came from; [`remote_addr`](Request::remote_addr) is its address, if it has one.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether it comes from this machine, as those in memory do. A request passed on by a proxy does not count.
    /// What is only for the developer asks this.
    pub fn is_local(&self) -> bool {
        let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
        let is_here = match self.peer {
            Peer::Memory => true,
            Peer::Network(address) => address.ip().to_canonical().is_loopback(),
            // Proxies come this way, and not every one says for whom.
            Peer::Unix => false,
        };
        is_here && !forwarded.iter().any(|name| self.headers.contains_key(*name))
    }

    /// The media type of the body, in lower case, without parameters.
    pub fn mimetype(&self) -> String {
        self.media_type().to_ascii_lowercase()
    }

    /// The media type of the body as the client wrote it.
    fn media_type(&self) -> &str {
        let header = self.header(header::CONTENT_TYPE).unwrap_or_default();
        header.split(';').next().unwrap_or_default().trim_ascii()
    }

    /// Whether the media type of the body is `wanted`, ignoring case.
    pub(crate) fn has_mimetype(&self, wanted: &str) -> bool {
        self.media_type().eq_ignore_ascii_case(wanted)
    }

    pub(crate) fn content_type(&self) -> HeaderOptions {
        HeaderOptions::parse(self.header(header::CONTENT_TYPE).unwrap_or_default())
    }

    /// The length of the body, if the client states it.
    pub fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.parse().ok()
    }

    /// Whether the body is declared to be JSON: `application/json` or `application/…+json`.
    pub fn is_json(&self) -> bool {
        let mimetype = self.mimetype();
        mimetype == "application/json" || (mimetype.starts_with("application/") && mimetype.ends_with("+json"))
    }

    /// What the client accepts.
    pub fn accept(&self) -> Accept {
        let fields: Vec<&str> =
            self.headers.get_all(header::ACCEPT).iter().filter_map(|field| field.to_str().ok()).collect();
        if fields.is_empty() {
            return Accept::default();
        }
        // RFC 9110 §5.3: a list may be sent in several fields.
        Accept::parse(&fields.join(","))
    }
}

/// The number of a new request. It has to be unique, not secret: each thread counts from a random start, and the
/// count is scrambled so that numbers do not look alike.
pub(crate) fn next_id() -> u64 {
    thread_local! {
        static NEXT: Cell<u64> = Cell::new(u64::from_be_bytes(random_bytes()));
    }
    let count = NEXT.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    NEXT.set(count);
    let stirred = (count ^ (count >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let stirred = (stirred ^ (stirred >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    stirred ^ (stirred >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_type() {
        for (content_type, json) in [
            ("application/json; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/json", false),
            ("", false),
        ] {
            assert_eq!(Request::get("/").with_header("content-type", content_type).is_json(), json, "{content_type}");
        }
    }
}
