//! What can be given for a callback.

use std::marker::PhantomData;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;

use crate::app::freezing::Freezing;
use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::callback::{Call, Callback};
use crate::handler::function::{Function, ReturnFor};

/// What can be given for a [`Callback`]: a function, async or not, of up to eight arguments that are
/// [`FromContext`](crate::FromContext), optionally with `ctx: &mut Context` first, that returns a `T` or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function that gives a `{T}`",
    label = "it cannot be called for a `{T}`",
    note = "give the name of a function, `f` and not `f()`, or a closure; its arguments are `FromContext`, eight at most, after `ctx: &mut Context` if it wants that",
    note = "it returns a `{T}` or a `Result` of one, and what it keeps over an `.await` is `Send`"
)]
pub trait IntoCallback<T, Marker> {
    /// The callback.
    #[track_caller]
    fn into_callback(self) -> Callback<T>;
}

/// The marker for what is a [`Callback`] already.
#[derive(Debug)]
pub struct IsCallback;

#[diagnostic::do_not_recommend]
impl<T> IntoCallback<T, IsCallback> for Callback<T> {
    fn into_callback(self) -> Callback<T> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T, F, Args> IntoCallback<T, (Args,)> for F
where
    T: 'static,
    F: Function<Args, Value<T>>,
    F::Output: Gives<T>,
    Args: 'static,
{
    #[track_caller]
    fn into_callback(self) -> Callback<T> {
        Callback::new(Arc::new(Erased { function: self, args: PhantomData }), Location::caller())
    }
}

/// What a function may return that gives a `T`.
pub trait Gives<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    ///
    /// The function's own.
    fn given(self) -> Result<T>;
}

impl<T> Gives<T> for T {
    fn given(self) -> Result<T> {
        Ok(self)
    }
}

impl<T, E: Into<Error>> Gives<T> for Result<T, E> {
    fn given(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// What callbacks are called for.
#[derive(Debug)]
pub struct Value<T>(T);

impl<T, O: Gives<T>> ReturnFor<Value<T>> for O {}

/// A function in the one shape of all that give a `T`.
struct Erased<F, Args> {
    function: F,
    args: PhantomData<fn() -> Args>,
}

impl<T: 'static, F, Args> Call<T> for Erased<F, Args>
where
    F: Function<Args, Value<T>>,
    F::Output: Gives<T>,
{
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a, T> {
        Answer::of(F::READY, async move {
            let called = pin!(async move { self.function.call(ctx).await?.given() });
            panics::catch_in(called).await?
        })
    }

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        F::check(freezing)
    }
}
