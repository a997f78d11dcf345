//! A request that is changed before it is answered: by what stands around an application, for a proxy in front of
//! the server for instance.

use std::net::IpAddr;

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri};

use crate::base::error::{HttpError, Result};
use crate::http::body::Body;
use crate::http::host::host_parts;
use crate::http::path::Path;
use crate::http::peer::Scheme;
use crate::http::request::Request;
use crate::http::url::quote;

/// Changes to a request. They are for what is [wrapped](crate::App::wrap) around an application: a rule is matched by
/// the request as it is when the application comes to it, and is not matched again.
///
/// ```
/// use hipflask::http::{Request, Scheme};
///
/// let mut request = Request::get("/index?page=2");
/// request.set_scheme(Scheme::Https);
/// request.set_host("example.org")?;
/// request.set_root_path("/blog/");
/// assert_eq!(request.url(), "https://example.org/blog/index?page=2");
/// # Ok::<(), hipflask::Error>(())
/// ```
impl Request {
    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.cookies.take();
        self.host.take();
        self.latin.take();
        self.websocket = None;
        &mut self.headers
    }

    /// The body as it comes, to be taken or to be wrapped in another one. Once a view or a hook has read it, it is
    /// empty.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// Sets the method.
    pub fn set_method(&mut self, method: Method) {
        self.method = method;
    }

    /// Sets the scheme that the client used: that of the URLs that are built for it.
    pub fn set_scheme(&mut self, scheme: Scheme) {
        self.scheme = scheme;
        self.host.take();
    }

    /// Sets the address of the client. The [`peer`](Request::peer) stays what it is, and the request no longer counts as
    /// [local](Request::is_local), whatever the address.
    pub fn set_remote_addr(&mut self, address: IpAddr) {
        self.client = Some(address);
    }

    /// Sets the host that was asked for, with its port if that is not the scheme's own.
    ///
    /// # Errors
    ///
    /// A 400 if no host can be called that: it comes from a header, and URLs are built of it.
    pub fn set_host(&mut self, host: &str) -> Result<()> {
        let value = HeaderValue::from_str(host).ok().filter(|_| host_parts(host).is_some());
        let Some(value) = value else {
            return Err(HttpError::new(400).description("The request names no valid host.").into());
        };
        self.headers_mut().insert(header::HOST, value);
        // The target's own would come before the header.
        if self.uri.authority().is_some() {
            self.uri = self.uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
        }
        Ok(())
    }

    /// Sets what a proxy took off the front of the path before the request came here: WSGI's `SCRIPT_NAME`. The path
    /// stays as it is.
    pub fn set_root_path(&mut self, root: &str) {
        let outer = root.trim_matches('/');
        let slash = if outer.is_empty() { "" } else { "/" };
        self.path.forwarded_root = Some(format!("{slash}{outer}{}", self.mounted_path()).into());
    }

    /// Sets path and query. Where the application is mounted, the prefix of the mount stands in front of the path.
    ///
    /// # Errors
    ///
    /// A 400 if `target` is not a path.
    pub fn set_target(&mut self, target: &str) -> Result<()> {
        let target = target.parse::<PathAndQuery>().ok().filter(|_| target.starts_with('/'));
        let Some(target) = target else {
            return Err(HttpError::new(400).description("The request's target is malformed.").into());
        };
        let (mounted, forwarded_root) = (self.mounted_path().to_owned(), self.path.forwarded_root.take());
        let mut parts = std::mem::take(&mut self.uri).into_parts();
        parts.path_and_query = Some(target);
        self.uri = Uri::from_parts(parts).unwrap_or_default();
        self.path = Path::decode(&self.uri);
        self.path.forwarded_root = forwarded_root;
        let below = self.path().strip_prefix(&*mounted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.path.root = if below { mounted.len() } else { 0 };
        self.args.take();
        Ok(())
    }

    /// Sets path and query as the application sees them: below what mounts took off the front.
    pub(crate) fn set_own_target(&mut self, target: &str) -> Result<()> {
        match quote(self.mounted_path(), b"!$&'()*+,/:;=@").into_owned() {
            mounted if mounted.is_empty() || !target.starts_with('/') => self.set_target(target),
            mounted => self.set_target(&format!("{mounted}{target}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_wherever_the_request_is_read() {
        let mut request = Request::get("http://a.example:443/x?q=1").with_header("cookie", "a=1");
        assert_eq!(
            (request.host(), request.cookie("a"), request.args().get("q")),
            ("a.example:443", Some("1"), Some("1"))
        );
        request.set_scheme(Scheme::Https);
        assert_eq!(request.host(), "a.example");
        request.set_host("B.example:8443").expect("a host");
        request.set_target("/y%20z?q=2").expect("a target");
        request.headers_mut().insert("cookie", HeaderValue::from_static("a=2"));
        assert_eq!((request.cookie("a"), request.args().get("q")), (Some("2"), Some("2")));
        assert_eq!(request.url(), "https://b.example:8443/y%20z?q=2");
    }

    #[test]
    fn a_root_from_outside_goes_before_that_of_a_mount() {
        let mut request = Request::get("/old/x");
        request.set_root_path("//outer/");
        assert_eq!((request.root_path(), request.path()), ("/outer", "/old/x"));
        request.enter_mount(4);
        assert_eq!((request.root_path(), request.path()), ("/outer/old", "/x"));
        request.set_target("/old/y").expect("a target");
        assert_eq!((request.root_path(), request.path()), ("/outer/old", "/y"));
        request.leave_mount(4);
        assert_eq!((request.root_path(), request.path()), ("/outer", "/old/y"));
        request.set_root_path("/");
        assert_eq!((request.root_path(), request.path()), ("", "/old/y"));
    }

    #[test]
    fn what_no_request_can_have_is_refused() {
        let mut request = Request::get("/x");
        for host in ["", "a b", "a/b", "a:x", "a\r\nb: c"] {
            assert_eq!(request.set_host(host).map_err(|error| error.status().as_u16()), Err(400), "{host:?}");
        }
        for target in ["", "x", "http://a/x", "/a b"] {
            assert_eq!(request.set_target(target).map_err(|error| error.status().as_u16()), Err(400), "{target:?}");
        }
        assert_eq!(request.url(), "http://localhost/x");
    }
}
