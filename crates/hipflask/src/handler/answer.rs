//! What is answered: a result, or a future of one.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

use crate::base::error::{Error, Result};
use crate::http::response::Response;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a [`Handler`](crate::extension::Handler) or a [`Callback`](crate::extension::Callback) returns: its result, or a future of it.
///
/// It is a future itself. That it can also be ready is what lets a synchronous hook cost no allocation.
pub enum Answer<'a, T = Option<Response>> {
    /// The result, at once.
    Ready(Result<T>),
    /// A future of the result.
    Later(BoxFuture<'a, Result<T>>),
}

impl<'a, T> Answer<'a, T> {
    /// What `future` yields: at once if it never waits, which `ready` promises.
    #[doc(hidden)]
    pub fn of(ready: bool, future: impl Future<Output = Result<T>> + Send + 'a) -> Answer<'a, T> {
        if ready { Answer::Ready(now(future)) } else { Answer::Later(Box::pin(future)) }
    }

    /// The answer that `future` yields, likewise.
    #[doc(hidden)]
    pub fn by(ready: bool, future: impl Future<Output = Result<Answer<'a, T>>> + Send + 'a) -> Answer<'a, T>
    where
        T: Send + 'a,
    {
        if !ready {
            return Answer::Later(Box::pin(async move { future.await?.await }));
        }
        now(future).unwrap_or_else(|error| Answer::Ready(Err(error)))
    }

    /// The answer that `then` makes of the result, if it is not an error.
    pub fn and_then<U>(self, then: impl FnOnce(T) -> Result<U> + Send + 'a) -> Answer<'a, U>
    where
        T: 'a,
    {
        match self {
            Answer::Ready(result) => Answer::Ready(result.and_then(then)),
            Answer::Later(future) => Answer::Later(Box::pin(async move { then(future.await?) })),
        }
    }
}

/// What a future yields that promised not to wait.
fn now<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => {
            Err(Error::msg("an argument says `FromContext::READY` and still waited; its `READY` must be false"))
        }
    }
}

// Only what is in a box is pinned.
impl<T> Unpin for Answer<'_, T> {}

impl<'a, T: 'a> Future for Answer<'a, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<T>> {
        if let Answer::Later(future) = &mut *self {
            return future.as_mut().poll(cx);
        }
        // A box of nothing does not allocate.
        match std::mem::replace(&mut *self, Answer::Later(Box::pin(pending()))) {
            Answer::Ready(result) => Poll::Ready(result),
            Answer::Later(mut future) => future.as_mut().poll(cx),
        }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Answer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Answer::Later(_) => f.write_str("Later(..)"),
        }
    }
}
