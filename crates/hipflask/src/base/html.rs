//! HTML text that is known to be safe: Jinja's `Markup`.

use std::fmt::{self, Write};

use serde::{Serialize, Serializer};

/// HTML that may be sent as it is: written by [`html!`](crate::html), which escapes what it interpolates,
/// or by a template. In a template it is not escaped again. MarkupSafe's `Markup`.
///
/// ```
/// use hipflask::{html, Html};
///
/// let name = "<script>";
/// assert_eq!(html!("<h1>Hello, {name}!</h1>").as_str(), "<h1>Hello, &lt;script&gt;!</h1>");
/// let item = html!("<li>{}</li>", 1 + 1);
/// assert_eq!(html!("<ul>{item}</ul>").as_str(), "<ul><li>2</li></ul>");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// The name under which it is serialized: by it a template engine knows that the text is safe.
    pub const SERDE_NAME: &'static str = "$hipflask::Html";

    /// Declares `html` safe. User input is not safe: use [`Html::escape`] or [`html!`](crate::html).
    pub fn new(html: impl Into<String>) -> Html {
        Html(html.into())
    }

    /// `text` with the five characters escaped that have a meaning in HTML: `& < > " '`.
    pub fn escape(text: impl AsRef<str>) -> Html {
        let mut out = String::with_capacity(text.as_ref().len());
        escape_into(&mut out, text.as_ref());
        Html(out)
    }

    /// Writes `text` to `out`, escaped like [`Html::escape`]: for a template engine, which need not make a string of it.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_escaped<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
        write_escaped(out, text)
    }

    /// The HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The HTML, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Serialize for Html {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Html::SERDE_NAME, &self.0)
    }
}

/// Appends `text`, escaped exactly as MarkupSafe escapes it.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    let _ = write_escaped(out, text);
}

/// Writes `text`, escaped exactly as MarkupSafe escapes it: in few pieces, because each one is a virtual call for
/// the output of a template.
fn write_escaped<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    let mut rest = text;
    while !rest.is_empty() {
        let (block, after) = rest.split_at(rest.floor_char_boundary(BLOCK));
        if is_plain(block) {
            out.write_str(block)?;
        } else {
            out.write_str(escape_block(block, &mut [0; ESCAPED_BLOCK]))?;
        }
        rest = after;
    }
    Ok(())
}

/// Whether `text` is known to need no escaping; for a few bytes it is cheaper to escape them than to look.
fn is_plain(text: &str) -> bool {
    let text = text.as_bytes();
    text.len() >= 16
        && memchr::memchr3(b'<', b'>', b'&', text).is_none()
        && memchr::memchr2(b'"', b'\'', text).is_none()
}

/// How much is escaped at a time, and the room that it may need: the longest entity has five characters, and each
/// is copied together with its padding in [`ESCAPES`].
const BLOCK: usize = 64;
const ESCAPED_BLOCK: usize = 5 * BLOCK + 8;

/// The replacement for each byte; the last of the eight says how many of the others count. So text full of quotes
/// and tags is copied without a branch and a piece for each of them.
static ESCAPES: [[u8; 8]; 256] = {
    let mut escapes = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        escapes[byte] = match byte as u8 {
            b'&' => *b"&amp;\0\0\x05",
            b'<' => *b"&lt;\0\0\0\x04",
            b'>' => *b"&gt;\0\0\0\x04",
            b'"' => *b"&#34;\0\0\x05",
            b'\'' => *b"&#39;\0\0\x05",
            other => [other, 0, 0, 0, 0, 0, 0, 1],
        };
        byte += 1;
    }
    escapes
};

fn escape_block<'a>(block: &str, out: &'a mut [u8; ESCAPED_BLOCK]) -> &'a str {
    let mut end = 0;
    for byte in block.bytes() {
        let escape = &ESCAPES[usize::from(byte)];
        out[end..end + 8].copy_from_slice(escape);
        end += usize::from(escape[7]);
    }
    std::str::from_utf8(&out[..end]).unwrap_or_default()
}

/// A value that [`html!`](crate::html) can insert: anything with a `Display`, escaped, and [`Html`] as it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used in `html!`",
    label = "this has no `Display` and is not `Html`",
    note = "give it a `Display`, or build its HTML with `html!` first; for a list or an `Option` there are templates"
)]
pub trait ToHtml {
    /// Appends the value to `out`.
    fn to_html(&self, out: &mut String);
}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + ?Sized> ToHtml for T {
    fn to_html(&self, out: &mut String) {
        let _ = write!(Escaping(out), "{self}");
    }
}

#[diagnostic::do_not_recommend]
impl ToHtml for Html {
    fn to_html(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

#[diagnostic::do_not_recommend]
impl ToHtml for &Html {
    fn to_html(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape_into(self.0, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_five_characters_are_escaped() {
        assert_eq!(Html::escape("a&b<c>d\"e'f/g=h`é").as_str(), "a&amp;b&lt;c&gt;d&#34;e&#39;f/g=h`é");
        assert_eq!(Html::escape("").as_str(), "");
    }

    #[test]
    fn text_of_any_length_is_escaped_alike() {
        for length in 0..3 * BLOCK {
            for unit in ["<", "\"", "é", "a'€", "plain"] {
                let text = unit.repeat(length);
                let expected = text.replace('<', "&lt;").replace('"', "&#34;").replace('\'', "&#39;");
                assert_eq!(Html::escape(&text).as_str(), expected);
            }
        }
    }
}
