//! The body of a request, from the reader's side.

use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::exchange::{Broken, Exchange, lock};

/// Reads the connection up to the end of the body, and nothing after its own request.
pub(super) struct Incoming {
    exchange: Weak<Mutex<Exchange>>,
    serial: u64,
}

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
