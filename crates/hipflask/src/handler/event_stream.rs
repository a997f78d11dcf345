//! Server-sent events: a response that goes on, event by event (HTML §9.2).

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep, sleep};

use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::handler::respond::Respond;
use crate::handler::{Answer, BoxFuture};
use crate::http::body::Body;
use crate::http::event::EventSender;
use crate::http::response::Response;

/// Proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A response of events that a page gets while they happen, with `new EventSource("/ticks")`. Clients and proxies are told
/// not to keep it, and nginx not to buffer it.
///
/// While its producer is silent a comment is sent every 15 seconds, which keeps the connection open. It ends when the
/// producer does, when the client leaves, and when the server begins to stop; the producer is dropped then. A browser
/// connects again after each of these except its own leaving, and says which event was its
/// [last](crate::http::Request::last_event_id).
///
/// ```
/// use hipflask::helpers::{Event, EventStream};
/// use hipflask::prelude::*;
///
/// #[get("/ticks")]
/// async fn ticks(ctx: &mut Context) -> EventStream {
///     let last: u32 = ctx.request().last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
///     EventStream::new(async move |mut out| {
///         for n in last + 1..=3 {
///             out.send(Event::new(format!("tick {n}")).id(n.to_string())).await?;
///         }
///         Ok(())
///     })
/// }
///
/// let client = App::new("doc", ".").routes(routes![ticks]).test_client();
/// let response = client.get("/ticks").header("last-event-id", "2").send_blocking();
/// assert_eq!(response.header("content-type"), Some("text/event-stream"));
/// assert_eq!(response.text(), "id: 3\ndata: tick 3\n\n");
/// ```
#[derive(Debug)]
#[must_use = "an `EventStream` does nothing until it is returned"]
pub struct EventStream {
    body: Body,
    keep_alive: Duration,
}

impl EventStream {
    /// The events that `producer` sends. It runs after the view has returned, as that of [`Body::stream`] does.
    pub fn new<F, Fut>(producer: F) -> EventStream
    where
        F: FnOnce(EventSender) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        EventStream::from_body(Body::stream(|out| producer(EventSender::new(out))))
    }

    /// The events that the producer of `body` writes, with an [`EventSender`] for instance: for one that has the context.
    ///
    /// ```
    /// use hipflask::helpers::{EventSender, EventStream};
    /// use hipflask::prelude::*;
    ///
    /// #[get("/hello")]
    /// async fn hello(ctx: &mut Context) -> EventStream {
    ///     EventStream::from_body(ctx.stream_with_context(async |ctx, out| {
    ///         EventSender::new(out).send(format!("from {}", ctx.app().name())).await
    ///     }))
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![hello]).test_client();
    /// assert_eq!(client.get("/hello").send_blocking().text(), "data: from doc\n\n");
    /// ```
    pub fn from_body(body: Body) -> EventStream {
        EventStream { body, keep_alive: KEEP_ALIVE }
    }

    /// Sends a comment when the producer has been silent for this long.
    pub fn keep_alive(mut self, every: Duration) -> EventStream {
        self.keep_alive = every;
        self
    }
}

#[diagnostic::do_not_recommend]
impl Respond for EventStream {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let stopping = Box::pin(ctx.app().stopping());
        let body = Events { body: self.body, every: self.keep_alive, silence: None, stopping };
        let mut response = Response::new(Body::wrap(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        Answer::Ready(Ok(response))
    }
}

/// A body that is never silent for long, and ends when the server stops.
struct Events {
    body: Body,
    every: Duration,
    /// Made when there is nothing to send.
    silence: Option<Pin<Box<Sleep>>>,
    stopping: BoxFuture<'static, ()>,
}

impl Events {
    /// Waits until the producer has been silent for too long.
    fn poll_silence(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let every = self.every;
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(every)));
        ready!(silence.as_mut().poll(cx));
        silence.as_mut().reset(Instant::now() + every);
        Poll::Ready(())
    }
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.stopping.as_mut().poll(cx).is_ready() {
            self.body = Body::empty();
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let every = self.every;
            if let Some(silence) = &mut self.silence {
                silence.as_mut().reset(Instant::now() + every);
            }
            return Poll::Ready(frame);
        }
        self.poll_silence(cx).map(|()| Some(Ok(Frame::data(Bytes::from_static(b":\n\n")))))
    }
}
