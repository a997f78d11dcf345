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
    /// Takes `html` as safe. What a user typed is not: use [`Html::escape`] or [`html!`](crate::html).
    pub fn new(html: impl Into<String>) -> Html {
        Html(html.into())
    }

    /// `text` with the five characters escaped that HTML gives a meaning: `& < > " '`.
    pub fn escape(text: impl AsRef<str>) -> Html {
        let mut out = String::with_capacity(text.as_ref().len());
        escape_into(&mut out, text.as_ref());
        Html(out)
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

/// The name by which a template knows that a serialized string is safe.
pub(crate) const HTML_MARKER: &str = "$hipflask::Html";

impl Serialize for Html {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(HTML_MARKER, &self.0)
    }
}

/// Appends `text`, escaped exactly as MarkupSafe escapes it.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    let _ = write_escaped(out, text);
}

/// Writes `text`, escaped exactly as MarkupSafe escapes it.
pub(crate) fn write_escaped<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    let mut done = 0;
    for (at, b) in text.bytes().enumerate() {
        // One comparison passes nearly every byte: all five lie between `"` and `>`.
        if !(b'"'..=b'>').contains(&b) {
            continue;
        }
        let entity = match b {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&#34;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.write_str(&text[done..at])?;
        out.write_str(entity)?;
        done = at + 1;
    }
    out.write_str(&text[done..])
}

/// What [`html!`](crate::html) can interpolate: everything with a `Display`, escaped, and [`Html`] as it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in `html!`",
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
}
