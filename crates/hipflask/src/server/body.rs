//! Bodies on the wire: a request's with its time-outs, a response's with what happens at its end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::body::Body;
use crate::server::service::Finished;
use crate::{Error, HttpError};

/// After the first idle time-out's worth of seconds a body must have come at this many bytes a second.
const SLOWEST: u64 = 240;

/// A request's body: it must keep coming, and not only drop by drop.
pub(super) struct Received {
    body: Incoming,
    idle: Duration,
    began: Instant,
    bytes: u64,
    /// Made only when the body lets its reader wait.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Received {
    pub(super) fn new(body: Incoming, idle: Duration) -> Received {
        Received { body, idle, began: Instant::now(), bytes: 0, timer: None }
    }

    /// Until when the next bytes must be there.
    fn deadline(&self) -> Instant {
        let at_slowest = Duration::from_secs(self.bytes / SLOWEST);
        (Instant::now() + self.idle).min(self.began + self.idle + at_slowest)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.is_none() {
            self.timer = Some(Box::pin(sleep_until(self.deadline())));
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                self.poll_timer(cx).map(|()| Some(Err(HttpError::new(408).header("connection", "close").into())))
            }
            Poll::Ready(frame) => {
                self.timer = None;
                if let Some(Ok(frame)) = &frame {
                    self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                // A body that broke off must never look like one that ended.
                let broken =
                    |_| HttpError::new(400).description("The body of the request is malformed or was cut off.").into();
                Poll::Ready(frame.map(|frame| frame.map_err(broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body; when it has ended, or is dropped before, the request is over.
pub(super) struct Sent {
    body: Body,
    finished: Option<Finished>,
    bytes: u64,
}

impl Sent {
    pub(super) fn new(body: Body, finished: Finished) -> Sent {
        Sent { body, finished: Some(finished), bytes: 0 }
    }

    fn end(&mut self, complete: bool) {
        if let Some(finished) = self.finished.take() {
            finished.end(complete.then_some(self.bytes));
        }
    }
}

/// The producer of a body failed; hyper breaks the connection off.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body of the response broke off")
    }
}

impl std::error::Error for BrokenOff {}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else { return Poll::Pending };
        match &frame {
            Some(Ok(frame)) => {
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.body.is_end_stream() {
                    self.end(true);
                }
            }
            Some(Err(error)) => {
                tracing::error!("the body of a response broke off: {error:?}");
                self.end(false);
            }
            None => self.end(true),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|_| BrokenOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        // An empty body is never polled.
        let complete = self.body.is_end_stream();
        self.end(complete);
    }
}
