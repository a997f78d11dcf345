//! The certificate of a client: what a view may want to know of it.

use std::fmt;
use std::str;
use std::sync::Arc;

use crate::base::datetime::DateTime;
use crate::http::der::{Der, Tag};

/// The certificate with which a client has identified itself, verified by the server.
///
/// [`Request::client_certificate`](crate::http::Request::client_certificate) has it. It was issued by an authority that
/// the application trusts ([`Tls::client_ca`](crate::server::Tls::client_ca)) and was valid when the connection was made;
/// which of its names means whom is for the application to know.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[get("/")]
/// async fn index(ctx: &mut Context) -> Result<String> {
///     let Some(certificate) = ctx.request().client_certificate() else { abort!(403) };
///     Ok(format!("Hello, {}!", certificate.common_name().unwrap_or("stranger")))
/// }
///
/// let client = App::new("doc", ".").routes(routes![index]).test_client();
/// assert_eq!(client.get("/").send_blocking().status(), 403);
/// ```
#[derive(Clone)]
pub struct ClientCertificate(Arc<Parts>);

struct Parts {
    /// The certificate itself, then those of its issuers that the client has sent.
    chain: Vec<Vec<u8>>,
    facts: Facts,
}

impl ClientCertificate {
    /// One that was verified, with the certificates of its issuers. `None` if it cannot be read.
    pub(crate) fn new(chain: Vec<Vec<u8>>) -> Option<ClientCertificate> {
        let facts = Facts::of(chain.first()?)?;
        Some(ClientCertificate(Arc::new(Parts { chain, facts })))
    }

    /// The certificate as it was sent, in DER: for a digest of it, or a library that reads more.
    pub fn der(&self) -> &[u8] {
        self.0.chain.first().map_or(&[], Vec::as_slice)
    }

    /// The same with the certificates of its issuers that the client has sent, in DER.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chain.iter().map(Vec::as_slice)
    }

    /// The common name of its subject. `None` if there is none, or more than one.
    pub fn common_name(&self) -> Option<&str> {
        self.0.facts.common_name.as_deref()
    }

    /// The names of hosts among its alternative names.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.0.facts.dns_names.iter().map(String::as_str)
    }

    /// The e-mail addresses among its alternative names.
    pub fn email_addresses(&self) -> impl Iterator<Item = &str> {
        self.0.facts.email_addresses.iter().map(String::as_str)
    }

    /// The URIs among its alternative names, such as `spiffe://example.org/worker`.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.facts.uris.iter().map(String::as_str)
    }

    /// Its serial number, in hexadecimal digits. It is unique together with the issuer.
    pub fn serial(&self) -> &str {
        &self.0.facts.serial
    }

    /// The last moment at which it is valid.
    pub fn not_after(&self) -> DateTime {
        self.0.facts.not_after
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { common_name, serial, .. } = &self.0.facts;
        f.debug_struct("ClientCertificate").field("common_name", common_name).field("serial", serial).finish()
    }
}

/// What can be read in a certificate (RFC 5280 §4.1).
pub(crate) struct Facts {
    pub(crate) serial: String,
    /// Names as they are written, for comparison.
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: DateTime,
    pub(crate) not_after: DateTime,
    pub(crate) common_name: Option<String>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) email_addresses: Vec<String>,
    pub(crate) uris: Vec<String>,
}

/// `commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// `subjectAltName`, 2.5.29.17.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 29, 17];

