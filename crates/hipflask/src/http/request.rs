//! A request: its line, its headers, and what follows from them. The body is read through the
//! [`Context`](crate::Context).

use std::borrow::Cow;
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

use http::{HeaderMap, Method, Uri, Version, header};

use crate::http::accept::Accept;
use crate::http::body::Body;
use crate::http::headers::HeaderOptions;
use crate::http::kept::Headers;
use crate::http::multi_dict::MultiDict;
use crate::http::{cookie, url};
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

/// Where a request came from: the other end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// It was made in this process: by a test, or a command.
    Memory,
    /// A client with an address.
    Network(SocketAddr),
    /// A client on this machine, without an address, over a Unix socket.
    Unix,
}

impl Peer {
    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Peer::Network(address) => Some(address.ip()),
            Peer::Memory | Peer::Unix => None,
        }
    }
}

/// How the request came: decides the scheme of the URLs that are built for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Unencrypted.
    #[default]
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// The decoded path; absent parts are those of the raw path.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// With [`url::ENCODED_SLASH`] for encoded slashes; `None` where nothing was encoded.
    routing: Option<Box<str>>,
    /// With slashes in their place; `None` if there were none.
    readable: Option<Box<str>>,
    /// It contains an encoded NUL, and matches nothing.
    undecodable: bool,
    /// How many extra slashes it begins with. Flask ignores them.
    lead: usize,
    /// What mounts took off the front, in bytes of the decoded path.
    pub(super) root: usize,
    /// What a proxy took off before, and what mounts took off after it; `None` without a proxy that says so.
    pub(super) forwarded_root: Option<Box<str>>,
}

impl Path {
    pub(super) fn decode(uri: &Uri) -> Path {
        let raw = uri.path();
        let path =
            Path { lead: raw.bytes().take_while(|byte| *byte == b'/').count().saturating_sub(1), ..Path::default() };
        match url::decode_path(raw) {
            None => Path { undecodable: true, ..path },
            Some(Cow::Borrowed(_)) => path,
            Some(Cow::Owned(decoded)) => Path {
                readable: decoded.contains(url::ENCODED_SLASH).then(|| decoded.replace(url::ENCODED_SLASH, "/").into()),
                routing: Some(decoded.into()),
                ..path
            },
        }
    }
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

    /// The decoded path, without what a mount took off its front: `/a b`.
    pub fn path(&self) -> &str {
        let path = self.path.readable.as_deref().or(self.path.routing.as_deref()).unwrap_or(self.uri.path());
        &path[self.path.lead + self.path.root..]
    }

    /// The path that the router sees, or `None` if nothing can match it.
    pub(crate) fn routing_path(&self) -> Option<&str> {
        let path = self.path.routing.as_deref().unwrap_or(self.uri.path());
        (!self.path.undecodable).then(|| &path[self.path.lead + self.path.root..])
    }

    /// Moves `len` more bytes of the path to [`root_path`](Request::root_path).
    pub(crate) fn enter_mount(&mut self, len: usize) {
        let mounted = self.path.forwarded_root.take().map(|root| format!("{root}{}", &self.path()[..len]).into());
        self.path.forwarded_root = mounted;
        self.path.root += len;
    }

    /// Takes back what [`enter_mount`](Request::enter_mount) moved, in so far as it is still there.
    pub(crate) fn leave_mount(&mut self, len: usize) {
        let len = len.min(self.path.root);
        self.path.root -= len;
        if let Some(root) = self.path.forwarded_root.take() {
            self.path.forwarded_root = root.get(..root.len().saturating_sub(len)).map(Box::from);
        }
    }

    /// What a mount, or a proxy in front of the application, took off the front of the path: no slash at its end.
    /// WSGI's `SCRIPT_NAME`.
    pub fn root_path(&self) -> &str {
        self.path.forwarded_root.as_deref().unwrap_or_else(|| self.mounted_path())
    }

    /// What mounts took off the front of the path.
    pub(super) fn mounted_path(&self) -> &str {
        let path = self.path.readable.as_deref().or(self.path.routing.as_deref()).unwrap_or(self.uri.path());
        &path[self.path.lead..self.path.lead + self.path.root]
    }

