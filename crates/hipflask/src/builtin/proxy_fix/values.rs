//! The values that are believed, and the request with them.

use std::net::IpAddr;

use crate::base::error::Result;
use crate::builtin::proxy_fix::forwarded;
use crate::http::peer::Scheme;
use crate::http::request::Request;

/// How many proxies set each value; 0 where it is not believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hops {
    pub(super) client: usize,
    pub(super) scheme: usize,
    pub(super) host: usize,
    pub(super) port: usize,
    pub(super) prefix: usize,
}

/// What the proxies say. A value that no request can have is not among them.
#[derive(Debug, Default)]
pub(super) struct Values {
    client: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<String>,
    port: Option<u16>,
    prefix: Option<String>,
}

impl Values {
    pub(super) fn of_x_forwarded(request: &Request, hops: Hops) -> Values {
        let value = |name, hops| listed(request, name, hops);
        Values {
            client: value("x-forwarded-for", hops.client).and_then(address),
            scheme: value("x-forwarded-proto", hops.scheme).and_then(scheme),
            host: value("x-forwarded-host", hops.host).map(str::to_owned),
            port: value("x-forwarded-port", hops.port).and_then(port),
            prefix: value("x-forwarded-prefix", hops.prefix).and_then(prefix),
        }
    }

    /// # Errors
    ///
    /// A 400 if the header is malformed.
    pub(super) fn of_forwarded(request: &Request, hops: Hops) -> Result<Values> {
        let elements = forwarded::elements(request)?;
        let value = |name, hops| -> Option<&str> {
            let pairs = from_the_right(&elements, hops)?;
            pairs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
        };
        Ok(Values {
            client: value("for", hops.client).and_then(address),
            scheme: value("proto", hops.scheme).and_then(scheme),
            host: value("host", hops.host).map(str::to_owned),
            ..Values::default()
        })
    }

    pub(super) fn put_into(self, request: &mut Request) -> Result<()> {
        if let Some(client) = self.client {
            request.set_remote_addr(client);
        }
        if let Some(scheme) = self.scheme {
            request.set_scheme(scheme);
        }
        if let Some(host) = self.host {
            // One that is not a host changes nothing.
            let _ = request.set_host(&host);
        }
        if let Some(port) = self.port.filter(|_| !request.host().is_empty()) {
            let host = format!("{}:{port}", without_port(request.host()));
            request.set_host(&host)?;
        }
        if let Some(prefix) = self.prefix {
            request.set_root_path(&prefix);
        }
        Ok(())
    }
}

/// The value that the outermost of `hops` proxies has added to a list, which may be in several fields. A quote is a
/// character like others here: it must not hide a comma, and with it a value.
fn listed<'r>(request: &'r Request, name: &'static str, hops: usize) -> Option<&'r str> {
    if hops == 0 {
        return None;
    }
    let fields = request.header_all(name);
    let values = fields.flat_map(|field| field.split(',')).map(str::trim_ascii).filter(|value| !value.is_empty());
    let value = *from_the_right(&values.collect::<Vec<_>>(), hops)?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// The last one for 1, the one before it for 2.
fn from_the_right<T>(all: &[T], hops: usize) -> Option<&T> {
    all.get(all.len().checked_sub(hops)?)
}

/// An address, which may have a port (RFC 7239 §6): `192.0.2.1:4711`, `[2001:db8::1]`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            (IpAddr::V6(address.parse().ok()?), if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => {
            let (address, port) = text.split_once(':')?;
            (IpAddr::V4(address.parse().ok()?), Some(port))
        }
    };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    port.is_none_or(is_port).then_some(address)
}

fn scheme(text: &str) -> Option<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "http" | "ws" => Some(Scheme::Http),
        "https" | "wss" => Some(Scheme::Https),
        _ => None,
    }
}

fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

/// A path as it is in an address, decoded.
fn prefix(text: &str) -> Option<String> {
    let mut request = Request::get("/");
    request.set_target(text).ok()?;
    let is_path = request.uri().query().is_none() && !request.path().contains(|c: char| c.is_control() || c == '\\');
    is_path.then(|| request.path().to_owned())
}

fn without_port(host: &str) -> &str {
    // In brackets, a colon does not begin a port.
    host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_ports() {
        for (text, known) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:4711", Some("192.0.2.1")),
            ("192.0.2.1:_p", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:4711", Some("2001:db8::1")),
            ("[192.0.2.1]", None),
            ("[2001:db8::1]x", None),
            ("192.0.2.1:<b>", None),
            ("192.0.2", None),
            ("unknown", None),
            ("_hidden", None),
            ("", None),
        ] {
            assert_eq!(address(text), known.map(|known| known.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_a_path() {
        for (text, known) in [
            ("/a", Some("/a")),
            ("/a%20b/%C3%A9", Some("/a b/é")),
            ("//evil.example", Some("/evil.example")),
            ("/\\evil.example", None),
            ("/%5Cevil.example", None),
            ("/a%0Ab", None),
            ("/a?b", None),
            ("/a b", None),
            ("a", None),
            ("https://evil.example/", None),
        ] {
            assert_eq!(prefix(text).as_deref(), known, "{text}");
        }
    }
}
