//! Who a client says that it is, and how it is asked: `Authorization` and `WWW-Authenticate` (RFC 9110 §11).

use std::fmt;

use crate::http::lists::{pairs, quote, quoted};
use crate::signing::base64;

/// What a client sends to authenticate itself. Werkzeug's `Authorization`.
///
/// ```
/// use hipflask::http::Authorization;
///
/// let bearer = Authorization::parse("Bearer abc==").unwrap();
/// assert_eq!((bearer.scheme(), bearer.token()), ("bearer", Some("abc==")));
/// let digest = Authorization::parse("Digest username=\"Ada\", nc=00000001").unwrap();
/// assert_eq!((digest.username(), digest.get("nc")), (Some("Ada"), Some("00000001")));
/// assert_eq!(Authorization::parse("Basic !"), None);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization(Credentials);

/// How a client may authenticate itself, in a 401. Werkzeug's `WWWAuthenticate`.
///
/// ```
/// use hipflask::http::WwwAuthenticate;
///
/// assert_eq!(WwwAuthenticate::basic("the \"shop\"").to_string(), "Basic realm=\"the \\\"shop\\\"\"");
/// let digest = WwwAuthenticate::new("digest").with("realm", "shop").with("stale", "true");
/// assert_eq!(digest.to_string(), "Digest realm=\"shop\", stale=true");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WwwAuthenticate(Credentials);

/// A scheme with a token, or with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Credentials {
    /// In lower case.
    scheme: String,
    token: Option<String>,
    parameters: Vec<(String, Option<String>)>,
}

impl Credentials {
    fn new(scheme: &str) -> Credentials {
        Credentials { scheme: scheme.to_ascii_lowercase(), token: None, parameters: Vec::new() }
    }

    /// `None` for an empty text.
    fn parse(header: &str) -> Option<Credentials> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        let rest = rest.trim_matches([' ', '\t']);
        let mut credentials = Credentials::new(scheme);
        // A token may end with equals signs; anywhere else they are parameters'.
        if rest.trim_end_matches('=').contains('=') {
            credentials.parameters = pairs(rest).collect();
        } else {
            credentials.token = Some(rest.to_owned());
        }
        (!header.is_empty()).then_some(credentials)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name)?.1.as_deref()
    }

    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default()))
    }
}

impl Authorization {
    /// Reads the field; `None` if it is empty, or if it is `Basic` and cannot be decoded.
    pub fn parse(header: &str) -> Option<Authorization> {
        let mut credentials = Credentials::parse(header)?;
        if credentials.scheme == "basic" {
            let encoded = header.split_once(' ').map_or("", |(_, encoded)| encoded);
            let text = String::from_utf8(base64::decode_standard(encoded.trim_matches([' ', '\t']))?).ok()?;
            let (username, password) = text.split_once(':').unwrap_or((&text, ""));
            let known = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
            credentials.token = None;
            credentials.parameters = vec![known("username", username), known("password", password)];
        }
        Some(Authorization(credentials))
    }

    /// How it authenticates itself, in lower case: `basic`, `bearer`, `digest`.
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// What follows the scheme, if these are no parameters: the token of `bearer`.
    pub fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    /// The parameter `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// Every parameter with its value.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.parameters()
    }

    /// The name, of `basic` and `digest`.
    pub fn username(&self) -> Option<&str> {
        self.get("username")
    }

    /// The password, of `basic`.
    pub fn password(&self) -> Option<&str> {
        self.get("password")
    }
}

/// Keeps passwords and tokens out of logs.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorization({})", self.scheme())
    }
}

impl WwwAuthenticate {
    /// A scheme without parameters.
    pub fn new(scheme: &str) -> WwwAuthenticate {
        WwwAuthenticate(Credentials::new(scheme))
    }

    /// Name and password, for what `realm` names.
    pub fn basic(realm: &str) -> WwwAuthenticate {
        WwwAuthenticate::new("basic").with("realm", realm)
    }

    /// Reads the field; `None` if it is empty.
    pub fn parse(header: &str) -> Option<WwwAuthenticate> {
        Credentials::parse(header).map(WwwAuthenticate)
    }

    /// The same with the parameter `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> WwwAuthenticate {
        self.0.parameters.retain(|(known, _)| known != name);
        self.0.parameters.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// The scheme in lower case.
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// What follows the scheme, if these are no parameters.
    pub fn token(&self) -> Option<&str> {
        self.0.token.as_deref().filter(|token| !token.is_empty())
    }

    /// The parameter `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// Every parameter with its value.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.parameters()
    }
}

/// As it is in the header. What RFC 7616 wants in quotes is in quotes, because some clients read nothing else.
impl fmt::Display for WwwAuthenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const QUOTED: [&str; 5] = ["realm", "domain", "nonce", "opaque", "qop"];
        let mut scheme = self.0.scheme.clone();
        scheme[..1.min(self.0.scheme.len())].make_ascii_uppercase();
        f.write_str(&scheme)?;
        if let Some(token) = self.token() {
            return write!(f, " {token}");
        }
        for (at, (name, value)) in self.parameters().enumerate() {
            let value = if QUOTED.contains(&name) { quoted(value) } else { quote(value) };
            write!(f, "{} {name}={value}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_keeps_its_colons_and_rubbish_is_none() {
        let basic = |text: &str| {
            Authorization::parse(text).map(|found| {
                let text = |part: Option<&str>| part.unwrap_or("-").to_owned();
                (text(found.username()), text(found.password()))
            })
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(basic("basic  QWRhOng6eQ=="), pair("Ada", "x:y"));
        assert_eq!(basic("BASIC QWRh"), pair("Ada", ""));
        assert_eq!(basic("Basic"), pair("", ""));
        for bad in ["Basic QWRhOng6eQ", "Basic QWRh!", "Basic /w==", "", "Basic a"] {
            assert_eq!(basic(bad), None, "{bad}");
        }
        assert_eq!(format!("{:?}", Authorization::parse("Basic QWRhOng6eQ==")), "Some(Authorization(basic))");
    }

    #[test]
    fn a_challenge_comes_back() {
        for text in ["Digest realm=\"a\", nonce=\"b, c\", stale=true", "Bearer abc", "Negotiate"] {
            assert_eq!(WwwAuthenticate::parse(text).expect("a challenge").to_string(), text);
        }
    }
}
