//! A body: empty, bytes at hand, or bytes that arrive over time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::base::error::{Error, Result};
use crate::base::panics;

/// The body of a request or a response.
///
/// ```
/// use hipflask::http::Body;
///
/// # hipflask::block_on(async {
/// let mut body = Body::stream(async |mut out| {
///     for n in 1..=3 {
///         out.send(format!("{n}\n")).await?;
///     }
///     Ok(())
/// });
/// assert_eq!(body.chunk().await.transpose()?.as_deref(), Some(&b"1\n"[..]));
/// # Ok::<(), hipflask::Error>(())
/// # }).unwrap();
/// ```
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Stream(SharedStream),
}

type DynStream = dyn HttpBody<Data = Bytes, Error = Error> + Send;

/// The lock is never taken while serving (`get_mut` needs none). It makes a [`Body`] `Sync`, so that a view may
/// hold a reference to its request across an `await`.
struct SharedStream(Mutex<Pin<Box<DynStream>>>);

impl SharedStream {
    fn get_mut(&mut self) -> Pin<&mut DynStream> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut()
    }
}

impl Body {
    /// No body.
    pub const fn empty() -> Body {
        Body(Kind::Empty)
    }

    /// A body that arrives over time from another implementation of `http-body`.
    pub fn wrap<B>(body: B) -> Body
    where
        B: HttpBody<Data = Bytes, Error = Error> + Send + 'static,
    {
        if body.is_end_stream() { Body::empty() } else { Body(Kind::Stream(SharedStream(Mutex::new(Box::pin(body))))) }
    }