impl Facts {
    pub(crate) fn of(certificate: &[u8]) -> Option<Facts> {
        let mut certificate = Der(certificate).inner(Tag::SEQUENCE)?;
        let mut signed = certificate.inner(Tag::SEQUENCE)?;
        signed.skip(Tag::version());
        let serial = signed.take(Tag::INTEGER)?;
        signed.take(Tag::SEQUENCE)?;
        let issuer = signed.take(Tag::SEQUENCE)?;
        let mut validity = signed.inner(Tag::SEQUENCE)?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = signed.take(Tag::SEQUENCE)?;
        signed.take(Tag::SEQUENCE)?;
        let mut facts = Facts {
            serial: serial.iter().map(|byte| format!("{byte:02x}")).collect(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            not_before,
            not_after,
            common_name: common_name(subject),
            dns_names: Vec::new(),
            email_addresses: Vec::new(),
            uris: Vec::new(),
        };
        while let Some((tag, content)) = signed.next() {
            if tag == Tag::extensions() {
                facts.read_extensions(Der(content).inner(Tag::SEQUENCE)?)?;
            }
        }
        Some(facts)
    }

    fn read_extensions(&mut self, mut extensions: Der<'_>) -> Option<()> {
        while !extensions.is_empty() {
            let mut extension = extensions.inner(Tag::SEQUENCE)?;
            let kind = extension.take(Tag::OBJECT_IDENTIFIER)?;
            extension.skip(Tag::BOOLEAN);
            if kind == ALTERNATIVE_NAMES {
                self.read_names(Der(extension.take(Tag::OCTET_STRING)?).inner(Tag::SEQUENCE)?);
            }
        }
        Some(())
    }

    fn read_names(&mut self, mut names: Der<'_>) {
        while let Some((tag, name)) = names.next() {
            let into = match tag.of_choice() {
                Some(1) => &mut self.email_addresses,
                Some(2) => &mut self.dns_names,
                Some(6) => &mut self.uris,
                _ => continue,
            };
            into.extend(printable(name));
        }
    }
}

/// The common name in a name, if there is exactly one.
fn common_name(mut name: &[u8]) -> Option<String> {
    let mut found = Vec::new();
    let mut sets = Der(std::mem::take(&mut name));
    while let Some(mut set) = sets.inner(Tag::SET) {
        while let Some(mut attribute) = set.inner(Tag::SEQUENCE) {
            if attribute.take(Tag::OBJECT_IDENTIFIER)? == COMMON_NAME {
                let (tag, value) = attribute.next()?;
                found.push(printable(value).filter(|_| tag.is_ascii_or_utf8())?);
            }
        }
    }
    if found.len() == 1 { found.pop() } else { None }
}

/// A control character in a name is there to deceive.
fn printable(text: &[u8]) -> Option<String> {
    str::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::self_signed::self_signed;

    fn certificate() -> Vec<u8> {
        self_signed(DateTime::now()).expect("there is randomness").certificate
    }

    #[test]
    fn what_a_certificate_says_is_read() {
        let facts = Facts::of(&certificate()).expect("it is one");
        assert_eq!((facts.common_name.as_deref(), &facts.dns_names[0][..]), (Some("localhost"), "localhost"));
        assert_eq!((facts.issuer == facts.subject, facts.serial.len()), (true, 32));
        assert!(facts.not_before < DateTime::now() && DateTime::now() < facts.not_after);
    }

    /// Whatever is sent, it is read or not: nothing panics, and nothing is read beyond the end.
    #[test]
    fn broken_certificates_are_not_read() {
        let good = certificate();
        for len in 0..good.len() {
            assert!(Facts::of(&good[..len]).is_none(), "{len} bytes of {}", good.len());
        }
        for at in 0..good.len() {
            for value in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = good.clone();
                broken[at] = value;
                let _ = Facts::of(&broken);
            }
        }
    }

    #[test]
    fn names_that_deceive_are_no_names() {
        let name = |values: &[&[u8]]| {
            let sets = values.iter().flat_map(|value| {
                let mut attribute = [&[6, 3], COMMON_NAME, &[0x0c, value.len() as u8], value].concat();
                attribute.splice(0..0, [0x31, attribute.len() as u8 + 2, 0x30, attribute.len() as u8]);
                attribute
            });
            common_name(&sets.collect::<Vec<_>>())
        };
        assert_eq!(name(&[b"Ada"]).as_deref(), Some("Ada"));
        assert_eq!(
            (name(&[b"Ada\0Eve"]), name(&[b"Ada", b"Eve"]), name(&[b"\xff"]), name(&[])),
            (None, None, None, None)
        );
    }
}
