//! A connection that changes its protocol (RFC 9110 §7.8).

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::base::error::Result;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection that from now on speaks a protocol other than HTTP, or a stream of an HTTP/2 connection that does: what
/// [`Response::upgrade`] passes to its function.
///
/// It is read and written with tokio's [`AsyncRead`] and [`AsyncWrite`], because implementations of protocols take
/// these. Whatever the client sent after its request comes first. The server's time-outs no longer apply to it,
/// only TCP's keep-alive. It counts as a connection until it is dropped.
///
/// [`Response::upgrade`]: crate::Response::upgrade
pub struct Upgraded {
    /// What was read with the request and belongs to the new protocol.
    ahead: Bytes,
    stream: Box<dyn Duplex>,
    written: Written,
    /// Its place among the server's connections.
    _place: Arc<dyn Any + Send + Sync>,
    stopping: Box<dyn Fn() -> BoxFuture<()> + Send + Sync>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

impl Upgraded {
    pub(crate) fn new(
        ahead: Bytes,
        stream: impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
        place: Arc<dyn Any + Send + Sync>,
        stopping: impl Fn() -> BoxFuture<()> + Send + Sync + 'static,
    ) -> Upgraded {
        let (stream, written, stopping) = (Box::new(stream), Written::default(), Box::new(stopping));
        Upgraded { ahead, stream, written, _place: place, stopping }
    }

    /// Both ends of a connection within this process, which no server stops.
    pub(crate) fn in_memory() -> (Upgraded, Upgraded) {
        const ROOM: usize = 64 * 1024;
        let (here, there) = tokio::io::duplex(ROOM);
        let end = |stream| Upgraded::new(Bytes::new(), stream, Arc::new(()), || Box::pin(std::future::pending()));
        (end(here), end(there))
    }

    /// The count of what is written, which outlives it.
    pub(crate) fn written(&self) -> Written {
        self.written.clone()
    }

    /// Waits until the server begins to stop: the time to say goodbye. A connection that has not ended
    /// `SERVER_GRACEFUL_TIMEOUT` later is aborted.
    ///
    /// The future does not borrow the connection, so it can be awaited while the connection is read.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        (self.stopping)()
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("ahead", &self.ahead.len()).finish_non_exhaustive()
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let len = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..len]);
        self.ahead.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.written.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How many bytes were written to an upgraded connection.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<AtomicU64>);

impl Written {
    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(len)) = written {
            self.0.fetch_add(len as u64, Relaxed);
        }
        written
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What a response does with its connection once the client knows that the protocol changes.
pub(crate) struct Upgrade(Box<dyn FnOnce(Upgraded) -> BoxFuture<Result<()>> + Send>);

impl Upgrade {
    pub(crate) fn new<F, Fut>(protocol: F) -> Upgrade
    where
        F: FnOnce(Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Upgrade(Box::new(|connection| Box::pin(protocol(connection))))
    }

    /// Speaks the new protocol to its end.
    pub(crate) async fn run(self, connection: Upgraded) -> Result<()> {
        (self.0)(connection).await
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}

/// An [`Upgrade`] among the extensions of a response, where it passes through what stands around the view, tower's layers
/// included. There is one; a copy of the extensions does not copy it.
#[derive(Clone, Debug)]
pub(crate) struct Upgrading(Arc<Mutex<Option<Upgrade>>>);

impl Upgrading {
    pub(crate) fn new(upgrade: Upgrade) -> Upgrading {
        Upgrading(Arc::new(Mutex::new(Some(upgrade))))
    }

    pub(crate) fn take(&self) -> Option<Upgrade> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
