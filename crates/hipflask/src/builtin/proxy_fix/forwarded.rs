//! The header `Forwarded` (RFC 7239).

use http::header;

use crate::base::error::{HttpError, Result};
use crate::http::request::Request;

/// What one proxy says: names and values.
pub(super) type Element<'r> = Vec<(&'r str, &'r str)>;

/// The elements of all fields. A quote that the client leaves open would hide where its elements end, so there is
/// nothing to believe in a header that is not well-formed throughout.
///
/// # Errors
///
/// A 400 if it is not.
pub(super) fn elements(request: &Request) -> Result<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    for field in request.header_all(header::FORWARDED) {
        let malformed = || HttpError::new(400).description("The header Forwarded is malformed.");
        elements.append(&mut parse(field).ok_or_else(malformed)?);
    }
    Ok(elements)
}

fn parse(field: &str) -> Option<Vec<Element<'_>>> {
    let (mut elements, mut element, mut rest) = (Vec::new(), Vec::new(), field.trim_ascii());
    while !rest.is_empty() {
        if !rest.starts_with([',', ';']) {
            let (name, value) = rest.split_once('=').filter(|(name, _)| is_token(name))?;
            let (value, after) = parse_value(value)?;
            element.push((name, value));
            rest = after.trim_ascii_start();
        }
        if rest.starts_with(',') {
            elements.push(std::mem::take(&mut element));
        } else if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
        rest = rest.get(1..).unwrap_or_default().trim_ascii_start();
    }
    elements.push(element);
    elements.retain(|element| !element.is_empty());
    Some(elements)
}

/// A value, and what comes after it. Without quotes it may have a colon, because proxies write `host=example.org:8080`.
fn parse_value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (!value.is_empty() && !value.contains(['"', '\\'])).then_some((value, after));
    };
    let mut is_escaped = false;
    let end = quoted.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    // It may contain escapes, but then it is neither an address nor a scheme nor a host.
    Some((&quoted[..end], &quoted[end + 1..]))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As text, elements by `|`.
    fn read(field: &str) -> Option<String> {
        let pairs = |element: Element<'_>| {
            element.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        Some(parse(field)?.into_iter().map(pairs).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn elements_are_read() {
        for (field, elements) in [
            ("", ""),
            ("for=192.0.2.1", "for=192.0.2.1"),
            ("For=\"[2001:db8::1]:4711\";Proto=https", "For=[2001:db8::1]:4711 Proto=https"),
            ("for=a, for=b;by=c ,\tfor=d", "for=a|for=b by=c|for=d"),
            ("for=a; proto=https ; host=b:8080", "for=a proto=https host=b:8080"),
            (",for=a,, ,for=b,", "for=a|for=b"),
            (";for=a;;by=b;", "for=a by=b"),
            ("for=\"a,b;c\"", "for=a,b;c"),
            ("for=\"\"", "for="),
        ] {
            assert_eq!(read(field).as_deref(), Some(elements), "{field}");
        }
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        for field in [
            "for",
            "=a",
            "for=",
            "for =a",
            "for=a b",
            "for=\"a",
            "for=\"a\\\"",
            "for=\"a\"b",
            "for=a\"b\"",
            "x y=a",
            "for=6.6.6.6;x=\", for=192.0.2.1",
            "for=6.6.6.6;x=\", for=\"[2001:db8::1]\"",
            "for=6.6.6.6;x=\"\\, for=\"192.0.2.1\"",
        ] {
            assert_eq!(read(field), None, "{field}");
        }
    }
}
