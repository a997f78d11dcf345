//! Quoting and unquoting of URL parts (RFC 3986), with Werkzeug's sets of characters left as they are.

use std::borrow::Cow;
use std::fmt::Write as _;

use memchr::memchr;

use crate::http::idna::to_ascii;

/// Represents an encoded slash in a decoded path, so that `%2F` never separates segments. A path cannot contain it
/// otherwise: an encoded NUL makes the whole path undecodable.
pub(crate) const ENCODED_SLASH: char = '\0';

/// The characters of a path that need no quotes: RFC 3986's `pchar` and the slash.
pub(crate) const PATH_SAFE: &[u8] = b"!$&'()*+,/:;=@";
/// The characters of a query value that need no quotes.
pub(crate) const QUERY_SAFE: &[u8] = b"!$'()*,/:;?@";
/// The characters of a fragment that are left as they are, as in Flask: the percent sign too, so that what is quoted
/// already stays.
pub(crate) const ANCHOR_SAFE: &[u8] = b"%!#$&'()*+,/:;=?@";

/// Percent-encodes every byte of `text` except letters, digits, `-._~` and those in `safe`. Python's
/// `urllib.parse.quote`.
///
/// ```
/// assert_eq!(hipflask::http::quote("a b/ü", b"/"), "a%20b/%C3%BC");
/// ```
pub fn quote<'a>(text: &'a str, safe: &[u8]) -> Cow<'a, str> {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b) || safe.contains(&b);
    if text.bytes().all(keep) {
        Cow::Borrowed(text)
    } else {
        let mut out = String::with_capacity(text.len() + 16);
        push_quoted(&mut out, text, keep);
        Cow::Owned(out)
    }
}

fn push_quoted(out: &mut String, text: &str, keep: impl Fn(u8) -> bool) {
    for b in text.bytes() {
        if keep(b) { out.push(b as char) } else { push_escape(out, b) }
    }
}

fn push_escape(out: &mut String, b: u8) {
    let _ = write!(out, "%{b:02X}");
}

/// Appends `key=value` to a query, with `+` for spaces.
pub(crate) fn push_query(query: &mut String, key: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    for (i, text) in [key, value].into_iter().enumerate() {
        if i == 1 {
            query.push('=');
        }
        for b in text.bytes() {
            match b {
                b' ' => query.push('+'),
                b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) || QUERY_SAFE.contains(&b) => {
                    query.push(b as char);
                }
                b => push_escape(query, b),
            }
        }
    }
}

/// Makes an address safe for a `Location` header: a host beyond ASCII is written as DNS knows it, bytes that a URI cannot
/// contain are percent-encoded, everything else stays.
pub(crate) fn iri_to_uri(address: &str) -> Cow<'_, str> {
    if address.is_ascii() && !address.contains(['[', ']']) {
        return quote(address, URI);
    }
    let begin = address.find("//").map_or(0, |at| at + 2);
    let is_absolute = begin == 2 || address[..begin].ends_with("://");
    if !is_absolute || address[..begin].contains(['?', '#']) {
        return quote(address, URI);
    }
    let end = address[begin..].find(['/', '?', '#']).map_or(address.len(), |at| begin + at);
    let authority = &address[begin..end];
    let (user, host) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let [scheme, user, rest] = [&address[..begin], user, &address[end..]].map(|part| quote(part, URI));
    Cow::Owned([&*scheme, &*user, &*quote(&to_ascii(host), HOST), &*rest].concat())
}

/// The characters that an address keeps.
const URI: &[u8] = b"%!#$&'()*+,/:;=?@";
/// Those that a host keeps; only an IPv6 address has brackets.
const HOST: &[u8] = b"%!$&'()*+,:;=[]";

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Undoes percent-encoding; an invalid escape stays as it is.
pub(crate) fn unquote_bytes(bytes: &[u8], plus_is_space: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    unquote_into(&mut out, bytes, plus_is_space);
    out
}

/// [`unquote_bytes`], appended to `out`.
pub(crate) fn unquote_into(out: &mut Vec<u8>, bytes: &[u8], plus_is_space: bool) {
    let plain = |b: &u8| if plus_is_space && *b == b'+' { b' ' } else { *b };
    let mut rest = bytes;
    while let Some(at) = memchr(b'%', rest) {
        out.extend(rest[..at].iter().map(plain));
        rest = &rest[at..];
        // One escape is often followed by another: a letter outside ASCII takes two or three.
        while let [b'%', after @ ..] = rest {
            let (byte, after) = match after {
                [high, low, after @ ..] if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                    (high << 4 | low, after)
                }
                _ => (b'%', after),
            };
            out.push(byte);
            rest = after;
        }
    }
    out.extend(rest.iter().map(plain));
}

/// Reads bytes as UTF-8; a byte that is not is written as its percent-escape, as Werkzeug does.
pub(crate) fn utf8_or_escaped(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut out = String::new();
        for chunk in error.as_bytes().utf8_chunks() {
            out.push_str(chunk.valid());
            for &b in chunk.invalid() {
                push_escape(&mut out, b);
            }
        }
        out
    })
}

