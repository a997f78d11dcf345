//! Responses that a test reads piece by piece.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::context::parted::Parted;
use crate::http::body::Body;
use crate::testing::observed::Observed;
use crate::testing::response::TestResponse;

/// A response whose body is still to come. If it is dropped before its end, the application sees a client that has
/// gone.
///
/// ```
/// use hipflask::http::Body;
/// use hipflask::prelude::*;
///
/// #[get("/count")]
/// async fn count() -> Response {
///     Response::new(Body::stream(|mut sender| async move {
///         for number in 1.. {
///             sender.send(format!("{number}\n")).await?;
///         }
///         Ok(())
///     }))
/// }
///
/// # hipflask::block_on(async {
/// let client = App::new("doc", ".").routes(routes![count]).test_client();
/// let mut stream = client.get("/count").stream().await;
/// assert_eq!(stream.status(), 200);
/// assert_eq!(stream.next().await.as_deref(), Some(&b"1\n"[..]));
/// assert_eq!(stream.next().await.as_deref(), Some(&b"2\n"[..]));
/// drop(stream); // the client goes, and the counting ends
/// # });
/// ```
#[derive(Debug)]
pub struct TestStream {
    head: TestResponse,
    body: Body,
    is_ended: bool,
    events: Events,
    observed: Observed,
    /// What of the request goes on.
    unfinished: Parted,
}

impl TestStream {
    pub(super) fn new(head: TestResponse, body: Body, observed: Observed, unfinished: Parted) -> TestStream {
        TestStream { head, body, is_ended: false, events: Events::default(), observed, unfinished }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.head.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The text of the header `name`, if the response has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Waits for the next piece of the body; nothing at its end.
    pub async fn next(&mut self) -> Option<Bytes> {
        if self.is_ended {
            return None;
        }
        match self.body.chunk().await {
            Some(Ok(chunk)) => Some(chunk),
            Some(Err(error)) => {
                self.head.body_error = Some(error.to_string());
                self.is_ended = true;
                None
            }
            None => {
                self.is_ended = true;
                None
            }
        }
    }

    /// Whether the end of the body has been read.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Why the body was interrupted, if it was.
    pub fn body_error(&self) -> Option<&str> {
        self.head.body_error()
    }

    /// Reads what is left of the body, and waits for the work after it.
    pub async fn rest(mut self) -> TestResponse {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await {
            body.extend_from_slice(&chunk);
        }
        drop(self.body);
        // What a test looks at has happened: `on_finished` functions, and the work after the response.
        self.unfinished.gone().await;
        TestResponse { body: body.into(), ..self.head.with(self.observed.take()) }
    }

    /// Waits for the next event of a stream of server-sent events; nothing at its end.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/")]
    /// async fn events() -> ([(&'static str, &'static str); 1], &'static str) {
    ///     ([("content-type", "text/event-stream")], ": hello\n\nid: 7\nevent: note\ndata: one\ndata: two\n\ndata: half")
    /// }
    ///
    /// # hipflask::block_on(async {
    /// let client = App::new("doc", ".").routes(routes![events]).test_client();
    /// let mut stream = client.get("/").stream().await;
    /// let event = stream.next_event().await.unwrap();
    /// assert_eq!((event.event(), event.data(), event.id()), ("note", "one\ntwo", Some("7")));
    /// assert!(stream.next_event().await.is_none()); // half an event is none
    /// # });
    /// ```
    pub async fn next_event(&mut self) -> Option<TestEvent> {
        loop {
            if let Some(event) = self.events.ready.pop_front() {
                return Some(event);
            }
            let chunk = self.next().await?;
            self.events.read(&chunk);
        }
    }
}

/// An event of a stream of server-sent events, as a browser reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestEvent {
    event: String,
    data: String,
    id: Option<String>,
    retry: Option<u64>,
}

impl TestEvent {
    /// Its type: `message` unless the server says otherwise.
    pub fn event(&self) -> &str {
        if self.event.is_empty() { "message" } else { &self.event }
    }

    /// Its text.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The id that a browser sends when it connects again: this event's, or that of one before.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// After how many milliseconds a browser connects again, if the event says so.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }
}

/// The parser of a stream of events. HTML §9.2.6.
#[derive(Debug, Default)]
struct Events {
    /// What has come of a line.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed belongs to it.
    was_return: bool,
    is_begun: bool,
    event: TestEvent,
    has_data: bool,
    ready: VecDeque<TestEvent>,
}

impl Events {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (byte, std::mem::replace(&mut self.was_return, *byte == b'\r')) {
                (b'\n', true) => {}
                (b'\n' | b'\r', _) => {
                    let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                    let is_first = !std::mem::replace(&mut self.is_begun, true);
                    self.take(if is_first { line.trim_start_matches('\u{feff}') } else { &line });
                }
                (byte, _) => self.line.push(*byte),
            }
        }
    }

    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => self.end(),
            "event" => value.clone_into(&mut self.event.event),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" => self.event.retry = value.parse().ok(),
            _ => {} // A comment, or a field that there is not.
        }
    }

    fn end(&mut self) {
        let id = self.event.id.clone();
        let event = std::mem::replace(&mut self.event, TestEvent { id, ..TestEvent::default() });
        if std::mem::take(&mut self.has_data) {
            self.ready.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_a_browser_reads_them() {
        let text = "\u{feff}data: a\r\n\r\ndata:b\rdata\rdata:  c\r\rid: 1\nevent: x\n\nretry: 50\nnonsense\ndata: d\n\n: no\n\ndata: e";
        for size in [1, 3, text.len()] {
            let mut events = Events::default();
            text.as_bytes().chunks(size).for_each(|chunk| events.read(chunk));
            let found: Vec<_> = events.ready.iter().map(|e| (e.event(), e.data(), e.id(), e.retry())).collect();
            let expected = [
                ("message", "a", None, None),
                ("message", "b\n\n c", None, None),
                ("message", "d", Some("1"), Some(50)),
            ];
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
