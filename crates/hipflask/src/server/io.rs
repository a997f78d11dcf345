//! A socket that screens what comes, sends what goes in one piece, and notes when the peer takes none of it.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::server::screen::Screen;
use crate::server::watch::Watch;

/// How long a client that still sends may take to notice that it was answered.
const LINGER: Duration = Duration::from_secs(5);
/// What is written in one piece is worth a call of its own from here on.
const LARGE: usize = 16 * 1024;
/// What waits at most to be sent with what follows.
const MOST_WAITING: usize = 64 * 1024;

thread_local! {
    /// Bytes between the socket and hyper, which keeps its own buffer to itself.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; 64 * 1024].into());
}

pub(super) struct Io {
    stream: OwnedReadHalf,
    /// What was read to find out the protocol.
    start: Vec<u8>,
    /// For HTTP/1.
    screen: Option<Screen>,
    outbox: Outbox,
    watch: Arc<Watch>,
}

impl Io {
    pub(super) fn new(stream: TcpStream, start: Vec<u8>, screen: Option<Screen>, watch: Arc<Watch>) -> Io {
        let (stream, write) = stream.into_split();
        let outgoing = Outgoing { stream: write, waiting: Vec::new(), sent: 0, watch: Arc::clone(&watch) };
        Io { stream, start, screen, outbox: Outbox(Arc::new(Mutex::new(outgoing))), watch }
    }

    pub(super) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Hands bytes on to hyper.
    fn hand_on(&mut self, bytes: &mut [u8], buf: &mut ReadBufCursor<'_>) {
        if let Some(screen) = &mut self.screen {
            screen.look(bytes);
        }
        buf.put_slice(bytes);
    }

    /// The socket, when nothing else holds it.
    fn into_stream(self) -> Option<TcpStream> {
        let outgoing = Arc::into_inner(self.outbox.0)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.stream.reunite(outgoing.stream).ok()
    }

    /// Ends the connection in a way that no client takes for the end of a body.
    pub(super) fn reset(self) {
        if let Some(stream) = self.into_stream() {
            // If it cannot be set, the connection is gone already.
            let _ = stream.set_zero_linger();
        }
    }

    /// Says that nothing more will come, and waits, for a while, until the client has ended the connection too.
    /// Closed with bytes left unread, a connection is reset, and the reset may overtake the answer.
    pub(super) async fn linger(self) {
        let Some(mut stream) = self.into_stream() else { return };
        let drain = async {
            let mut unread = vec![0; 16 * 1024];
            stream.shutdown().await?;
            while stream.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}

impl Read for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if !self.start.is_empty() {
            let later = self.start.len().min(buf.remaining());
            let later = self.start.split_off(later);
            let mut now = std::mem::replace(&mut self.start, later);
            self.watch.read();
            self.hand_on(&mut now, &mut buf);
            return Poll::Ready(Ok(()));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let len = scratch.len().min(buf.remaining());
            let mut read = ReadBuf::new(&mut scratch[..len]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            self.watch.read();
            self.hand_on(read.filled_mut(), &mut buf);
            Poll::Ready(Ok(()))
        })
    }
}

/// What is on its way to the peer. Written is not sent: answers to requests that came together leave together,
/// when the connection has nothing more to write for the moment and [`poll_send`](Outbox::poll_send) is called.
///
/// hyper can hold answers together too, but then holds them as long as anything of a next request has come,
/// takes a body that nobody reads whole into memory, and never sends its answer to a malformed head.
#[derive(Clone)]
pub(super) struct Outbox(Arc<Mutex<Outgoing>>);

struct Outgoing {
    stream: OwnedWriteHalf,
    waiting: Vec<u8>,
    /// How much of `waiting` has been sent.
    sent: usize,
    watch: Arc<Watch>,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what waits.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_send(cx)
    }
}

impl Outgoing {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.waiting.len() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.waiting[self.sent..]);
            self.sent += ready!(self.note(written))?;
        }
        self.sent = 0;
        match self.waiting.capacity() > LARGE {
            // Most connections are idle most of the time, and must not be dear then.
            true => self.waiting = Vec::new(),
            false => self.waiting.clear(),
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if self.waiting.len() + len > MOST_WAITING {
            ready!(self.poll_send(cx))?;
        }
        if self.waiting.is_empty() && len >= LARGE {
            let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
            return self.note(written);
        }
        bufs.iter().for_each(|buf| self.waiting.extend_from_slice(buf));
        Poll::Ready(Ok(len))
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.watch.stalled(),
            Poll::Ready(_) => self.watch.flowing(),
        }
        written
    }
}

impl Write for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.outbox.lock().poll_write(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outbox.lock().poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing, see [`Outbox`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outgoing = self.outbox.lock();
        ready!(outgoing.poll_send(cx))?;
        Pin::new(&mut outgoing.stream).poll_shutdown(cx)
    }
}
