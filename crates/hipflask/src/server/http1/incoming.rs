//! The body of a request, from the reader's side.

use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::decoder::{Decoder, Next};
use super::{Exchange, lock};

/// Reads the connection up to the end of the body, and nothing after its own request.
pub(super) struct Incoming {
    exchange: Weak<Mutex<Exchange>>,
    serial: u64,
}

/// The body is malformed, or the client has gone.
#[derive(Debug)]
pub(super) struct Broken;

impl Incoming {
    pub(super) fn new(exchange: &Arc<Mutex<Exchange>>, serial: u64) -> Incoming {
        Incoming { exchange: Arc::downgrade(exchange), serial }
    }

    /// Calls `f` with the exchange that this body belongs to, unless it is over.
    fn with<T>(&self, f: impl FnOnce(&mut Exchange) -> T) -> Option<T> {
        let exchange = self.exchange.upgrade()?;
        let mut exchange = lock(&exchange);
        (exchange.serial == self.serial).then(|| f(&mut exchange))
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = self.with(|exchange| exchange.poll_body(cx)).unwrap_or(Poll::Ready(Some(Err(Broken))));
        polled.map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|exchange| exchange.decoder.is_at_end()).unwrap_or(false)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.with(|exchange| exchange.decoder.left()).flatten();
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.with(|exchange| exchange.is_read = false);
    }
}

impl Exchange {
    /// Tells a client that keeps its body back that somebody reads it. Once the head of an answer is written it would
    /// be taken for a part of that answer, so then is the last moment (RFC 9110 §10.1.1).
    pub(super) fn ask_for_body(&mut self) {
        if self.is_read && std::mem::take(&mut self.expects_continue) {
            self.wire.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            match self.decoder.next(&mut self.wire.input) {
                Ok(Next::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Next::End) => return Poll::Ready(None),
                Ok(Next::More) => {}
                Err(_) => return Poll::Ready(Some(Err(Broken))),
            }
            self.ask_for_body();
            if let Poll::Ready(Err(_)) = self.wire.poll_flush(cx) {
                return Poll::Ready(Some(Err(self.break_off())));
            }
            match ready!(self.wire.poll_read_body(cx, self.decoder.left())) {
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(self.break_off()))),
                Ok(_) => {}
            }
        }
    }

    fn break_off(&mut self) -> Broken {
        self.decoder = Decoder::Malformed;
        Broken
    }
}
