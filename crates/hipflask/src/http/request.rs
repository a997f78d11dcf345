//! A request: its line, its headers, and what follows from them. The body is read through the
//! [`Context`](crate::Context).

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Uri, Version};

use crate::http::body::Body;
use crate::http::budget::{Budget, Reserved};
#[cfg(feature = "tls")]
use crate::http::certificate::ClientCertificate;
use crate::http::cookies;
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
    /// The address of the client, where what is around the application has set one.
    pub(super) client: Option<IpAddr>,
    pub(super) scheme: Scheme,
    #[cfg(feature = "tls")]
    client_certificate: Option<ClientCertificate>,
    pub(super) path: Path,
    pub(super) args: OnceLock<MultiDict>,
    pub(super) cookies: OnceLock<Vec<(String, String)>>,
    pub(super) host: OnceLock<String>,
    /// The values of headers that are not UTF-8, as text.
    pub(super) latin: OnceLock<Vec<(HeaderValue, String)>>,
    /// Whether it asks for a WebSocket, if the server has read that from it.
    pub(super) websocket: Option<bool>,
    /// What its body may take of the memory, if it is not there already.
    budget: Option<Arc<Budget>>,
    /// The protocol that an extended CONNECT of HTTP/2 asks for.
    tunnel: Option<Box<str>>,
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
            client: None,
            scheme: Scheme::Http,
            #[cfg(feature = "tls")]
            client_certificate: None,
            args: OnceLock::new(),
            cookies: OnceLock::new(),
            host: OnceLock::new(),
            latin: OnceLock::new(),
            websocket: None,
            budget: None,
            tunnel: None,
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
            client: self.client,
            scheme: self.scheme,
            #[cfg(feature = "tls")]
            client_certificate: self.client_certificate.clone(),
            path: self.path.clone(),
            args: OnceLock::new(),
            cookies: OnceLock::new(),
            host: OnceLock::new(),
            latin: OnceLock::new(),
            websocket: self.websocket,
            budget: None,
            tunnel: self.tunnel.clone(),
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
        request.headers.insert(header::HOST, HeaderValue::from_static("localhost"));
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
        let pair = header::HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
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

    /// The certificate with which the client has identified itself to the server, if it has. Werkzeug's
    /// `SSL_CLIENT_CERT`. Behind a proxy it is the proxy's.
    #[cfg(feature = "tls")]
    pub fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.client_certificate.as_ref()
    }

    /// Says with which certificate the client has identified itself.
    #[cfg(feature = "tls")]
    pub(crate) fn set_client_certificate(&mut self, certificate: Option<ClientCertificate>) {
        self.client_certificate = certificate;
    }

    /// A number that no other request of this process has, except those [within](crate::Context::request_to) it; 0 for one
    /// that is not being answered.
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

    /// The value of the header `name`. Bytes beyond ASCII are read as UTF-8, or, if they are not UTF-8, as Latin-1.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| self.text(value))
    }

    /// Every value of the header `name`, in the order in which they were sent. Flask's `request.headers.getlist`.
    pub fn header_all(&self, name: impl header::AsHeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().map(|value| self.text(value))
    }

    /// A value as text (RFC 9110 §5.5).
    fn text<'r>(&'r self, value: &'r HeaderValue) -> &'r str {
        // Nearly all are visible ASCII, and that is found out faster.
        value.to_str().or_else(|_| std::str::from_utf8(value.as_bytes())).unwrap_or_else(|_| self.latin(value))
    }

    #[cold]
    fn latin(&self, value: &HeaderValue) -> &str {
        let all = self.latin.get_or_init(|| {
            let other = self.headers.values().filter(|value| std::str::from_utf8(value.as_bytes()).is_err());
            other.map(|value| (value.clone(), value.as_bytes().iter().copied().map(char::from).collect())).collect()
        });
        all.iter().find(|(known, _)| known == value).map_or("", |(_, text)| text)
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
            let pairs = headers.flat_map(|field| cookies::parse(field.as_bytes()));
            pairs.map(|pair| (pair.name().into_owned(), pair.value().into_owned())).collect()
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

    /// The address of the client: of the peer, if it came over a network, or what was [set](Request::set_remote_addr). A
    /// Unix socket has none, where Flask has an empty text.
    pub fn remote_addr(&self) -> Option<IpAddr> {
        self.client.or(self.peer.ip())
    }

    /// The other end of its connection. Behind a proxy it is the proxy, and stays it.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether it comes from this machine, as those in memory do. A request passed on by a proxy does not count.
    /// What is only for the developer asks this.
    pub fn is_local(&self) -> bool {
        let is_here = match self.peer {
            Peer::Memory => true,
            Peer::Network(address) => address.ip().to_canonical().is_loopback(),
            // Proxies come this way, and not every one says for whom.
            Peer::Unix => false,
        };
        is_here && self.client.is_none() && !self.headers.keys().any(|name| is_of_a_proxy(name.as_str()))
    }

    /// The body is still to come, and may take so much of the memory.
    pub(crate) fn set_budget(&mut self, budget: Arc<Budget>) {
        self.budget = Some(budget);
    }

    /// What its body may take of the memory, from now on.
    pub(crate) fn reserve(&self) -> Option<Reserved> {
        self.budget.clone().map(Reserved::new)
    }

    /// The server has seen that it asks for no other protocol; a look into the headers costs a hundred instructions.
    pub(crate) fn rule_out_websocket(&mut self) {
        self.websocket = Some(false);
    }

    /// It is an extended CONNECT (RFC 8441) for `protocol`: what a GET with `Upgrade` is in HTTP/1.1, and so the
    /// application sees a GET.
    pub(crate) fn tunnel(&mut self, protocol: &str) {
        self.method = Method::GET;
        self.tunnel = Some(protocol.into());
    }

    /// Whether it asks for a WebSocket (RFC 6455 §4.1, and for HTTP/2 RFC 8441 §5).
    ///
    /// ```
    /// use hipflask::http::Request;
    ///
    /// let request = Request::get("/chat").with_header("connection", "keep-alive, Upgrade");
    /// assert!(request.with_header("upgrade", "websocket").is_websocket());
    /// assert!(!Request::get("/chat").is_websocket());
    /// ```
    pub fn is_websocket(&self) -> bool {
        if let Some(known) = self.websocket {
            return known;
        }
        if let Some(protocol) = &self.tunnel {
            return protocol.eq_ignore_ascii_case("websocket");
        }
        let Some(upgrade) = self.headers.get(header::UPGRADE) else { return false };
        let fields = self.headers.get_all(header::CONNECTION).iter().filter_map(|field| field.to_str().ok());
        upgrade.as_bytes().eq_ignore_ascii_case(b"websocket")
            && fields.flat_map(|field| field.split(',')).any(|word| word.trim_ascii().eq_ignore_ascii_case("upgrade"))
    }
}

/// Whether only proxies, and the networks in front of them, send the header: what has it came from elsewhere.
fn is_of_a_proxy(name: &str) -> bool {
    let names = ["forwarded", "via", "x-real-ip", "cdn-loop", "x-original-host", "x-envoy-external-address"];
    let ends = ["client-ip", "clientip", "connecting-ip", "connecting-ipv6"];
    names.contains(&name) || name.starts_with("x-forwarded") || ends.iter().any(|end| name.ends_with(end))
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
