//! The context of the template that is rendering.
//!
//! Rendering is synchronous and the engine's callbacks take no parameters of ours, so the context is lent to the
//! rendering thread and returned afterwards. Nothing else can use it in the meantime, because the caller's borrow
//! is exclusive. This is the only ambient value in the framework, and it is private to this folder.

use std::cell::RefCell;

use minijinja::{Error, ErrorKind};

use crate::context::Context;

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Runs `render` while templates can reach `ctx`.
pub(super) fn enter<T>(ctx: &mut Context, render: impl FnOnce() -> T) -> T {
    /// Returns the context even if rendering panics.
    struct Return<'a>(&'a mut Context, Option<Context>);

    impl Drop for Return<'_> {
        fn drop(&mut self) {
            if let Some(ctx) = CURRENT.replace(self.1.take()) {
                *self.0 = ctx;
            }
        }
    }

    let outer = CURRENT.replace(Some(ctx.lend_here()));
    let _return = Return(ctx, outer);
    render()
}

/// Passes the context of the template that is rendering to `f`, which may render another one meanwhile.
pub(super) fn with<T>(f: impl FnOnce(&mut Context) -> T) -> Result<T, Error> {
    /// Gives the context back even if `f` panics.
    struct Return(Option<Context>);

    impl Drop for Return {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }

    match &mut Return(CURRENT.take()).0 {
        Some(ctx) => Ok(f(ctx)),
        None => Err(Error::new(
            ErrorKind::InvalidOperation,
            "there is no request here: the template is rendered outside a request",
        )),
    }
}

/// One of our errors as one of the engine's, which keeps it as its cause.
pub(super) fn failed(error: &crate::base::error::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}
