//! Bodies on the wire: a request's, with its time-outs, and a response's, with what happens at its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::base::error::{Error, HttpError};
use crate::base::panics;
use crate::http::body::{Body, Declared};
use crate::server::finished::Finished;
use crate::server::watch::Watch;

/// Once the first time-out is used up, a body must arrive at this many bytes per second.
const SLOWEST: u32 = 240;
/// Smaller pieces are joined with what has come behind them, so that a body in pieces of one byte costs its readers no
/// more than another.
const SMALL: usize = 4 * 1024;
/// So much is joined at once.
const JOINED: usize = 16 * 1024;

/// The body of a request: it must keep arriving, and not only drop by drop.
pub(super) struct Received<B> {
    body: B,
    idle: Duration,
    /// How long the client may still keep the reader waiting; the reader's own time does not count. Bytes earn some of it
    /// back, but never more than the time-out: much that came fast does not pay for hours without anything.
    patience: Duration,
    /// What came behind pieces that were joined.
    next: Option<Next>,
    /// Made only when the body keeps its reader waiting.
    waiting: Option<Waiting>,
}

enum Next {
    Failed(Error),
    Ended,
}

struct Waiting {
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<B> Received<B> {
    pub(super) fn new(body: B, idle: Duration) -> Received<B> {
        Received { body, idle, patience: idle, next: None, waiting: None }
    }

    /// Bytes have come.
    fn earn(&mut self, bytes: usize) {
        let earned = Duration::from_secs(1).saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX)) / SLOWEST;
        self.patience = self.idle.min(self.patience.saturating_add(earned));
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| {
            let since = Instant::now();
            Waiting { since, timer: Box::pin(sleep_until(since + patience)) }
        });
        waiting.timer.as_mut().poll(cx)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> Received<B> {
    /// Joins a small piece with what has come behind it.
    fn join(&mut self, piece: Bytes, cx: &mut Context<'_>) -> Bytes {
        let mut joined = BytesMut::new();
        while piece.len().max(joined.len()) < JOINED {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are not supported.
                    let Ok(more) = frame.into_data() else { continue };
                    if joined.is_empty() {
                        joined.reserve(JOINED);
                        joined.extend_from_slice(&piece);
                    }
                    self.earn(more.len());
                    joined.extend_from_slice(&more);
                }
                Poll::Ready(Some(Err(_))) => {
                    self.next = Some(Next::Failed(broken()));
                    break;
                }
                Poll::Ready(None) => {
                    self.next = Some(Next::Ended);
                    break;
                }
            }
        }
        if joined.is_empty() { piece } else { joined.freeze() }
    }
}

