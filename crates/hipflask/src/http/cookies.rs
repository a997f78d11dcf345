//! The cookies that a request carries, read as Werkzeug 3.1 reads them.

use std::borrow::Cow;

/// A pair of a `Cookie` field as it was sent.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Pair<'a> {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }

    /// The name; bytes that are not UTF-8 are replaced.
    pub(crate) fn name(&self) -> Cow<'a, str> {
        text(self.name)
    }

    /// The value without its quotes; bytes that are not UTF-8 are replaced.
    pub(crate) fn value(&self) -> Cow<'a, str> {
        match self.value {
            [b'"', quoted @ .., b'"'] if quoted.contains(&b'\\') => Cow::Owned(unescape(quoted)),
            [b'"', quoted @ .., b'"'] => text(quoted),
            plain => text(plain),
        }
    }
}

/// The pairs of a `Cookie` field. One that is not well formed is left out, up to the next semicolon, and leaves the
/// others alone: the cookies of a domain come from many programs. A nameless one is left out too: it could be mistaken
/// for `__Host-…`.
pub(crate) fn parse(field: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let mut rest = field;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            if let Some((pair, after)) = first_pair(rest) {
                rest = after;
                return Some(pair);
            }
            rest = after_semicolon(rest);
        }
        None
    })
}

/// The pair at the beginning of `text`, and what follows its semicolon.
fn first_pair(text: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let text = skip_blanks(text);
    let (name, rest) = split_before(text, b" \t=\";");
    let mut rest = skip_blanks(rest);
    let mut value = &b""[..];
    if let [b'=', after @ ..] = rest {
        let after = skip_blanks(after);
        (value, rest) = match after {
            [b'"', ..] => after.split_at(quoted_len(after)?),
            _ => after.split_at(plain_len(after)),
        };
        rest = skip_blanks(rest);
    }
    let after = match rest {
        [] => rest,
        [b';', after @ ..] => after,
        _ => return None,
    };
    (!name.is_empty()).then_some((Pair { name, value }, after))
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &text[blanks..]
}

fn split_before<'a>(text: &'a [u8], ends: &[u8]) -> (&'a [u8], &'a [u8]) {
    text.split_at(text.iter().position(|b| ends.contains(b)).unwrap_or(text.len()))
}

/// The length of the value without quotes at the beginning of `text`.
fn plain_len(text: &[u8]) -> usize {
    let end = memchr::memchr3(b';', b'"', b' ', text).unwrap_or(text.len());
    memchr::memchr(b'\t', &text[..end]).unwrap_or(end)
}

/// Nearly every value is UTF-8, and that is found out faster than what to replace.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The length of the quoted value at the beginning of `text`; `None` if its second quote is missing.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn after_semicolon(text: &[u8]) -> &[u8] {
    memchr::memchr(b';', text).map_or(&[], |at| &text[at + 1..])
}

/// Undoes `\"`, `\\` and three octal digits, in one pass.
fn unescape(mut rest: &[u8]) -> String {
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        match (b, after) {
            (b'\\', [a @ b'0'..=b'3', c @ b'0'..=b'7', d @ b'0'..=b'7', after @ ..]) => {
                out.push((a - b'0') << 6 | (c - b'0') << 3 | (d - b'0'));
                rest = after;
            }
            (b'\\', [c, after @ ..]) => {
                out.push(*c);
                rest = after;
            }
            _ => out.push(b),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(field: &[u8]) -> Vec<(String, String)> {
        parse(field).map(|pair| (pair.name().into_owned(), pair.value().into_owned())).collect()
    }

    /// The right column is what Werkzeug 3.1.9 reads; only the last three rows are bytes that it cannot decode at all.
    #[test]
    fn a_pair_that_is_not_well_formed_leaves_the_others_alone() {
        type Row<'a> = (&'a [u8], &'a [(&'a str, &'a str)]);
        let rows: [Row<'_>; 26] = [
            (b"a=1; b; =__Host-x=bad; a=2", &[("a", "1"), ("b", ""), ("a", "2")]),
            (b"a=\"x; b=2", &[("b", "2")]),
            (b"a=\"x\"; b=2", &[("a", "x"), ("b", "2")]),
            (b"a=1 2; b=3", &[("b", "3")]),
            (b"a b=1; c=2", &[("c", "2")]),
            (b"a=\"x\\\"y\"; b=2", &[("a", "x\"y"), ("b", "2")]),
            (b"a=x\"y; b=2", &[("b", "2")]),
            (b"a=\"x\"y; b=1", &[("b", "1")]),
            (b"a=\\x; b=1", &[("a", "\\x"), ("b", "1")]),
            (b" a = 1 ; b\t=\t2\t", &[("a", "1"), ("b", "2")]),
            (b"\"a\"=1; b=2", &[("b", "2")]),
            (b"a=1,b=2; c=3", &[("a", "1,b=2"), ("c", "3")]),
            (b"a=\"1,2;3\"; c=3", &[("a", "1,2;3"), ("c", "3")]),
            (b"a=\"\\303\\251\\073\"", &[("a", "\u{e9};")]),
            (b"a=\"x\\\";b=1", &[("b", "1")]),
            (b";;a=1;;", &[("a", "1")]),
            (b"a=b=c", &[("a", "b=c")]),
            (b"a=\"\\400\\08\"", &[("a", "40008")]),
            (b"a=\"\"", &[("a", "")]),
            (b"a=\"", &[]),
            (b"a=\"x\\", &[]),
            (b"", &[]),
            ("a=\u{e9}; \u{e9}=1; c=\"\u{e9}\"".as_bytes(), &[("a", "\u{e9}"), ("\u{e9}", "1"), ("c", "\u{e9}")]),
            (b"a=\xe9; b=1", &[("a", "\u{fffd}"), ("b", "1")]),
            (b"\xe9=1; b=1", &[("\u{fffd}", "1"), ("b", "1")]),
            (b"a=\"\xe9\\\\\"; b=1", &[("a", "\u{fffd}\\"), ("b", "1")]),
        ];
        for (field, expected) in rows {
            let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(pairs(field), expected, "{}", String::from_utf8_lossy(field));
        }
    }
}
