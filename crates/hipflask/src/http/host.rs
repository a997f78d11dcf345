//! The host that a request names, and the addresses that begin with it.

use std::borrow::Cow;

use http::header;

use crate::http::peer::{Peer, Scheme};
use crate::http::request::Request;
use crate::http::url;

impl Request {
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

    /// Whether it stands where there is no request: in a command, or at the start.
    pub(crate) fn is_absent(&self) -> bool {
        self.peer == Peer::Memory && self.named_host().is_none()
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
        format!("{}/", self.own_origin())
    }

    /// Scheme and host: `http://localhost`.
    fn own_origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.host())
    }

    /// The address of the application's root, with a slash at its end. Flask's `url_root`.
    pub fn root_url(&self) -> String {
        format!("{}{}/", self.own_origin(), self.quoted(self.root_path()))
    }

    /// The address without its query.
    pub fn base_url(&self) -> String {
        format!("{}{}{}", self.own_origin(), self.quoted(self.root_path()), self.quoted(self.path()))
    }

    /// The whole address.
    pub fn url(&self) -> String {
        match self.uri.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{}?{query}", self.base_url()),
            None => self.base_url(),
        }
    }

    fn quoted<'a>(&self, path: &'a str) -> Cow<'a, str> {
        url::quote(path, url::PATH_SAFE)
    }
}

/// A host as Werkzeug accepts it: letters, digits, dots and hyphens, or an IPv6 address in brackets, and a
/// port from 1 to 65535.
pub(crate) fn host_parts(host: &str) -> Option<(&str, Option<u16>)> {
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
        Some(name) => Some((name, Some(port.parse().ok().filter(|_| !port.starts_with('0'))?))),
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
    fn hosts_are_checked() {
        let host = |text| Request::get("/").with_header("host", text).host().to_owned();
        assert_eq!(host("A.example:80"), "a.example");
        assert_eq!(host("a.example:8080"), "a.example:8080");
        assert_eq!(host("[::1]:5000"), "[::1]:5000");
        for bad in [
            "", "a_b", "user@a", "a b", "a:0", "a:080", "a:65536", "a:", "a:x", "[::1", "[x]", "a/b", "a\\b", "<b>",
            ":80",
        ] {
            assert_eq!(host(bad), "", "{bad:?}");
        }
        assert_eq!(Request::get("http://target.example/").host(), "target.example");
    }
}
