//! Step 12: the end of a context, be it of a request, of a command or of a function of the start.

use std::pin::pin;
use std::sync::Arc;

use crate::app::frozen::Frozen;
use crate::app::signals::{AppcontextPopped, AppcontextPushed, AppcontextTearingDown, RequestTearingDown};
use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::dispatch::catch;
use crate::dispatch::failure::log_error;
use crate::handler::callback::Callback;

impl Frozen {
    /// Step 12, unless it was taken: right after the response was made, or, if the body has the context, when that ends.
    pub(crate) async fn end(&self, ctx: &mut Context) {
        if ctx.take_teardown() {
            self.teardown(ctx).await;
        }
    }

    async fn teardown(&self, ctx: &mut Context) {
        if ctx.has_request() {
            call_all(ctx, &self.scope(ctx.scope()).teardown_request).await;
            ctx.send(|| RequestTearingDown::with(ctx.error()));
        }
        call_all(ctx, self.teardown_appcontext()).await;
        ctx.send(|| AppcontextTearingDown::with(ctx.error()));
        ctx.send(|| AppcontextPopped);
    }

    /// Runs `f` with a context outside any request, and then what [`teardown_appcontext`](crate::App::teardown_appcontext)
    /// gives: for a script, a job, a thread of the program's own. A panic is an error. Flask's
    /// `with app.app_context():`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".").config("GREETING", "Hello!").freeze()?;
    /// let greeting = hipflask::block_on(app.app_context(async |ctx| ctx.config().get::<String>("GREETING")));
    /// assert_eq!(greeting?, "Hello!");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The error of `f`, which teardown functions are told of too.
    pub async fn app_context<T>(&self, f: impl AsyncFnOnce(&mut Context) -> Result<T>) -> Result<T> {
        let mut ctx = self.context();
        ctx.send(|| AppcontextPushed);
        let result = catch(pin!(f(&mut ctx))).await;
        let kept = result.and_then(|value| ctx.g_mut().check_kept().map(|()| value));
        match kept {
            Ok(value) => {
                self.end(&mut ctx).await;
                Ok(value)
            }
            Err(error) => {
                let error = Arc::new(error);
                ctx.set_error(Some(Arc::clone(&error)));
                self.end(&mut ctx).await;
                drop(ctx);
                Err(Arc::into_inner(error)
                    .unwrap_or_else(|| Error::msg("it failed, and something still keeps the error")))
            }
        }
    }
}

/// Every function runs, even if one before it failed or panicked.
async fn call_all(ctx: &mut Context, functions: &[Callback<()>]) {
    for teardown in functions {
        if let Err(error) = teardown.call(ctx).await {
            log_error(ctx, &error);
        }
    }
}
