//! A connection that changes its protocol (RFC 9110 §7.8).

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::base::error::Result;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection that from now on speaks a protocol other than HTTP: what [`Response::upgrade`] passes to its
/// function.
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
        Upgraded { ahead, stream: Box::new(stream), _place: place, stopping: Box::new(stopping) }
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
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
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
