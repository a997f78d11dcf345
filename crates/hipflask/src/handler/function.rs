//! Plain functions, called with what they ask for by type.
//!
//! One trait covers views, hooks, error handlers, commands and callbacks: `async fn` and `fn`, with or
//! without `ctx: &mut Context` in front, with up to eight arguments. `Args` only tells the implementations
//! apart; it is always inferred.

use std::future::Future;

use crate::app::freezing::Freezing;
use crate::base::error::Result;
use crate::context::Context;
use crate::context::extract::FromContext;
use crate::handler::inline::Inline;

/// What a function may return that is called for a `For`. A future is not included, which tells a synchronous function from an
/// async one.
pub trait ReturnFor<For> {}

/// A function whose arguments come out of a [`Context`]. Implemented for functions; not to be implemented.
pub trait Function<Args, For: 'static>: Send + std::marker::Sync + 'static {
    /// What the function returns, without the future around it.
    type Output: Send + 'static;

    /// Whether a call never waits, so that its result can be had without a future on the heap.
    const READY: bool = false;

    /// Calls it.
    ///
    /// # Errors
    ///
    /// The error of an argument; for a synchronous function also what it panicked with, or a 503 if
    /// no thread is free for it.
    fn call<'a>(&'a self, ctx: &'a mut Context) -> impl Future<Output = Result<Self::Output>> + Send + 'a;

    /// Reports arguments whose extension is missing.
    ///
    /// # Errors
    ///
    /// Says what is missing and what to do.
    fn check(freezing: &Freezing<'_>) -> Result<(), String>;
}

/// Marks `async fn(A, B)`.
#[derive(Debug)]
pub struct Async<A>(A);
/// Marks `fn(A, B)`.
#[derive(Debug)]
pub struct Sync<A>(A);
/// Marks `async fn(&mut Context, A, B) -> O`.
#[derive(Debug)]
pub struct AsyncWithContext<A, O>(A, O);
/// Marks `fn(&mut Context, A, B) -> O`.
#[derive(Debug)]
pub struct SyncWithContext<A, O>(A, O);
/// Marks `inline` of `fn(A, B)`.
#[derive(Debug)]
pub struct InPlace<A>(A);
/// Marks `inline` of `fn(&mut Context, A, B) -> O`.
#[derive(Debug)]
pub struct InPlaceWithContext<A, O>(A, O);

/// An async function that borrows the context: its future's type depends on the borrow, which only a trait
/// with the lifetime in it can say.
pub trait Borrowing<'a, Args>: Send + std::marker::Sync + 'static {
    /// The future.
    type Future: Future<Output = Self::Output> + Send + 'a;
    /// What it yields.
    type Output: Send + 'static;

    /// Calls the function.
    fn run(&self, ctx: &'a mut Context, args: Args) -> Self::Future;
}

macro_rules! functions {
    ($($arg:ident)*) => {
        impl<Fun, Fut, For: 'static, $($arg),*> Function<Async<($($arg,)*)>, For> for Fun
        where
            Fun: Fn($($arg),*) -> Fut + Send + std::marker::Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: Send + 'static,
            $($arg: FromContext,)*
        {
            type Output = Fut::Output;

            #[allow(non_snake_case, unused_variables, reason = "the arguments are named for their types; there may be none")]
            async fn call<'a>(&'a self, ctx: &'a mut Context) -> Result<Self::Output> {
                $(let $arg = $arg::from_context(ctx).await?;)*
                Ok(self($($arg),*).await)
            }

            #[allow(unused_variables, reason = "there may be no arguments")]
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                $($arg::check(freezing)?;)*
                Ok(())
            }
        }

        impl<Fun, Out, For: 'static, $($arg),*> Function<Sync<($($arg,)*)>, For> for Fun
        where
            Fun: Fn($($arg),*) -> Out + Clone + Send + std::marker::Sync + 'static,
            Out: ReturnFor<For> + Send + 'static,
            $($arg: FromContext,)*
        {
            type Output = Out;

            #[allow(non_snake_case, unused_variables, reason = "the arguments are named for their types; there may be none")]
            async fn call<'a>(&'a self, ctx: &'a mut Context) -> Result<Self::Output> {
                $(let $arg = $arg::from_context(ctx).await?;)*
                let function = self.clone();
                ctx.app().run_blocking(move || function($($arg),*)).await
            }

