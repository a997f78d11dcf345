//! A socket with the bytes that arrived and are not used yet, and those that wait to be sent.

use std::cell::RefCell;
use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::server::watch::Watch;

/// How long a client that is still sending may take to notice that it was answered.
const LINGER: Duration = Duration::from_secs(5);
/// From this size on, bytes are sent with a call of their own instead of being copied.
const LARGE: usize = 16 * 1024;
/// The most that may wait to be sent together with what follows.
const MOST_WAITING: usize = 64 * 1024;
/// The most that one call reads; for a body, which can have any length, it is more.
const MOST_READ: usize = 64 * 1024;
const MOST_READ_OF_BODY: usize = 1024 * 1024;

thread_local! {
    /// Where heads are read into. It is shared, so an idle connection needs no room of its own.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; MOST_READ].into());
}

pub(super) struct Wire {
    stream: TcpStream,
    /// What arrived and is not used yet.
    pub(super) input: BytesMut,
    /// What waits to be sent. Written is not yet sent: [`poll_flush`](Wire::poll_flush) sends everything that was
    /// written.
    pub(super) output: Vec<u8>,
    /// How much of `output` has been sent.
    sent: usize,
    watch: Arc<Watch>,
}

impl Wire {
    /// A connection from which `start` was already read.
    pub(super) fn new(stream: TcpStream, start: &[u8], watch: Arc<Watch>) -> Wire {
        Wire { stream, input: start.into(), output: Vec::new(), sent: 0, watch }
    }

    /// Reads what has arrived; 0 at the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            self.input.extend_from_slice(read.filled());
            Poll::Ready(Ok(read.filled().len()))
        })
    }

    /// Reads what has arrived of a body, of which `left` bytes remain if that is known, into memory where it can
    /// stay: a reader may keep pieces of it without a copy, and many of them share one allocation.
    pub(super) fn poll_read_body(&mut self, cx: &mut Context<'_>, left: Option<u64>) -> Poll<io::Result<usize>> {
        let room = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(MOST_READ).min(MOST_READ_OF_BODY);
        // Once no reader holds a slice, the buffer is reused.
        if !self.input.try_reclaim(room) && self.input.capacity() - self.input.len() < room.min(MOST_READ) {
            self.input.reserve(room);
        }
        let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
        Poll::Ready(Ok(read))
    }

    /// Frees the buffer of earlier bytes when none of them are left.
    pub(super) fn release(&mut self) {
        self.input = BytesMut::new();
    }

    /// Reads what has arrived, if anything has.
    pub(super) fn try_read(&mut self) -> io::Result<usize> {
        self.input.reserve(MOST_READ);
        self.stream.try_read_buf(&mut self.input)
    }

    /// Sends what waits.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.output.len() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.output[self.sent..]);
            self.sent += ready!(self.note(written))?;
        }
        self.sent = 0;
        if self.output.capacity() > LARGE {
            // Most connections are idle most of the time, and must be cheap then.
            self.output = Vec::new();
        } else {
            self.output.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Whether so much is waiting that it must be sent before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.output.len() >= MOST_WAITING
    }

    /// Takes a few bytes; many are left to [`poll_send`](Wire::poll_send).
    pub(super) fn write_small(&mut self, bytes: &mut Bytes) {
        if bytes.len() < LARGE {
            self.output.extend_from_slice(bytes);
            bytes.clear();
        }
    }

    /// Sends `bytes` after what is waiting. A few bytes may stay for the next flush.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        if self.is_full() {
            ready!(self.poll_flush(cx))?;
        }
        self.write_small(bytes);
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !bytes.is_empty() {
            let pieces = [IoSlice::new(&self.output[self.sent..]), IoSlice::new(bytes)];
            let written = Pin::new(&mut self.stream).poll_write_vectored(cx, &pieces);
            let written = ready!(self.note(written))?;
            let of_output = written.min(self.output.len() - self.sent);
            self.sent += of_output;
            bytes.advance(written - of_output);
        }
        self.poll_flush(cx)
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.watch.stalled(),
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(_) => self.watch.flowing(),
        }
        written
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// Announces that nothing more will come, and waits a while for the client to close the connection too. A
/// connection closed with unread bytes is reset, and the reset may overtake the answer.
pub(super) async fn linger(mut stream: TcpStream) {
    let drain = async {
        let mut unread = vec![0; 16 * 1024];
        stream.shutdown().await?;
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// Ends the connection in a way that no client can mistake for the end of a body.
pub(super) fn reset(stream: TcpStream) {
    // If this fails, the connection is already gone.
    let _ = stream.set_zero_linger();
}