/// An interrupted body must never look like a complete one.
fn broken() -> Error {
    HttpError::new(400).description("The body of the request is malformed or was cut off.").into()
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Received<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.next.take() {
            Some(Next::Failed(error)) => return Poll::Ready(Some(Err(error))),
            Some(Next::Ended) => return Poll::Ready(None),
            None => {}
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                self.poll_timer(cx).map(|()| Some(Err(HttpError::new(408).header("connection", "close").into())))
            }
            Poll::Ready(frame) => {
                if let Some(waiting) = self.waiting.take() {
                    self.patience = self.patience.saturating_sub(waiting.since.elapsed());
                }
                let mut frame = frame.map(|frame| frame.map_err(|_| broken()));
                if let Some(Ok(frame)) = &mut frame
                    && let Some(data) = frame.data_mut()
                {
                    self.earn(data.len());
                    if data.len() < SMALL && !self.body.is_end_stream() {
                        *data = self.join(std::mem::take(data), cx);
                    }
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.next {
            Some(Next::Ended) => true,
            Some(Next::Failed(_)) => false,
            None => self.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response; the request is over when it has ended or is dropped.
pub(super) struct Sent {
    body: Body,
    finished: Option<Finished>,
    /// The length that the head has told, if the body itself does not know it.
    length: Declared,
    pieces: Option<Pieces>,
}

/// In HTTP/2 the client makes room for a body piece by piece. What h2 has accepted is out of our sight, so it gets
/// no more at a time than a client can be expected to accept before a time-out.
struct Pieces {
    rest: Bytes,
    /// Whether the last piece still waits for its room.
    untaken: bool,
    watch: Arc<Watch>,
}

const PIECE: usize = 64 * 1024;

impl Sent {
    pub(super) fn new(body: Body, declared: Option<u64>, finished: Finished, watch: Option<Arc<Watch>>) -> Sent {
        let pieces = watch.map(|watch| Pieces { rest: Bytes::new(), untaken: false, watch });
        Sent { body, finished: Some(finished), length: Declared::new(declared), pieces }
    }

    /// The body of an answer that a tunnel follows, with which the request ends.
    pub(super) fn nothing() -> Sent {
        Sent { body: Body::empty(), finished: None, length: Declared::new(None), pieces: None }
    }

    fn end(&mut self, is_complete: bool) {
        if let Some(finished) = self.finished.take() {
            // What the body holds goes first: the context of a stream ends before the request does.
            self.body = Body::empty();
            finished.end(self.length.come(), is_complete, std::time::Instant::now());
        }
    }

    /// The next piece of the body. A panic in its producer must not end the other requests of the connection.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.body.as_bytes().is_some() {
            return Pin::new(&mut self.body).poll_frame(cx);
        }
        panics::catch(|| Pin::new(&mut self.body).poll_frame(cx))
            .unwrap_or_else(|panicked| Poll::Ready(Some(Err(panicked.into()))))
    }
}

impl Pieces {
    fn split(&mut self, mut bytes: Bytes) -> Bytes {
        self.rest = bytes.split_off(bytes.len().min(PIECE));
        self.untaken = true;
        self.watch.untaken();
        bytes
    }

    /// A request for more means that there was room for the last piece.
    fn taken(&mut self) {
        if std::mem::take(&mut self.untaken) {
            self.watch.taken();
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.taken();
    }
}

/// The producer of a body failed; the connection, or the HTTP/2 stream, is aborted.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body of the response was interrupted")
    }
}

impl std::error::Error for BrokenOff {}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let sent = &mut *self;
        let mut frame = match &mut sent.pieces {
            Some(pieces) => {
                pieces.taken();
                Some(std::mem::take(&mut pieces.rest)).filter(|rest| !rest.is_empty()).map(|rest| Ok(Frame::data(rest)))
            }
            None => None,
        };
        if frame.is_none() {
            let Poll::Ready(next) = sent.poll_body(cx) else { return Poll::Pending };
            frame = next;
            let checked = match &frame {
                Some(Ok(frame)) => sent.length.count(frame.data_ref().map_or(0, Bytes::len)),
                Some(Err(_)) => Ok(()),
                None => sent.length.end(),
            };
            if let Err(error) = checked {
                frame = Some(Err(error));
            }
        }
        if let (Some(pieces), Some(Ok(next))) = (&mut sent.pieces, &mut frame)
            && let Some(data) = next.data_mut()
        {
            *data = pieces.split(std::mem::take(data));
        }
        match &frame {
            Some(Ok(_)) if sent.is_end_stream() => sent.end(true),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::error!("the body of a response failed: {error:?}");
                sent.end(false);
            }
            None => sent.end(true),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|_| BrokenOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.pieces.as_ref().is_none_or(|pieces| pieces.rest.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.pieces {
            // Asked for only before the first piece.
            Some(pieces) if !pieces.rest.is_empty() => SizeHint::default(),
            _ => self.body.size_hint(),
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        // An empty body is never polled.
        let complete = self.is_end_stream();
        self.end(complete);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::poll_fn;

    use super::*;

    /// Pieces of one byte; where there is `None`, nothing has come yet.
    struct Drops(VecDeque<Option<Result<Bytes, ()>>>);

    impl HttpBody for Drops {
        type Data = Bytes;
        type Error = ();

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
            match self.0.pop_front() {
                Some(Some(piece)) => Poll::Ready(Some(piece.map(Frame::data))),
                Some(None) => Poll::Pending,
                None => Poll::Ready(None),
            }
        }
    }

    fn drops(count: usize) -> VecDeque<Option<Result<Bytes, ()>>> {
        std::iter::repeat_n(Some(Ok(Bytes::from_static(b"x"))), count).collect()
    }

    /// How many pieces a reader gets, how many bytes, and how it ends.
    fn read(pieces: VecDeque<Option<Result<Bytes, ()>>>) -> (usize, usize, bool) {
        let mut received = Received::new(Drops(pieces), Duration::from_secs(60));
        crate::block_on(async {
            let (mut pieces, mut bytes) = (0, 0);
            loop {
                match poll_fn(|cx| Pin::new(&mut received).poll_frame(cx)).await {
                    Some(Ok(frame)) => {
                        pieces += 1;
                        bytes += frame.into_data().map_or(0, |data| data.len());
                    }
                    Some(Err(error)) => return (pieces, bytes, error.status() != 400),
                    None => return (pieces, bytes, true),
                }
            }
        })
    }

    #[test]
    fn small_pieces_are_joined() {
        for times in [1, 2, 4] {
            assert_eq!(read(drops(times * JOINED)), (times, times * JOINED, true));
        }
        assert_eq!(read(drops(3)), (1, 3, true));
        let mut cut = drops(3);
        cut.push_back(Some(Err(())));
        assert_eq!(read(cut), (1, 3, false), "what breaks off is not whole, and what came before is not lost");
    }

    #[test]
    fn much_that_came_fast_does_not_buy_hours() {
        let idle = Duration::from_secs(60);
        let mut received = Received::new(Drops(VecDeque::new()), idle);
        received.earn(100_000_000);
        assert_eq!(received.patience, idle);
        received.patience = Duration::ZERO;
        received.earn(240);
        assert_eq!(received.patience, Duration::from_secs(1));
        received.earn(usize::MAX);
        assert_eq!(received.patience, idle);
    }
}