/// Decodes a request's path: `None` if it contains an encoded NUL. An encoded slash becomes [`ENCODED_SLASH`].
pub(crate) fn decode_path(path: &str) -> Option<Cow<'_, str>> {
    if path.contains('\0') {
        return None;
    }
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut out = Vec::with_capacity(path.len());
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        let start = out.len();
        unquote_into(&mut out, segment.as_bytes(), false);
        for b in &mut out[start..] {
            match b {
                0 => return None,
                b'/' => *b = ENCODED_SLASH as u8,
                _ => {}
            }
        }
    }
    Some(Cow::Owned(utf8_or_escaped(out)))
}

/// Whether `target` is a path of this site, as a browser would read it: the check behind a `next=`.
///
/// A browser drops tabs and line breaks, treats a backslash as a slash, and reads `//host` as another site, so all
/// of these are refused.
///
/// ```
/// use hipflask::http::is_safe_redirect;
///
/// assert!(is_safe_redirect("/me?tab=2"));
/// assert!(!is_safe_redirect("//evil.example"));
/// assert!(!is_safe_redirect("/\\evil.example"));
/// assert!(!is_safe_redirect("https://evil.example"));
/// ```
pub fn is_safe_redirect(target: &str) -> bool {
    let plain = !target.chars().any(|c| c == '\\' || c.is_control() || c.is_whitespace());
    // An escaped control character has no honest use, and some proxies decode it.
    let decoded = unquote_bytes(target.split(['?', '#']).next().unwrap_or_default().as_bytes(), false);
    let decoded_plain = !decoded.iter().any(|b| b.is_ascii_control() || *b == b'\\');
    plain && decoded_plain && target.starts_with('/') && !decoded.starts_with(b"//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_what_werkzeug_keeps() {
        assert_eq!(quote("a b/é?#%", PATH_SAFE), "a%20b/%C3%A9%3F%23%25");
        assert_eq!(quote("!$&'()*+,/:;=@-._~", PATH_SAFE), "!$&'()*+,/:;=@-._~");
    }

    #[test]
    fn a_query_uses_plus_for_spaces() {
        let mut query = String::new();
        push_query(&mut query, "q", "a b&c=é");
        push_query(&mut query, "x", "");
        assert_eq!(query, "q=a+b%26c%3D%C3%A9&x=");
    }

    #[test]
    fn what_is_no_escape_stays() {
        let unquote = |text: &str| String::from_utf8(unquote_bytes(text.as_bytes(), true)).expect("text");
        for (quoted, text) in [
            ("", ""),
            ("a+b", "a b"),
            ("%41%42c%43", "ABcC"),
            ("%C3%A9+%2B+%25", "é + %"),
            ("%%%4", "%%%4"),
            ("%g0%4x%", "%g0%4x%"),
            ("%%41", "%A"),
            ("100%+of+it", "100% of it"),
        ] {
            assert_eq!(unquote(quoted), text, "{quoted}");
        }
        assert_eq!(unquote_bytes(b"a+%2b", false), b"a++");
    }

    #[test]
    fn an_address_becomes_ascii() {
        for (address, ascii) in [
            ("http://ex\u{e4}mple.org:80/\u{e4}?\u{e4}#\u{e4}", "http://xn--exmple-cua.org:80/%C3%A4?%C3%A4#%C3%A4"),
            ("//\u{e4}@\u{e4}.org", "//%C3%A4@xn--4ca.org"),
            ("/\u{e4}?next=http://\u{e4}.org", "/%C3%A4?next=http://%C3%A4.org"),
            ("/a//\u{e4}", "/a//%C3%A4"),
            ("http://a.org/%20 x", "http://a.org/%20%20x"),
            ("http://[::1]:80/[a]?[b]", "http://[::1]:80/%5Ba%5D?%5Bb%5D"),
            ("/[a]", "/%5Ba%5D"),
        ] {
            assert_eq!(iri_to_uri(address), ascii, "{address}");
        }
    }

    #[test]
    fn an_encoded_slash_does_not_divide() {
        assert_eq!(decode_path("/a%2Fb/c%20d").as_deref(), Some("/a\0b/c d"));
        assert_eq!(decode_path("/a%00b"), None);
        assert_eq!(decode_path("/plain"), Some(Cow::Borrowed("/plain")));
    }

    #[test]
    fn redirects_leave_the_site_in_no_spelling() {
        for bad in [
            "",
            "x",
            "//e",
            "///e",
            "/\\e",
            "\\e",
            "/\t/e",
            "http:/e",
            "http:e",
            " /x",
            "/%09/e",
            "/%5Ce",
            "/%2Fe",
            "javascript:alert(1)",
            "/a\nb",
        ] {
            assert!(!is_safe_redirect(bad), "{bad:?}");
        }
        for good in ["/", "/me?next=http://x/", "/a%20b#c", "/a/b//c"] {
            assert!(is_safe_redirect(good), "{good:?}");
        }
    }
}
