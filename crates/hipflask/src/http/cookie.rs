//! The cookies that a response sets (RFC 6265bis, with Werkzeug's quoting).

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use crate::http::headers::http_date;
use crate::http::idna::to_ascii;

/// A cookie to set: a name, a value, and what the browser may do with it.
///
/// ```
/// use hipflask::http::{Cookie, SameSite};
/// use std::time::Duration;
///
/// let cookie = Cookie::new("theme", "dark").http_only(true).same_site(SameSite::Lax);
/// assert_eq!(cookie.to_string(), "theme=dark; HttpOnly; Path=/; SameSite=Lax");
/// ```
#[derive(Clone, Debug)]
pub struct Cookie {
    name: String,
    value: String,
    domain: Option<String>,
    expires: Option<SystemTime>,
    max_age: Option<Duration>,
    secure: bool,
    http_only: bool,
    path: Option<String>,
    same_site: Option<SameSite>,
    partitioned: bool,
}

/// When a browser sends a cookie along with a request that another site caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// With links to this site, but not with forms or scripts.
    Lax,
    /// Always; needs [`secure`](Cookie::secure).
    None,
}

impl SameSite {
    /// Reads `strict`, `lax` or `none` in any case.
    pub fn parse(text: &str) -> Option<SameSite> {
        match text.to_ascii_lowercase().as_str() {
            "strict" => Some(SameSite::Strict),
            "lax" => Some(SameSite::Lax),
            "none" => Some(SameSite::None),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        }
    }
}

impl Cookie {
    /// A cookie for the whole site (`Path=/`) until the browser closes. One whose name begins with `__Host-` or `__Secure-`
    /// is [`secure`](Cookie::secure), because browsers take no other.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Cookie {
        let name = name.into();
        Cookie {
            secure: begins(&name, "__Host-") || begins(&name, "__Secure-"),
            name,
            value: value.into(),
            domain: None,
            expires: None,
            max_age: None,
            http_only: false,
            path: Some("/".to_owned()),
            same_site: None,
            partitioned: false,
        }
    }

    /// A cookie that deletes `name` in the browser. Domain and path must be those it was set with.
    pub fn deleted(name: impl Into<String>) -> Cookie {
        let mut cookie = Cookie::new(name, "");
        cookie.expires = Some(SystemTime::UNIX_EPOCH);
        cookie.max_age = Some(Duration::ZERO);
        cookie
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether no part could be mistaken for another one in the header, and a browser takes it under its name
    /// (RFC 6265bis §4.1.3).
    pub(crate) fn is_valid(&self) -> bool {
        let (is_host, is_secure) = (begins(&self.name, "__Host-"), begins(&self.name, "__Secure-"));
        let keeps_prefix = (self.secure || !(is_host || is_secure))
            && (!is_host || (self.domain.is_none() && self.path.as_deref() == Some("/")));
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let host = |b: u8| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b);
        keeps_prefix
            && !self.name.is_empty()
            && self.name.bytes().all(token)
            && self.domain.iter().all(|domain| domain.bytes().all(host))
    }

    /// The cookie's value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The domain whose hosts get the cookie; without it only the host that set it. One beyond ASCII is written as DNS
    /// knows it.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Cookie {
        let domain = domain.into();
        let host = domain.rsplit_once(':').map_or(domain.as_str(), |(host, _port)| host);
        self.domain = Some(to_ascii(host.trim_start_matches('.')).into_owned());
        self
    }

    /// When the browser forgets it.
    #[must_use]
    pub fn expires(mut self, expires: SystemTime) -> Cookie {
        self.expires = Some(expires);
        self
    }

    /// How long the browser keeps it; `Expires` is written too, for old ones.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Cookie {
        self.max_age = Some(max_age);
        self
    }

    /// Sends it only over HTTPS.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Cookie {
        self.secure = secure;
        self
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Hides it from scripts.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Cookie {
        self.http_only = http_only;
        self
    }

    /// The paths that get it; `None` leaves it to the browser.
    #[must_use]
    pub fn path(mut self, path: Option<&str>) -> Cookie {
        self.path = path.map(str::to_owned);
        self
    }

    /// When it is sent with requests that another site caused.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Cookie {
        self.same_site = Some(same_site);
        self
    }

    /// Keeps a separate one for each site that embeds this one; implies [`secure`](Cookie::secure).
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Cookie {
        self.partitioned = partitioned;
        self.secure |= partitioned;
        self
    }
}

fn begins(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

/// The value of a `Set-Cookie` header, attributes in Werkzeug's order.
impl std::fmt::Display for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=", self.name)?;
        write_value(f, &self.value)?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        let expires = self.expires.or_else(|| SystemTime::now().checked_add(self.max_age?));
        if let Some(expires) = expires {
            write!(f, "; Expires={}", http_date(expires))?;
        }
        if let Some(max_age) = self.max_age {
            write!(f, "; Max-Age={}", max_age.as_secs())?;
        }
        if self.secure {
            f.write_str("; Secure")?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        if let Some(path) = &self.path {
            let path = crate::http::url::quote(path, b"%!$&'()*+,/:=@");
            write!(f, "; Path={path}")?;
        }
        if let Some(same_site) = self.same_site {
            write!(f, "; SameSite={}", same_site.as_str())?;
        }
        if self.partitioned {
            f.write_str("; Partitioned")?;
        }
        Ok(())
    }
}

