//! The context of the template that is rendering.
//!
//! Rendering is synchronous and the engine's callbacks take no parameters of ours, so the context is lent to the
//! rendering thread and given back afterwards. Nothing else can have it meanwhile, because the caller's borrow is
//! exclusive. This is the only ambient value in the framework, and it is private to this folder.

use std::cell::RefCell;

use minijinja::{Error, ErrorKind};

use crate::context::Context;

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Runs `render` while templates can reach `ctx`.
pub(super) fn enter<T>(ctx: &mut Context, render: impl FnOnce() -> T) -> T {
    /// Gives the context back even if rendering panics.
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

/// Hands the context of the template that is rendering to `f`.
pub(super) fn with<T>(f: impl FnOnce(&mut Context) -> T) -> Result<T, Error> {
    CURRENT.with_borrow_mut(|current| match current {
        Some(ctx) => Ok(f(ctx)),
        None => Err(Error::new(
            ErrorKind::InvalidOperation,
            "there is no request here: the template is rendered outside of one",
        )),
    })
}

/// An error of ours as one of the engine's, which keeps it as its cause.
pub(super) fn failed(error: &crate::base::error::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}
