//! Which pages may open a WebSocket.
//!
//! A page of any site can ask a browser for a WebSocket, and the browser sends the cookies along; unlike with `fetch`,
//! nothing then keeps the page from reading. So the server has to look at `Origin`, which browsers always send with such a
//! request and no script can change (RFC 6455 §10.2). A request without it is not from a page: it may be anything, but
//! it has no cookies that its sender did not have already. Should a browser leave `Origin` out, `Sec-Fetch-Site` still
//! tells.

use hipflask::http::Request;
use hipflask::{Error, Result};

/// The option of a rule, a blueprint or an application: which sites' pages may open its WebSockets, beside its own. It
/// replaces `WEBSOCKET_ALLOWED_ORIGINS` there.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_websocket::prelude::*;
///
/// // Anybody may follow the public ticker: it knows no user.
/// #[get("/ticker", websocket = true, with = AllowedOrigins::any())]
/// async fn ticker(handshake: Handshake) -> Accepted {
///     handshake.accept(async |socket| socket.send("42").await)
/// }
///
/// # hipflask::block_on(async {
/// let client = App::new("doc", ".").extend(WebSockets).routes(routes![ticker]).test_client();
/// let mut socket = client.websocket("/ticker").header("origin", "https://other.example").connect().await;
/// assert_eq!(socket.receive_text().await, "42");
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    any: bool,
    listed: Vec<String>,
}

impl AllowedOrigins {
    /// The pages of every site. Only for a WebSocket that gives each client the same, whoever is logged in.
    pub fn any() -> AllowedOrigins {
        AllowedOrigins { any: true, listed: Vec::new() }
    }

    /// The pages of these sites: `["https://app.example"]`.
    ///
    /// # Panics
    ///
    /// If one is not an origin: a scheme and a host, perhaps with a port, and no path.
    #[track_caller]
    pub fn new<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> AllowedOrigins {
        let listed: Vec<String> = origins.into_iter().map(|origin| origin.as_ref().to_ascii_lowercase()).collect();
        let wrong = listed.iter().find(|origin| !is_origin(origin));
        assert!(wrong.is_none(), "{}", not_an_origin(wrong.map_or("", String::as_str)));
        AllowedOrigins { any: false, listed }
    }

    /// What the configuration lists; `*` is for any.
    pub(crate) fn parse(listed: &[String]) -> Result<AllowedOrigins> {
        let any = listed.iter().any(|origin| origin == "*");
        let listed: Vec<String> = listed.iter().map(|origin| origin.to_ascii_lowercase()).collect();
        match listed.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
            Some(wrong) => Err(Error::msg(format!("`WEBSOCKET_ALLOWED_ORIGINS`: {}", not_an_origin(wrong)))),
            None => Ok(AllowedOrigins { any, listed }),
        }
    }

    /// Whether the sender of `request` may open a WebSocket.
    pub(crate) fn allow(&self, request: &Request) -> bool {
        let mut origins = request.header_all("origin");
        match (origins.next(), origins.next()) {
            _ if self.any => true,
            (Some(origin), None) => is_own(request, origin) || self.lists(origin),
            (Some(_), Some(_)) => false,
            (None, _) => request.header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none")),
        }
    }

    fn lists(&self, origin: &str) -> bool {
        self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    }
}

/// Whether it is a page of our own. An unencrypted page is not a page of an encrypted site.
fn is_own(request: &Request, origin: &str) -> bool {
    request.is_own_origin(origin) && !(request.is_secure() && origin.starts_with("http://"))
}

fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', ' ', ',']);
    is_host && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn not_an_origin(origin: &str) -> String {
    format!(
        "`{}` is not an origin; write a scheme and a host, like https://app.example, without a path",
        origin.escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for good in ["https://app.example", "http://localhost:5000", "https://[::1]:80", "app://x", "https://ü.example"]
        {
            assert!(is_origin(good), "{good}");
        }
        for bad in ["app.example", "https://", "https://a/", "https://a/b", "null", "https://*.a", "", "://a"] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
