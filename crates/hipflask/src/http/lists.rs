//! Fields that are lists: `a, "b, c", d` (RFC 9110 §5.6.1).

/// The entries of a list, without the blanks around them; a quoted one may contain commas. Empty ones are left out.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    split_unquoted(text, ',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// The parts between `separator`s that are not inside of quotes.
pub(crate) fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let is_escape = quoted && c == '\\' && !escaped;
        quoted ^= c == '"' && !escaped;
        escaped = is_escape;
        c == separator && !quoted
    })
}

/// The pairs of `name=value, name="value", name` (RFC 9110 §5.6.6): names in lower case, values without their quotes.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (String, Option<String>)> {
    split_list(text).filter_map(|entry| {
        let (name, value) = match entry.split_once('=') {
            Some((name, value)) => (name, Some(unquote(value.trim()))),
            None => (entry, None),
        };
        let name = name.trim().to_ascii_lowercase();
        (!name.is_empty()).then_some((name, value))
    })
}

/// The text of a token or of a quoted string.
pub(crate) fn unquote(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return text.to_owned() };
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

/// `text` as it is if it is a token, otherwise as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    if is_token(text) { text.to_owned() } else { quoted(text) }
}

/// `text` as a quoted string.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether `text` can be written without quotes (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_entry_is_one() {
        let entries = |text| split_list(text).collect::<Vec<_>>();
        assert_eq!(entries("a, \"b, c\" ,, d"), ["a", "\"b, c\"", "d"]);
        assert_eq!(entries("\"a\\\", b\", c"), ["\"a\\\", b\"", "c"]);
        assert_eq!(entries("\"a\\\\\", b"), ["\"a\\\\\"", "b"]);
    }

    #[test]
    fn what_is_quoted_comes_back() {
        for text in ["a", "a b", "", "a\"b\\c", "\u{e9}"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }
}
