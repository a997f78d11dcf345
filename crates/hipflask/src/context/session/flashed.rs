//! A flashed message.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::base::html::{Html, ToHtml};
use crate::signing::tagged_json::read;

/// A flashed message: a text, or HTML, which a template does not escape.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[get("/")]
/// async fn index(session: Session) -> Template {
///     session.flash("1 < 2");
///     session.flash(html!("<a href=/undo>undo</a>"));
///     Template::from_string("{{ get_flashed_messages()|join(' ') }}")
/// }
///
/// let client = App::new("doc", ".").routes(routes![index]).test_client();
/// assert_eq!(client.get("/").send_blocking().text(), "1 &lt; 2 <a href=/undo>undo</a>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlashedMessage {
    /// Text.
    Text(String),
    /// HTML that is safe.
    Markup(Html),
}

impl FlashedMessage {
    /// The text, or the HTML.
    pub fn as_str(&self) -> &str {
        match self {
            FlashedMessage::Text(text) => text,
            FlashedMessage::Markup(html) => html.as_str(),
        }
    }

    /// What Flask has flashed may be any value; what is no text is shown as JSON.
    pub(super) fn of(value: &Value) -> FlashedMessage {
        match value {
            Value::String(text) => FlashedMessage::Text(text.clone()),
            Value::Object(map) if let Some(Value::String(html)) = map.get(" m") => {
                FlashedMessage::Markup(Html::new(html.as_str()))
            }
            other => FlashedMessage::Text(read::<Value>(other).unwrap_or_default().to_string()),
        }
    }
}

impl Deref for FlashedMessage {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<T: AsRef<str> + ?Sized> PartialEq<T> for FlashedMessage {
    fn eq(&self, other: &T) -> bool {
        self.as_str() == other.as_ref()
    }
}

impl Serialize for FlashedMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FlashedMessage::Text(text) => text.serialize(serializer),
            FlashedMessage::Markup(html) => html.serialize(serializer),
        }
    }
}

#[diagnostic::do_not_recommend]
impl ToHtml for FlashedMessage {
    fn to_html(&self, out: &mut String) {
        match self {
            FlashedMessage::Text(text) => text.to_html(out),
            FlashedMessage::Markup(html) => html.to_html(out),
        }
    }
}

impl From<Html> for FlashedMessage {
    fn from(html: Html) -> FlashedMessage {
        FlashedMessage::Markup(html)
    }
}

macro_rules! texts {
    ($($text:ty),*) => {
        $(impl From<$text> for FlashedMessage {
            fn from(text: $text) -> FlashedMessage {
                FlashedMessage::Text(text.into())
            }
        })*
    };
}

texts!(&str, &String, String, Box<str>, Cow<'_, str>, char);
