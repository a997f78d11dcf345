//! Rules for the form of a text.

use std::marker::PhantomData;

use crate::builtin::form::binder::FromField;
use crate::builtin::form::error::FieldError;
use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::Sent;

/// A text that looks like an e-mail address: one `@`, a name before it, a host with a dot after it.
#[derive(Clone, Copy, Debug)]
pub struct Email;

impl FieldRule<String> for Email {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        let valid = value.split_once('@').is_some_and(|(name, host)| is_mail_name(name) && is_mail_host(host));
        if valid { Ok(()) } else { Err(FieldError::NotAnEmail) }
    }
}

/// Contains nothing that a mail program could take for the end of the address, or for a second address.
fn is_mail_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

fn is_mail_host(host: &str) -> bool {
    host.contains('.') && host.split('.').all(is_label)
}

/// A text that looks like the address of a page: `http` or `https`, a host, perhaps more. No other scheme, because a
/// link to `javascript:` runs it.
#[derive(Clone, Copy, Debug)]
pub struct Url;

impl FieldRule<String> for Url {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        if is_url(value) { Ok(()) } else { Err(FieldError::NotAUrl) }
    }
}

fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let begin = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme)).map_or(0, str::len);
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c);
    let authority = text[begin..].split(['/', '?', '#']).next().unwrap_or_default();
    begin > 0 && !text.contains(is_odd) && is_authority(authority)
}

/// A host with or without a port. Names and passwords before it are for tricks: `http://bank.example@evil.example`.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit());
    let is_address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match is_address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.len() <= 253 && host.split('.').all(is_label),
    };
    is_host && port.is_none_or(is_port)
}

/// A part of a host name between two dots.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A text that is a UUID in its usual spelling, `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`.
#[derive(Clone, Copy, Debug)]
pub struct Uuid;

impl FieldRule<String> for Uuid {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        let is_uuid = are_hex(value, '-', &[8, 4, 4, 4, 12]);
        if is_uuid { Ok(()) } else { Err(FieldError::NotAUuid) }
    }
}

/// A text that is the address of a network card, `00:1b:44:11:3a:b7`.
#[derive(Clone, Copy, Debug)]
pub struct MacAddress;

impl FieldRule<String> for MacAddress {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        let is_mac = are_hex(value, ':', &[2; 6]);
        if is_mac { Ok(()) } else { Err(FieldError::NotAMacAddress) }
    }
}

/// A text that is a colour as an `<input type="color">` sends it, `#ff8800`.
#[derive(Clone, Copy, Debug)]
pub struct Color;

impl FieldRule<String> for Color {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        let is_color = value.strip_prefix('#').is_some_and(|hex| are_hex(hex, '#', &[6]));
        if is_color { Ok(()) } else { Err(FieldError::NotAColor) }
    }
}

/// Groups of hexadecimal digits of these lengths.
fn are_hex(text: &str, between: char, lengths: &[usize]) -> bool {
    let is_group =
        |(group, length): (&str, &usize)| group.len() == *length && group.bytes().all(|b| b.is_ascii_hexdigit());
    text.split(between).count() == lengths.len() && text.split(between).zip(lengths).all(is_group)
}

/// A text that could be read as a `T`: what a `String` with the widget of another type must keep, such as a date.
#[derive(Clone, Copy, Debug)]
pub struct ReadsAs<T>(PhantomData<fn() -> T>);

impl<T> ReadsAs<T> {
    /// The rule for `T`.
    #[allow(clippy::new_without_default, reason = "`T` is always said")]
    pub const fn new() -> ReadsAs<T> {
        ReadsAs(PhantomData)
    }
}

impl<T: FromField> FieldRule<String> for ReadsAs<T> {
    fn check(&self, _: &String, sent: &Sent<'_>) -> Result<(), FieldError> {
        T::from_field(sent).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_pages() {
        for good in [
            "http://example.org",
            "HTTPS://Example.org:8080/a?b=c#d",
            "http://localhost/",
            "http://[::1]:80/",
            "http://exämple.org/ä",
            "http://192.0.2.1?x",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "http://",
            "http:///a",
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "ftp://example.org",
            "http://a b.org",
            "http://example.org/ x",
            "http://example.org/\n",
            "http://bank.example@evil.example",
            "http://-a.org",
            "http://a..org",
            "http://example.org:99999",
            "http://example.org:+80",
            "http://example.org\\@evil.example",
            "http://[::1",
            "ähttp://example.org",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn groups_of_digits() {
        assert!(are_hex("f81d4fae-7DEC-11d0-a765-00a0c91e6bf6", '-', &[8, 4, 4, 4, 12]));
        for bad in ["", "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6", "a-b"] {
            assert!(!are_hex(bad, '-', &[8, 4, 4, 4, 12]), "{bad}");
        }
        assert!(are_hex("00:1b:44:11:3A:b7", ':', &[2; 6]) && !are_hex("00:1b:44:11:3A", ':', &[2; 6]));
    }
}
