//! A socket with the bytes that arrived and are not used yet, and those that wait to be sent.

use std::cell::RefCell;
use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};

use crate::server::stream::Stream;
use crate::server::watch::Watch;

/// Bytes are worth a call of their own from here on, rather than to be copied.
const LARGE: usize = 16 * 1024;
/// The most that may wait to be sent together with what follows.
const MOST_WAITING: usize = 64 * 1024;
/// The most that one call reads; for a body, which can have any length, it is more.
const MOST_READ: usize = 64 * 1024;
const MOST_READ_OF_BODY: usize = 1024 * 1024;

/// What is read at most of a client that sends while it is being answered. The rest waits in the system's buffers.
const MOST_AHEAD: usize = 64 * 1024;

thread_local! {
    /// Where heads are read into. It is shared, so an idle connection needs no room of its own.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; MOST_READ].into());
}

pub(super) struct Wire {
    stream: Stream,
    /// What came and was not used yet.
    pub(super) input: BytesMut,
    /// What waits to be sent. Written is not yet sent: [`poll_flush`](Wire::poll_flush) sends everything that was
    /// written.
    pub(super) output: Vec<u8>,
    /// How much of `output` has been sent.
    sent: usize,
    /// The client has no more to say.
    has_ended: bool,
    watch: Arc<Watch>,
}

impl Wire {
    /// A connection of which `start` was read already.
    pub(super) fn new(stream: Stream, start: &[u8], watch: Arc<Watch>) -> Wire {
        Wire { stream, input: start.into(), output: Vec::new(), sent: 0, has_ended: false, watch }
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
        self.stream.try_read(&mut self.input)
    }

    /// Keeps what comes while nothing is waited for, up to a limit; ready once, when the client has no more to say.
    pub(super) fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.has_ended && self.input.len() < MOST_AHEAD {
            self.has_ended = ready!(self.poll_read(cx))? == 0;
            if self.has_ended {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    /// Whether the system knows that the client has gone.
    pub(super) fn is_hung_up(&self) -> bool {
        self.stream.is_hung_up()
    }

    /// Sends what waits.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.is_waiting() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.output[self.sent..]);
            self.sent += ready!(self.note(written))?;
        }
        self.sent = 0;
        if self.stream.holds_bytes() {
            let flushed = Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| 1);
            ready!(self.note(flushed))?;
        }
        if self.output.capacity() > LARGE {
            // Most connections are idle most of the time, and must be cheap then.
            self.output = Vec::new();
        } else {
            self.output.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Whether anything waits to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        self.sent < self.output.len()
    }

    /// Sends what waits, as far as the client takes it now. Who cannot be reached is noticed at the next flush.
    pub(super) fn try_flush(&mut self) {
        while self.is_waiting()
            && let Ok(sent @ 1..) = self.stream.try_write(&self.output[self.sent..])
        {
            self.sent += sent;
        }
    }

    /// Whether so much waits that it must be sent before there is more.
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

    /// The socket, and what came and was not used.
    pub(super) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.input.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Instant;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::server::limits::ServerLimits;

    /// A connection, and the client at its other end.
    async fn connected() -> io::Result<(Wire, TcpStream)> {
        let app = crate::App::new("test", ".").freeze().expect("it is well formed");
        let limits = ServerLimits::from_config(app.config()).expect("the limits are those of the default");
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (stream, _) = listener.accept().await?;
        Ok((Wire::new(Stream::tcp(stream), b"", Arc::new(Watch::new(limits, Instant::now()))), client))
    }

    #[test]
    fn what_comes_ahead_is_read_up_to_a_limit() -> io::Result<()> {
        crate::block_on(async {
            let (mut wire, mut client) = connected().await?;
            let flood = async {
                let piece = [b'x'; 64 * 1024];
                for _ in 0..4 {
                    client.write_all(&piece).await?;
                }
                client.shutdown().await
            };
            // It becomes pending for want of room, not of bytes.
            let ahead = poll_fn(|cx| {
                let polled = wire.poll_read_ahead(cx);
                if wire.input.len() >= MOST_AHEAD { Poll::Ready(polled) } else { Poll::Pending }
            });
            let (polled, flooded) = tokio::join!(ahead, flood);
            flooded?;
            assert!(polled.is_pending());
            assert!(wire.input.len() < MOST_AHEAD + MOST_READ, "{} bytes were read", wire.input.len());
            assert!(!wire.is_hung_up(), "half of a connection is closed");
            client.set_zero_linger()?;
            drop(client);
            while !wire.is_hung_up() {
                tokio::task::yield_now().await;
            }
            Ok(())
        })
    }
}