    /// Path and query as they came, without what mounts took off the front: for what is mounted and reads the path
    /// itself.
    pub fn mounted_target(&self) -> Cow<'_, str> {
        let target = self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let below = |target: &'_ str| target[1..].find(['/', '?']).map_or(target.len(), |at| at + 1);
        let mut rest = &target[self.path.lead..];
        // A slash that divides is never encoded, so the prefix has as many as it takes off.
        for _ in self.mounted_path().matches('/') {
            rest = &rest[below(rest)..];
        }
        if rest.starts_with('/') { Cow::Borrowed(rest) } else { Cow::Owned(format!("/{rest}")) }
    }

    /// Path and query, with a `?` even before an empty query, as in Flask.
    pub fn full_path(&self) -> String {
        format!("{}?{}", self.path(), self.query_string())
    }

    /// The query as it was sent, without the `?`.
    pub fn query_string(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// The query's keys and values.
    pub fn args(&self) -> &MultiDict {
        self.args.get_or_init(|| MultiDict::from_query(self.query_string().as_bytes()))
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

    /// The requested host, in lower case, with the port unless it is the default of the scheme. Empty if the
    /// request names none or an invalid one.
    pub fn host(&self) -> &str {
        self.host.get_or_init(|| self.named_host().and_then(|host| normal_host(host, self.scheme)).unwrap_or_default())
    }

    /// The host as the request names it.
    fn named_host(&self) -> Option<&str> {
        // RFC 9112 §3.2.2: the target's authority comes before the `Host` field.
        let authority = self.uri.authority().map(http::uri::Authority::as_str);
        authority.or_else(|| Some(self.headers.get(header::HOST)?.to_str().unwrap_or_default()))
    }

    /// Whether the request names no host, or a valid one: whether it could have a
    /// [`host`](Request::host), found out without making it.
    pub fn has_possible_host(&self) -> bool {
        self.named_host().is_none_or(|host| host_parts(host).is_some())
    }

    /// Whether `origin` (the header `Origin`) is the host that was asked for: whether a page of our own sent the request.
    /// The host decides, because behind a proxy the scheme may look different from inside.
    ///
    /// ```
    /// let request = hipflask::http::Request::get("/").with_header("host", "app.test");
    /// assert!(request.is_own_origin("https://app.test"));
    /// assert!(!request.is_own_origin("https://evil.test") && !request.is_own_origin("null"));
    /// ```
    pub fn is_own_origin(&self, origin: &str) -> bool {
        let (scheme, host) = match origin.split_once("://") {
            Some(("http", host)) => (Scheme::Http, host),
            Some(("https", host)) => (Scheme::Https, host),
            _ => return false,
        };
        !self.host().is_empty() && normal_host(host, scheme).as_deref() == Some(self.host())
    }

    /// The address of the host, with a slash at its end: `http://localhost/`. Flask's `host_url`.
    pub fn host_url(&self) -> String {
        format!("{}/", self.origin())
    }

    /// Scheme and host: `http://localhost`.
    fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.host())
    }

    /// The address of the application's root, with a slash at its end. Flask's `url_root`.
    pub fn root_url(&self) -> String {
        format!("{}{}/", self.origin(), self.quoted(self.root_path()))
    }

    /// The address without its query.
    pub fn base_url(&self) -> String {
        format!("{}{}{}", self.origin(), self.quoted(self.root_path()), self.quoted(self.path()))
    }

    /// The whole address.
    pub fn url(&self) -> String {
        match self.uri.query() {
            Some(query) => format!("{}?{query}", self.base_url()),
            None => self.base_url(),
        }
    }

    fn quoted<'a>(&self, path: &'a str) -> Cow<'a, str> {
        url::quote(path, url::PATH_SAFE)
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

/// A host as Werkzeug accepts it: letters, digits, dots and hyphens, or an IPv6 address in brackets, and a
/// port from 1 to 65535.
pub(super) fn host_parts(host: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = split_port(host)?;
    let valid = match name.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'),
    };
    valid.then_some((name, port))
}

/// The host in lower case, without the default port of the scheme.
fn normal_host(host: &str, scheme: Scheme) -> Option<String> {
    let (name, port) = host_parts(host)?;
    let mut host = name.to_ascii_lowercase();
    if let Some(port) = port.filter(|port| *port != scheme.default_port()) {
        host.push_str(&format!(":{port}"));
    }
    Some(host)
}

/// The name and the port of a host; `None` if the part after the colon is not a port.
fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    // Every request passes here, and a port is nearly always in the last bytes.
    let digits = host.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, port) = host.split_at(host.len() - digits);
    match name.strip_suffix(':') {
        Some(name) => Some((name, Some(port.parse().ok().filter(|port| *port > 0)?))),
        None if host.rsplit_once(':').is_none_or(|(_, rest)| rest.contains(']')) => Some((host, None)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_address() {
        let mut request = Request::get("/root/a%20b/%C3%A9?q=1").with_header("host", "Ex.com:8443");
        request.scheme = Scheme::Https;
        request.enter_mount(5);
        assert_eq!((request.root_path(), request.path()), ("/root", "/a b/é"));
        assert_eq!(request.full_path(), "/a b/é?q=1");
        assert_eq!(request.url(), "https://ex.com:8443/root/a%20b/%C3%A9?q=1");
        assert_eq!(request.root_url(), "https://ex.com:8443/root/");
        assert_eq!(Request::get("/x").full_path(), "/x?");
    }

    #[test]
    fn what_is_mounted_sees_its_own_target() {
        for (target, prefix, own) in [
            ("/api/users?q=1", "/api", "/users?q=1"),
            ("/%61pi/users%2F1", "/api", "/users%2F1"),
            ("//api/a%20b", "/api", "/a%20b"),
            ("/api", "/api", "/"),
            ("/api/", "/api", "/"),
            ("/api?a/b", "/api", "/?a/b"),
            ("/a/b/c/d", "/a/b", "/c/d"),
            ("/x?y", "", "/x?y"),
            ("/", "", "/"),
        ] {
            let mut request = Request::get(target);
            request.enter_mount(prefix.len());
            assert_eq!((request.root_path(), &*request.mounted_target()), (prefix, own), "{target}");
        }
    }

    #[test]
    fn an_encoded_slash_is_a_slash_only_to_the_reader() {
        let request = Request::get("/a%2Fb");
        assert_eq!((request.path(), request.routing_path()), ("/a/b", Some("/a\0b")));
        assert_eq!(Request::get("/a%00").routing_path(), None);
    }

    #[test]
    fn hosts_are_checked() {
        let host = |text| Request::get("/").with_header("host", text).host().to_owned();
        assert_eq!(host("A.example:80"), "a.example");
        assert_eq!(host("a.example:8080"), "a.example:8080");
        assert_eq!(host("[::1]:5000"), "[::1]:5000");
        for bad in
            ["", "a_b", "user@a", "a b", "a:0", "a:65536", "a:", "a:x", "[::1", "[x]", "a/b", "a\\b", "<b>", ":80"]
        {
            assert_eq!(host(bad), "", "{bad:?}");
        }
        assert_eq!(Request::get("http://target.example/").host(), "target.example");
    }

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