    /// A body that `producer` writes while it is sent: each `send` waits until the client has accepted what came
    /// before. Flask's generator as a response.
    ///
    /// `producer` runs after the view has returned. If it ends in an error the connection is aborted, so that the
    /// client never takes half a body for a whole one.
    pub fn stream<F, Fut>(producer: F) -> Body
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Body::produced(None, producer)
    }

    /// [`stream`](Body::stream) with a length known in advance: the client is told, and the producer must send
    /// exactly this many bytes.
    pub fn stream_sized<F, Fut>(len: u64, producer: F) -> Body
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Body::produced(Some(len), producer)
    }

    fn produced<F, Fut>(length: Option<u64>, producer: F) -> Body
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let (sender, chunks) = mpsc::channel(1);
        Body::wrap(Produced {
            producer: Some(Box::pin(producer(BodySender(sender)))),
            chunks,
            length: Declared::new(length),
        })
    }

    /// `body`, and `close` when it has ended or is dropped.
    pub(crate) fn closing(body: Body, close: impl FnOnce() + Send + 'static) -> Body {
        let closing = Closing { body, close: Some(Box::new(close)) };
        Body(Kind::Stream(SharedStream(Mutex::new(Box::pin(closing)))))
    }

    /// The length in bytes, if it is known before the body is read.
    pub fn len(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// Whether it is known that nothing more comes.
    pub fn is_empty(&self) -> bool {
        self.is_end_stream()
    }

    /// The next bytes; `None` at the end. After an error nothing more comes.
    pub async fn chunk(&mut self) -> Option<Result<Bytes>> {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await?;
            match frame.map(Frame::into_data) {
                Ok(Ok(bytes)) if bytes.is_empty() => {}
                Ok(Ok(bytes)) => return Some(Ok(bytes)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The whole body in one piece.
    ///
    /// # Errors
    ///
    /// The error of the source of the body, or [`BodyTooLarge`] beyond `limit` bytes.
    pub async fn collect(self, limit: u64) -> Result<Bytes> {
        self.collect_noting(limit, |_| Ok(())).await
    }

    /// The same; `note` is told how many bytes are in memory, and may end it.
    pub(crate) async fn collect_noting(
        mut self,
        limit: u64,
        mut note: impl FnMut(usize) -> Result<()>,
    ) -> Result<Bytes> {
        if let Kind::Full(bytes) = &self.0 {
            return if bytes.len() as u64 > limit { Err(BodyTooLarge.into()) } else { Ok(bytes.clone()) };
        }
        let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
        let mut all = Vec::new();
        let mut next = Some(first);
        while let Some(chunk) = next {
            if (all.len() + chunk.len()) as u64 > limit {
                return Err(BodyTooLarge.into());
            }
            note(all.len() + chunk.len())?;
            next = self.chunk().await.transpose()?;
            if all.is_empty() && next.is_none() {
                return Ok(chunk);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    /// The bytes, if all of them are at hand; otherwise the body as it is.
    pub(crate) fn into_bytes(self) -> std::result::Result<Bytes, Body> {
        match self.0 {
            Kind::Empty => Ok(Bytes::new()),
            Kind::Full(bytes) => Ok(bytes),
            Kind::Stream(_) => Err(self),
        }
    }

    /// The bytes, if all of them are at hand.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Kind::Empty => Some(&[]),
            Kind::Full(bytes) => Some(bytes),
            Kind::Stream(_) => None,
        }
    }
}

/// A body turned out to be longer than its reader accepts; for a request the answer is 413.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyTooLarge;

impl std::fmt::Display for BodyTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body is larger than its limit")
    }
}

impl std::error::Error for BodyTooLarge {}

/// The writing end of a [`Body::stream`], for its producer.
#[derive(Debug)]
pub struct BodySender(mpsc::Sender<Bytes>);

impl BodySender {
    /// Sends `bytes` to the client, once it has accepted what came before.
    ///
    /// # Errors
    ///
    /// If the client has gone; let `?` end the producer.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        self.0.send(bytes.into()).await.map_err(|_| Error::msg("the client went away while the body was sent"))
    }
}

/// Polls the producer only for its next chunk, so it stops when the client does.
struct Produced {
    producer: Option<Pin<Box<dyn Future<Output = Result<()>> + Send>>>,
    chunks: mpsc::Receiver<Bytes>,
    length: Declared,
}

impl HttpBody for Produced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let mut outcome = Ok(());
        if let Some(producer) = &mut self.producer
            && let Poll::Ready(end) = producer.as_mut().poll(cx)
        {
            self.producer = None;
            outcome = end;
        }
        match self.chunks.poll_recv(cx) {
            Poll::Ready(Some(bytes)) => {
                // The chunk goes first; the error must still follow it.
                if let Err(error) = outcome {
                    self.producer = Some(Box::pin(async { Err(error) }));
                }
                let counted = self.length.count(bytes.len());
                Poll::Ready(Some(counted.map(|()| Frame::data(bytes))))
            }
            // What a producer does after its last chunk belongs to the body too.
            Poll::Ready(None) if self.producer.is_some() => Poll::Pending,
            // The producer is done only when its last chunk is out and it has not failed.
            Poll::Ready(None) => Poll::Ready(outcome.and_then(|()| self.length.end()).err().map(Err)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A body with something to do at its end.
struct Closing {
    body: Body,
    close: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(close) = self.close.take() {
            // The server drops bodies, and a panic of the application's is nothing to it.
            if let Err(panicked) = panics::catch(close) {
                tracing::error!("at the end of a response: {panicked}");
            }
        }
    }
}

impl HttpBody for Closing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The length that a body was said to have, if one was, and how much of it has come. A client that was told a length takes
/// what comes for a body of just that length.
#[derive(Debug)]
pub(crate) struct Declared {
    length: Option<u64>,
    come: u64,
}

impl Declared {
    pub(crate) fn new(length: Option<u64>) -> Declared {
        Declared { length, come: 0 }
    }

    /// How much has come.
    pub(crate) fn come(&self) -> u64 {
        self.come
    }

    /// How much is still to come.
    fn left(&self) -> Option<u64> {
        self.length.map(|length| length.saturating_sub(self.come))
    }

    /// Counts what comes.
    pub(crate) fn count(&mut self, bytes: usize) -> Result<()> {
        self.come += bytes as u64;
        match self.length {
            Some(length) if self.come > length => Err(wrong_length("longer", length)),
            _ => Ok(()),
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) -> Result<()> {
        match self.length {
            Some(length) if self.come < length => Err(wrong_length("shorter", length)),
            _ => Ok(()),
        }
    }
}

#[cold]
fn wrong_length(how: &str, length: u64) -> Error {
    Error::msg(format!("the body is {how} than its declared length of {length} bytes"))
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(_) => match std::mem::take(&mut self.0) {
                Kind::Full(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Kind::Stream(stream) => {
                let polled = stream.get_mut().poll_frame(cx);
                if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                    self.0 = Kind::Empty;
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("Body::Empty"),
            Kind::Full(bytes) => write!(f, "Body::Full({} bytes)", bytes.len()),
            Kind::Stream(_) => f.write_str("Body::Stream"),
        }
    }
}

macro_rules! body_from {
    ($($source:ty),*) => {
        $(impl From<$source> for Body {
            fn from(bytes: $source) -> Body {
                Body(Kind::Full(Bytes::from(bytes)))
            }
        })*
    };
}

body_from!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);
