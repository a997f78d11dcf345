//! Messages.

use bytes::Bytes;
use hipflask::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A message: a text, or bytes.
///
/// ```
/// use hipflask_websocket::Message;
///
/// let message = Message::from("hello");
/// assert_eq!(message.as_text(), Some("hello"));
/// assert_eq!(Message::json(&[1, 2])?, Message::from("[1,2]"));
/// # Ok::<(), hipflask::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text, which is UTF-8.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// A text with `value` as JSON.
    ///
    /// # Errors
    ///
    /// If JSON cannot hold the value.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Message> {
        match serde_json::to_string(value) {
            Ok(text) => Ok(Message::Text(text)),
            Err(error) => Err(Error::msg(format!("the message cannot be written as JSON: {error}"))),
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// The bytes, those of a text included.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// The value that the message is in JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or not a `T`.
    #[track_caller]
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(self.as_bytes())
            .map_err(|error| Error::msg(format!("the message is not the JSON that was expected: {error}")))
    }

    pub(crate) fn len(&self) -> usize {
        self.as_bytes().len()
    }
}

macro_rules! message_from {
    ($($source:ty => $kind:ident),*) => {
        $(impl From<$source> for Message {
            fn from(content: $source) -> Message {
                Message::$kind(content.into())
            }
        })*
    };
}

message_from!(&str => Text, String => Text, Bytes => Binary, Vec<u8> => Binary, &'static [u8] => Binary);