/// A cookie that is set again and again with another value and expiry: the rest is written only once.
#[derive(Debug)]
pub(crate) struct Frame {
    /// `name=` and the attributes.
    text: String,
    value_at: usize,
    expires_at: usize,
}

impl Frame {
    /// The fixed part of `cookie`, without value and expiry.
    pub(crate) fn new(cookie: &Cookie) -> Frame {
        let value_at = cookie.name.len() + "=".len();
        let domain = cookie.domain.as_ref().map_or(0, |domain| "; Domain=".len() + domain.len());
        Frame { text: cookie.to_string(), value_at, expires_at: value_at + domain }
    }

    /// The value of a `Set-Cookie` header. `write_value` appends about `length` bytes, which need no quotes, to
    /// `name=`.
    pub(crate) fn fill(
        &self,
        length: usize,
        expires: Option<SystemTime>,
        write_value: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<u8> {
        let expires = expires.map(|expires| format!("; Expires={}", http_date(expires))).unwrap_or_default();
        let text = self.text.as_bytes();
        let mut out = Vec::with_capacity(text.len() + length + expires.len());
        out.extend_from_slice(&text[..self.value_at]);
        write_value(&mut out);
        out.extend_from_slice(&text[self.value_at..self.expires_at]);
        out.extend_from_slice(expires.as_bytes());
        out.extend_from_slice(&text[self.expires_at..]);
        out
    }
}

/// Whether a value may contain `b` without quotes.
pub(crate) fn is_plain(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\')
}

fn write_value(f: &mut std::fmt::Formatter<'_>, value: &str) -> std::fmt::Result {
    if value.bytes().all(is_plain) {
        return f.write_str(value);
    }
    f.write_char('"')?;
    for b in value.bytes() {
        match b {
            b'"' | b'\\' => write!(f, "\\{}", b as char)?,
            b',' | b';' | 0..0x20 | 0x7f.. => write!(f, "\\{b:03o}")?,
            _ => f.write_char(b as char)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cookies;

    #[test]
    fn attributes_stand_in_werkzeugs_order() {
        let cookie = Cookie::new("a", "b")
            .domain(".example.org:80")
            .expires(SystemTime::UNIX_EPOCH)
            .secure(true)
            .http_only(true)
            .path(Some("/x y"))
            .same_site(SameSite::Strict)
            .partitioned(true);
        assert_eq!(
            cookie.to_string(),
            "a=b; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; Path=/x%20y; SameSite=Strict; Partitioned"
        );
        let gone = Cookie::deleted("a").to_string();
        assert_eq!(gone, "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/");
        assert!(Cookie::new("a", "b").partitioned(true).to_string().contains("; Secure"));
    }

    #[test]
    fn a_prefix_of_the_name_is_kept() {
        assert_eq!(Cookie::new("__Host-a", "b").to_string(), "__Host-a=b; Secure; Path=/");
        assert!(Cookie::new("__Host-a", "b").is_valid() && Cookie::deleted("__Secure-a").is_valid());
        let host = || Cookie::new("__host-a", "b");
        for bad in [host().secure(false), host().domain("a.org"), host().path(Some("/a")), host().path(None)] {
            assert!(!bad.is_valid(), "{bad}");
        }
        let secure = Cookie::new("__Secure-a", "b").domain("a.org").path(Some("/a"));
        assert!(secure.is_valid() && !secure.secure(false).is_valid());
    }

    #[test]
    fn a_domain_is_ascii() {
        let cookie = Cookie::new("a", "b").domain(".ex\u{e4}mple.ORG:80");
        assert!(cookie.is_valid() && cookie.to_string().contains("; Domain=xn--exmple-cua.ORG;"), "{cookie}");
    }

    #[test]
    fn a_frame_gives_what_the_cookie_gives() {
        let plain = Cookie::new("a", "").secure(true).same_site(SameSite::Lax);
        for cookie in [plain.clone(), plain.domain("example.org").path(Some("/x y")).partitioned(true)] {
            for expires in [None, Some(SystemTime::UNIX_EPOCH)] {
                let whole = Cookie { value: "v.w".to_owned(), expires, ..cookie.clone() };
                let filled = Frame::new(&cookie).fill(3, expires, |out| out.extend_from_slice(b"v.w"));
                assert_eq!(filled, whole.to_string().into_bytes());
                assert_eq!(filled.capacity(), filled.len(), "nothing is copied again");
            }
        }
    }

    #[test]
    fn values_are_quoted_and_come_back() {
        for value in ["plain", "a b", "semi;comma,", "q\"uo\\te", "é\u{1}\u{7f}", ""] {
            let text = Cookie::new("c", value).path(None).to_string();
            let read: Vec<_> = cookies::parse(text.as_bytes()).map(|pair| pair.value().into_owned()).collect();
            assert_eq!(read, [value], "{text}");
        }
        assert_eq!(Cookie::new("c", "é;").path(None).to_string(), r#"c="\303\251\073""#);
    }
}
