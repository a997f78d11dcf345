//! Server-sent events as text (HTML §9.2).

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::base::error::{Error, Result};
use crate::http::body::BodySender;
use crate::http::json;

/// One event of an [`EventStream`](crate::helpers::EventStream).
///
/// ```
/// use std::time::Duration;
///
/// use hipflask::helpers::Event;
///
/// let event = Event::new("two\nlines").event("note").id("7").retry(Duration::from_secs(3));
/// assert_eq!(event.to_string(), "event: note\nid: 7\nretry: 3000\ndata: two\ndata: lines\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    comment: Option<String>,
    event: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

impl Event {
    /// An event with `data`, which may have several lines. A page is given it as a `message`, unless it has
    /// [another name](Event::event).
    pub fn new(data: impl Into<String>) -> Event {
        Event { data: Some(data.into()), ..Event::default() }
    }

    /// An event whose data is `value` as JSON: `JSON.parse(event.data)` in the page.
    ///
    /// # Errors
    ///
    /// If JSON cannot hold the value.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Event> {
        let data = String::from_utf8(json::dumps(value)?)?;
        Ok(Event::new(data.trim_end()))
    }

    /// Something that a page does not see: a comment. With [`id`](Event::id) or [`retry`](Event::retry) it tells the
    /// browser these alone.
    pub fn comment(text: impl Into<String>) -> Event {
        Event { comment: Some(text.into()), ..Event::default() }
    }

    /// Its name: pages listen to it with `addEventListener("name", …)`.
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Event {
        self.event = Some(name.into());
        self
    }

    /// Its id. A browser that has lost the connection sends the last one
    /// ([`last_event_id`](crate::http::Request::last_event_id)) when it connects again.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Event {
        self.id = Some(id.into());
        self
    }

    /// After what time the browser is to connect again once it has lost the connection.
    #[must_use]
    pub fn retry(mut self, time: Duration) -> Event {
        self.retry = Some(time);
        self
    }

    /// What would end a field where it must not end, so that one event cannot become two.
    fn check(&self) -> Result<()> {
        for (field, value) in [("name", &self.event), ("id", &self.id)] {
            if value.as_ref().is_some_and(|value| value.contains(['\r', '\n', '\0'])) {
                return Err(Error::msg(format!("the {field} of an event contains a line break or a NUL")));
            }
        }
        Ok(())
    }
}

impl From<&str> for Event {
    fn from(data: &str) -> Event {
        Event::new(data)
    }
}

impl From<String> for Event {
    fn from(data: String) -> Event {
        Event::new(data)
    }
}

/// As it is sent.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.comment.iter().flat_map(|text| lines(text)) {
            writeln!(f, ": {line}")?;
        }
        if let Some(name) = &self.event {
            writeln!(f, "event: {name}")?;
        }
        if let Some(id) = &self.id {
            writeln!(f, "id: {id}")?;
        }
        if let Some(time) = self.retry {
            writeln!(f, "retry: {}", time.as_millis())?;
        }
        for line in self.data.iter().flat_map(|text| lines(text)) {
            writeln!(f, "data: {line}")?;
        }
        f.write_str("\n")
    }
}

/// A line ends with CR LF, LF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The writing end of an [`EventStream`](crate::helpers::EventStream), for its producer.
#[derive(Debug)]
pub struct EventSender(BodySender);

impl EventSender {
    /// Writes events to a body: that of a [stream with the context](crate::Context::stream_with_context).
    pub fn new(out: BodySender) -> EventSender {
        EventSender(out)
    }

    /// Sends an event, or a text as one, once the client has accepted what came before.
    ///
    /// # Errors
    ///
    /// If the client has gone; let `?` end the producer. If the name or the id of the event contains a line break.
    pub async fn send(&mut self, event: impl Into<Event>) -> Result<()> {
        let event: Event = event.into();
        event.check()?;
        self.0.send(event.to_string()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_break_ends_a_line_of_data() {
        for (data, sent) in [
            ("", "data: \n\n"),
            ("a", "data: a\n\n"),
            (" a", "data:  a\n\n"),
            ("a\nb\r\nc\rd", "data: a\ndata: b\ndata: c\ndata: d\n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("a\r\rb", "data: a\ndata: \ndata: b\n\n"),
            ("a\n\nid: 1", "data: a\ndata: \ndata: id: 1\n\n"),
        ] {
            assert_eq!(Event::new(data).to_string(), sent, "{data:?}");
        }
        assert_eq!(Event::comment("a\nb").id("1").to_string(), ": a\n: b\nid: 1\n\n");
        assert_eq!(Event::json(&["a\nb"]).expect("JSON").to_string(), "data: [\"a\\nb\"]\n\n");
    }

    #[test]
    fn a_field_cannot_become_two() {
        assert!(Event::new("").event("a b").id("é").check().is_ok());
        for text in ["a\nb", "a\rb", "a\0b"] {
            assert!(Event::new("").event(text).check().is_err() && Event::new("").id(text).check().is_err());
        }
    }
}
