//! Where synchronous functions run: on threads of their own, because any of them may block.
//!
//! A synchronous view may sleep, ask a database, or wait for something that only an async task can bring. On one of the
//! runtime's workers that would stop whatever waits behind it there. So it never runs on one, unless its author says
//! [`inline`](crate::extension::inline()).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use crate::app::frozen::Frozen;
use crate::base::error::{Error, HttpError, Result};
use crate::context::Context;
use crate::handler::hand_over::{HandOver, hand_over};
use crate::handler::pool::Full;

impl Frozen {
    /// Runs `work`, which may block, where synchronous views run: on a thread of its own kind, up to `VIEW_THREADS` at
    /// once. For the one step of an async view that only a blocking library can do.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/hosts")]
    /// async fn hosts(ctx: &mut Context) -> Result<String> {
    ///     let read = || std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    ///     ctx.app().run_blocking(read).await
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![hosts]).test_client();
    /// assert_eq!(client.get("/hosts").send_blocking().status(), 200);
    /// ```
    ///
    /// # Errors
    ///
    /// A 503 if all threads are busy and `VIEW_QUEUE` calls wait for one; what `work` panicked with.
    pub async fn run_blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        match hand_over(self.pool(), (), |(): &mut ()| work()) {
            Ok(call) => Ok(call.await.1?),
            Err((_, full)) => Err(full.into()),
        }
    }
}

impl Context {
    /// [`Frozen::run_blocking`] for work that needs the context.
    ///
    /// If the future is dropped before `work` has ended, `work` runs to its end with what it was lent: the body of the
    /// request, `g`, and the response are gone with it. What remains here is the request without its body, the session,
    /// and the rule that matched.
    ///
    /// # Errors
    ///
    /// Those of [`Frozen::run_blocking`].
    pub async fn run_blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Context) -> T + Send + 'static,
    ) -> Result<T> {
        let app = self.app().clone();
        let lent = self.lend();
        match hand_over(app.pool(), lent, work) {
            Ok(call) => Lent { ctx: self, call }.await,
            Err((back, full)) => {
                self.take_back(back);
                Err(full.into())
            }
        }
    }
}

/// A call that the context was lent to. It comes back with the result, or when the result is not wanted any more,
/// unless the call has begun by then.
struct Lent<'a, W, T> {
    ctx: &'a mut Context,
    call: HandOver<Context, W, T>,
}

impl<W, T> Future for Lent<'_, W, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<T>> {
        Pin::new(&mut self.call).poll(cx).map(|(ctx, result)| {
            self.ctx.take_back(Some(ctx));
            Ok(result?)
        })
    }
}

impl<W, T> Drop for Lent<'_, W, T> {
    fn drop(&mut self) {
        let back = self.call.leave();
        self.ctx.take_back(back);
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Error {
        let error = HttpError::new(503).description("The server is busy; try again in a moment.");
        error.header("retry-after", "1").into()
    }
}
