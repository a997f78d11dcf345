//! The seam: a handler answers, fails or passes.
//!
//! Views, hooks, mounted applications and the frozen application itself are handlers. Users write plain
//! functions; [`IntoHandler`] erases them to one shape when they are registered, so that a program's own
//! crate compiles fast and no type parameter reaches it.

pub(crate) mod blocking;
pub(crate) mod callback;
pub(crate) mod error_handler;
pub(crate) mod function;
pub(crate) mod hand_over;
pub(crate) mod in_place;
pub(crate) mod inline;
pub(crate) mod into_callback;
pub(crate) mod into_error_handler;
pub(crate) mod into_handler;
pub(crate) mod left;
pub(crate) mod outcome;
pub(crate) mod plain;
pub(crate) mod pool;
pub(crate) mod redirect;
pub(crate) mod respond;

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

use crate::app::freezing::Freezing;
use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::http::response::Response;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Anything that can answer a request: it answers (`Some`), fails (`Err`) or passes (`None`).
///
/// Plain functions become handlers by themselves; implement this for what carries data.
///
/// ```
/// use hipflask::Context;
/// use hipflask::extension::{Answer, Handler};
/// use hipflask::prelude::*;
///
/// /// Answers every request that nothing else answered.
/// struct Closed(&'static str);
///
/// impl Handler for Closed {
///     fn call<'a>(&'a self, _: &'a mut Context) -> Answer<'a> {
///         Answer::Ready(Ok(Some(Response::new(self.0).with_status(503))))
///     }
/// }
///
/// let client = App::new("doc", ".").mount("/", Closed("back soon")).test_client();
/// assert_eq!(client.get("/anything").send_blocking().status(), 503);
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Looks at the request in `ctx` and answers, fails or passes.
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a>;

    /// Reports what it needs and does not find when the application is frozen.
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        let _ = freezing;
        Ok(())
    }
}

/// What a [`Handler`] or a [`Callback`](crate::extension::Callback) gives back: its result, or a future of it.
///
/// It is a future itself. That it can also be ready is what lets a synchronous hook cost no allocation.
pub enum Answer<'a, T = Option<Response>> {
    /// The result is there.
    Ready(Result<T>),
    /// The result takes time.
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

// Nothing in it is pinned but what is in a box.
impl<T> Unpin for Answer<'_, T> {}

impl<'a, T: 'a> Future for Answer<'a, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<T>> {
        if let Answer::Later(future) = &mut *self {
            return future.as_mut().poll(cx);
        }
        // A box of nothing is no allocation.
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
