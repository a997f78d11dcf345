//! The body of a request, as its reader has it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::exchange::{Exchange, lock};

/// Reads the connection as far as the body goes; after its own request it reads nothing.
pub(super) struct Incoming {
    exchange: Weak<Mutex<Exchange>>,
    serial: u64,
}

/// The body is malformed, or its client is gone.
#[derive(Debug)]
pub(super) struct Broken;

impl Incoming {
    pub(super) fn new(exchange: &Arc<Mutex<Exchange>>, serial: u64) -> Incoming {
        Incoming { exchange: Arc::downgrade(exchange), serial }
    }

    /// Does something with the exchange that this is the body of, if it is not over.
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
