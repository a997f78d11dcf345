//! What can be registered as a handler.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::app::freezing::Freezing;
use crate::context::Context;
use crate::handler::function::Function;
use crate::handler::outcome::{Answered, Outcome};
use crate::handler::{Answer, Handler};

/// What can be registered as a handler: a [`Handler`], or a plain function, async or not, of up to eight
/// arguments that are [`FromContext`](crate::FromContext), optionally with `ctx: &mut Context` first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a view or a hook",
    label = "not a handler",
    note = "give the name of a function, `f` and not `f()`, or a value whose type is a `Handler`",
    note = "its arguments are `FromContext`, eight at most, after `ctx: &mut Context` if it wants that; values of the path have names only under a macro (`#[get(\"/<int:id>\")]`), without one take `args: ViewArgs`",
    note = "it returns an answer (`Respond`), `()` or `None` to pass, or a `Result` of these, and what it keeps over an `.await` is `Send`"
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
    F: Function<Args, Answered>,
    F::Output: Outcome,
    Args: 'static,
{
    fn into_handler(self) -> Arc<dyn Handler> {
        Arc::new(Erased { function: self, args: PhantomData })
    }
}

/// A plain function in a handler's shape.
struct Erased<F, Args> {
    function: F,
    args: PhantomData<fn() -> Args>,
}

impl<F, Args> Handler for Erased<F, Args>
where
    F: Function<Args, Answered>,
    F::Output: Outcome,
    Args: 'static,
{
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::by(F::READY, async move { Ok(self.function.call(ctx).await?.into_outcome(ctx)) })
    }

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        F::check(freezing)
    }
}

impl Context {
    /// Runs `f` once after this request's view, before the hooks that run after every request.
    pub fn after_this_request<M>(&mut self, f: impl IntoHandler<M>) {
        self.push_after_this_request(f.into_handler());
    }
}
