//! Whom a request is for, and who sends it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderValue, Uri, header};

use crate::base::panics::misuse;
use crate::http::peer::Scheme;
use crate::signing::base64;
use crate::testing::request::TestRequest;

impl TestRequest<'_> {
    /// The address of the application: scheme and host, `https://shop.example.org:8443`.
    ///
    /// # Panics
    ///
    /// If it is something else.
    #[track_caller]
    pub fn base_url(self, url: &str) -> Self {
        let uri: Uri = url.parse().unwrap_or_default();
        let (Some(scheme), Some(host), "/" | "") = (uri.scheme_str(), uri.authority(), uri.path()) else {
            misuse(format_args!("`{url}` is not a base URL; write scheme and host: `https://example.org`"))
        };
        self.host(host.as_str()).scheme(scheme)
    }

    /// The host, with its port unless it is the scheme's own.
    ///
    /// # Panics
    ///
    /// If it cannot be a host.
    #[track_caller]
    pub fn host(self, host: &str) -> Self {
        self.header("host", host).renew_origin()
    }

    /// A subdomain of `SERVER_NAME`.
    ///
    /// # Panics
    ///
    /// If `SERVER_NAME` is not set.
    #[track_caller]
    pub fn subdomain(self, subdomain: &str) -> Self {
        let Some(name) = self.client.app.config().find::<String>("SERVER_NAME").ok().flatten() else {
            misuse(format_args!("a subdomain of what? Set `SERVER_NAME`, or use `host` or `base_url`"))
        };
        self.host(&format!("{subdomain}.{name}"))
    }

    /// The scheme: `http` or `https`.
    ///
    /// # Panics
    ///
    /// If it is another one.
    #[track_caller]
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => misuse(format_args!("the scheme of a request is `http` or `https`, not `{scheme}`")),
        };
        self.renew_origin()
    }

    /// Makes it look to the application as if it came over HTTPS.
    pub fn https(self) -> Self {
        self.scheme("https")
    }

    /// The pages of an application have its own origin.
    fn renew_origin(mut self) -> Self {
        if let (Some(_), Some(host)) = (self.headers.get(header::ORIGIN), self.headers.get(header::HOST)) {
            let origin = [self.scheme.as_str().as_bytes(), b"://", host.as_bytes()].concat();
            if let Ok(origin) = HeaderValue::try_from(origin) {
                self.headers.insert(header::ORIGIN, origin);
            }
        }
        self
    }

    /// The address that it comes from; 127.0.0.1 unless this says otherwise.
    pub fn remote_addr(mut self, address: impl Into<IpAddr>) -> Self {
        self.remote = SocketAddr::new(address.into(), 0);
        self
    }

    /// Sends a name and a password, as a browser does that has asked for them. RFC 7617.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let credentials = base64::encode_standard(format!("{user}:{password}").as_bytes());
        self.header("authorization", &format!("Basic {credentials}"))
    }

    /// Sends a token. RFC 6750.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The type of the body.
    pub fn content_type(self, content_type: &str) -> Self {
        self.header("content-type", content_type)
    }
}