            #[allow(unused_variables, reason = "there may be no arguments")]
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                $($arg::check(freezing)?;)*
                Ok(())
            }
        }

        impl<Fun, Out, For: 'static, $($arg),*> Function<InPlace<($($arg,)*)>, For> for Inline<Fun>
        where
            Fun: Fn($($arg),*) -> Out + Send + std::marker::Sync + 'static,
            Out: ReturnFor<For> + Send + 'static,
            $($arg: FromContext,)*
        {
            type Output = Out;
            const READY: bool = true $(&& $arg::READY)*;

            #[allow(non_snake_case, unused_variables, reason = "the arguments are named for their types; there may be none")]
            async fn call<'a>(&'a self, ctx: &'a mut Context) -> Result<Self::Output> {
                $(let $arg = $arg::from_context(ctx).await?;)*
                Ok(self.run(|function| function($($arg),*)))
            }

            #[allow(unused_variables, reason = "there may be no arguments")]
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                $($arg::check(freezing)?;)*
                Ok(())
            }
        }

        impl<'a, Fun, Fut, $($arg),*> Borrowing<'a, ($($arg,)*)> for Fun
        where
            Fun: Fn(&'a mut Context, $($arg),*) -> Fut + Send + std::marker::Sync + 'static,
            Fut: Future + Send + 'a,
            Fut::Output: Send + 'static,
        {
            type Future = Fut;
            type Output = Fut::Output;

            #[allow(non_snake_case, reason = "the arguments are named for their types")]
            fn run(&self, ctx: &'a mut Context, ($($arg,)*): ($($arg,)*)) -> Fut {
                self(ctx, $($arg),*)
            }
        }

        impl<Fun, Out, For: 'static, $($arg),*> Function<AsyncWithContext<($($arg,)*), Out>, For> for Fun
        where
            Fun: for<'a> Borrowing<'a, ($($arg,)*), Output = Out> + Send + std::marker::Sync + 'static,
            Out: Send + 'static,
            $($arg: FromContext,)*
        {
            type Output = Out;

            #[allow(non_snake_case, reason = "the arguments are named for their types")]
            async fn call<'a>(&'a self, ctx: &'a mut Context) -> Result<Self::Output> {
                $(let $arg = $arg::from_context(ctx).await?;)*
                Ok(self.run(ctx, ($($arg,)*)).await)
            }

            #[allow(unused_variables, reason = "there may be no arguments")]
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                $($arg::check(freezing)?;)*
                Ok(())
            }
        }

        impl<Fun, Out, For: 'static, $($arg),*> Function<SyncWithContext<($($arg,)*), Out>, For> for Fun
        where
            Fun: for<'a> Fn(&'a mut Context, $($arg),*) -> Out + Clone + Send + std::marker::Sync + 'static,
            Out: ReturnFor<For> + Send + 'static,
            $($arg: FromContext,)*
        {
            type Output = Out;

            #[allow(non_snake_case, reason = "the arguments are named for their types")]
            async fn call<'a>(&'a self, ctx: &'a mut Context) -> Result<Self::Output> {
                $(let $arg = $arg::from_context(ctx).await?;)*
                let function = self.clone();
                ctx.run_blocking(move |ctx| function(ctx, $($arg),*)).await
            }

            #[allow(unused_variables, reason = "there may be no arguments")]
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                $($arg::check(freezing)?;)*
                Ok(())
            }
        }

        impl<Fun, Out, For: 'static, $($arg),*> Function<InPlaceWithContext<($($arg,)*), Out>, For> for Inline<Fun>
        where
            Fun: for<'a> Fn(&'a mut Context, $($arg),*) -> Out + Send + std::marker::Sync + 'static,
            Out: ReturnFor<For> + Send + 'static,
            $($arg: FromContext,)*
        {
            type Output = Out;
            const READY: bool = true $(&& $arg::READY)*;

            #[allow(non_snake_case, reason = "the arguments are named for their types")]
            async fn call<'a>(&'a self, ctx: &'a mut Context) -> Result<Self::Output> {
                $(let $arg = $arg::from_context(ctx).await?;)*
                Ok(self.run(|function| function(ctx, $($arg),*)))
            }

            #[allow(unused_variables, reason = "there may be no arguments")]
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                $($arg::check(freezing)?;)*
                Ok(())
            }
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D E);
functions!(A B C D E G);
functions!(A B C D E G H);
functions!(A B C D E G H I);
