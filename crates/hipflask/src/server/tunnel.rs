//! Tunnels: streams of an HTTP/2 connection that speak another protocol (RFC 8441).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use http::header::HeaderValue;
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, watch as channel};

use crate::http::upgrade::Upgrade;
use crate::server::finished::Finished;
use crate::server::phase::Phase;
use crate::server::upgrade;

/// A tunnel that a client asks for.
pub(super) struct Tunnel {
    protocol: Protocol,
    /// The protocol as an `Upgrade` field would offer it.
    offered: HeaderValue,
    opened: OnUpgrade,
}

impl Tunnel {
    /// The tunnel that a request asks for: an extended CONNECT.
    pub(super) fn asked_for(head: &mut http::request::Parts) -> Option<Tunnel> {
        if head.method != Method::CONNECT {
            return None;
        }
        let protocol = head.extensions.remove::<Protocol>()?;
        let offered = HeaderValue::from_str(protocol.as_str()).ok()?;
        Some(Tunnel { protocol, offered, opened: head.extensions.remove::<OnUpgrade>()? })
    }

    pub(super) fn protocol(&self) -> &str {
        self.protocol.as_str()
    }

    pub(super) fn offered(&self) -> &HeaderValue {
        &self.offered
    }

    /// Speaks the new protocol, once the answer was sent.
    pub(super) async fn speak(
        self,
        upgrade: Upgrade,
        finished: Finished,
        permit: Arc<OwnedSemaphorePermit>,
        phase: channel::Receiver<Phase>,
    ) {
        match self.opened.await {
            Ok(stream) => upgrade::speak(upgrade, finished, (Duplex::new(stream), Bytes::new()), permit, phase).await,
            // The client has reset the stream meanwhile.
            Err(_) => finished.end(0, false, Instant::now()),
        }
    }
}

/// A stream of HTTP/2 as a stream of bytes. The lock is never taken (`get_mut` needs none); it makes it `Sync`.
struct Duplex(Mutex<TokioIo<Upgraded>>);

impl Duplex {
    fn new(stream: Upgraded) -> Duplex {
        Duplex(Mutex::new(TokioIo::new(stream)))
    }

    fn stream(&mut self) -> Pin<&mut TokioIo<Upgraded>> {
        Pin::new(self.0.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncRead for Duplex {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

/// What h2 has accepted is out of our sight, and it accepts a piece of any length whole.
const PIECE: usize = 16 * 1024;

impl AsyncWrite for Duplex {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, &bytes[..bytes.len().min(PIECE)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = pieces.iter().find(|piece| !piece.is_empty());
        self.poll_write(cx, first.map_or(&[][..], |piece| piece))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
