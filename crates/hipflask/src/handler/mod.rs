//! The seam: a handler answers, fails or passes.
//!
//! Views, hooks, mounted applications and the frozen application itself are handlers. Users write plain
//! functions; [`IntoHandler`] erases them to one shape when they are registered, so that a program's own
//! crate compiles fast and no type parameter reaches it.

pub(crate) mod blocking;
pub(crate) mod error_handler;
pub(crate) mod function;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use crate::app::extension::Freezing;
use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::handler::blocking::Pace;
use crate::handler::function::Function;
use crate::http::response::{IntoResponse, Response};

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Anything that can answer a request: it answers (`Some`), fails (`Err`) or passes (`None`).
///
/// Plain functions become handlers by themselves; implement this for what carries data.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::{Answer, Context, Handler};
///
/// /// Answers every request that nothing else answered.
/// struct Closed(&'static str);
///
/// impl Handler for Closed {
///     fn call<'a>(&'a self, _: &'a mut Context) -> Answer<'a> {
///         Answer::Ready((503, self.0).into_answer())
///     }
/// }
/// # trait IntoAnswer { fn into_answer(self) -> Result<Option<Response>>; }
/// # impl IntoAnswer for (u16, &'static str) {
/// #     fn into_answer(self) -> Result<Option<Response>> { (self.1, self.0).into_response().map(Some) }
/// # }
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

/// What a [`Handler`] gives back: its result, or a future of it.
///
/// It is a future itself. That it can also be ready is what lets a synchronous hook cost no allocation.
pub enum Answer<'a> {
    /// The result is there.
    Ready(Result<Option<Response>>),
    /// The result takes time.
    Later(BoxFuture<'a, Result<Option<Response>>>),
}

impl Future for Answer<'_> {
    type Output = Result<Option<Response>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Answer::Later(future) => future.as_mut().poll(cx),
            Answer::Ready(result) => Poll::Ready(std::mem::replace(result, Ok(None))),
        }
    }
}

impl std::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Answer::Later(_) => f.write_str("Later(..)"),
        }
    }
}

/// What a view or a hook may return: a response (answer), an error (fail), `()` or `None` (pass).
#[diagnostic::on_unimplemented(
    message = "a request cannot be answered with `{Self}`",
    label = "not an answer",
    note = "return `String` or `&'static str` for plain text, `Html` (by `html!`), `Template` (by `render_template!`), `Json(value)`, `redirect(..)`, a `Response`, a pair with a status (`(text, 404)`, `(Status::NOT_FOUND, text)`), or a `Result` of one of these",
    note = "a hook returns `()` or `None` to pass; a type of your own implements `hipflask::IntoResponse`"
)]
pub trait Outcome {
    /// The outcome in its one shape.
    ///
    /// # Errors
    ///
    /// The error of a `Result`, or of turning the value into a response.
    fn into_outcome(self) -> Result<Option<Response>>;
}

impl<R: IntoResponse> Outcome for R {
    fn into_outcome(self) -> Result<Option<Response>> {
        self.into_response().map(Some)
    }
}

#[diagnostic::do_not_recommend]
impl Outcome for () {
    fn into_outcome(self) -> Result<Option<Response>> {
        Ok(None)
    }
}

#[diagnostic::do_not_recommend]
impl<R: IntoResponse> Outcome for Option<R> {
    fn into_outcome(self) -> Result<Option<Response>> {
        self.map(R::into_response).transpose()
    }
}

#[diagnostic::do_not_recommend]
impl<O: Outcome, E: Into<Error>> Outcome for Result<O, E> {
    fn into_outcome(self) -> Result<Option<Response>> {
        self.map_err(Into::into)?.into_outcome()
    }
}

/// What can be registered as a handler: a [`Handler`], or a plain function, async or not, of up to eight
/// arguments that are [`FromContext`](crate::FromContext), with `ctx: &mut Context` first if at all.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a view or a hook",
    label = "not a handler",
    note = "give the name of a function, `f` and not `f()`, or a value whose type is a `Handler`",
    note = "its arguments are `FromContext`, eight at most, after `ctx: &mut Context` if it wants that; values of the path have names only under a macro (`#[get(\"/<int:id>\")]`), without one take `args: ViewArgs`",
    note = "it returns an answer (`IntoResponse`), `()` or `None` to pass, or a `Result` of these, and what it keeps over an `.await` is `Send`"
)]
pub trait IntoHandler<Marker> {
    /// The handler.
    fn into_handler(self) -> Arc<dyn Handler>;
}

/// The marker for what is a [`Handler`] already.
#[derive(Debug)]
pub struct IsHandler;

#[diagnostic::do_not_recommend]
impl<H: Handler> IntoHandler<IsHandler> for H {
    fn into_handler(self) -> Arc<dyn Handler> {
        Arc::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoHandler<Arc<dyn Handler>> for Arc<dyn Handler> {
    fn into_handler(self) -> Arc<dyn Handler> {
        self
    }
}

impl<F, Args> IntoHandler<(Args,)> for F
where
    F: Function<Args>,
    F::Output: Outcome,
    Args: 'static,
{
    fn into_handler(self) -> Arc<dyn Handler> {
        Arc::new(Erased { function: self, pace: Pace::default(), args: PhantomData })
    }
}

/// A plain function in a handler's shape.
struct Erased<F, Args> {
    function: F,
    pace: Pace,
    args: PhantomData<fn() -> Args>,
}

impl<F, Args> Handler for Erased<F, Args>
where
    F: Function<Args>,
    F::Output: Outcome,
    Args: 'static,
{
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        let answer = async move { self.function.call(ctx, &self.pace).await?.into_outcome() };
        match F::SYNC {
            true => self.pace.answer(F::READY, answer),
            false => Answer::Later(Box::pin(answer)),
        }
    }

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        F::check(freezing)
    }
}
