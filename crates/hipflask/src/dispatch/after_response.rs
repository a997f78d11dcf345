//! Work that begins when the client has its answer.

use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;

use crate::app::course::Course;
use crate::base::error::{Error, HttpError, Result};
use crate::base::panics;
use crate::context::Context;
use crate::context::parted::Hold;
use crate::dispatch::failure::log_error;
use crate::handler::BoxFuture;

impl Context {
    /// Runs `work` when the request has ended: its answer was sent, or its client has gone. For what the client need not
    /// wait for: a mail, a thumbnail, a count.
    ///
    /// `work` is given a [copy](Context::copy) of the context: application, configuration, request, session, rule, and
    /// arguments by [`extract`](Context::extract), a database for instance. It takes along what it needs of `g`. What
    /// blocks is a step of [`run_blocking`](Context::run_blocking). An error or a panic is in the log, with the id of the
    /// request.
    ///
    /// It runs whatever the answer is, an error page too, and also if the client has gone; so ask for it when what it
    /// follows up on has happened. Several pieces run at once. A server that stops waits for them within
    /// `SERVER_GRACEFUL_TIMEOUT`, and the log says what was cut off: work that must not be lost belongs in a queue that
    /// outlives the process. A [test client](crate::testing) has the response when the work is done.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// use hipflask::extension::State;
    /// use hipflask::prelude::*;
    ///
    /// #[derive(Default)]
    /// struct Mails(AtomicU32);
    ///
    /// #[post("/signup")]
    /// async fn signup(ctx: &mut Context) -> Result<&'static str> {
    ///     ctx.after_response(async |mut ctx| {
    ///         let mails: State<Mails> = ctx.extract().await?;
    ///         mails.0.fetch_add(1, Relaxed);
    ///         Ok(())
    ///     })?;
    ///     Ok("welcome")
    /// }
    ///
    /// let client = App::new("doc", ".").insert_state(Mails::default()).routes(routes![signup]).test_client();
    /// assert_eq!(client.post("/signup").send_blocking().text(), "welcome");
    /// assert_eq!(client.app().state::<Mails>().map(|mails| mails.0.load(Relaxed)), Some(1));
    /// ```
    ///
    /// # Errors
    ///
    /// A 503 if `MAX_AFTER_RESPONSE` pieces wait or run already: what cannot be done is not promised. An error where there
    /// is no answer to wait for: in a command, and in such work itself.
    #[track_caller]
    pub fn after_response<F, Fut>(&mut self, work: F) -> Result<()>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let work = Piece::new(self, Box::new(move |ctx| Box::pin(work(ctx))))?;
        self.leave_work(Box::new(move |held| work.begin(held)));
        Ok(())
    }
}

type Run = Box<dyn FnOnce(Context) -> BoxFuture<'static, Result<()>> + Send>;

/// A piece of work. Unless it is done, the log says so when it is dropped.
struct Piece {
    /// The copy that the work is given a copy of.
    ctx: Context,
    /// `None` as soon as it has begun.
    run: Option<Run>,
    is_done: bool,
    asked_at: &'static Location<'static>,
    runtime: Handle,
    /// What it logs belongs to the request.
    span: Span,
    _place: OwnedSemaphorePermit,
}

impl Piece {
    #[track_caller]
    fn new(ctx: &Context, run: Run) -> Result<Piece> {
        if ctx.is_copy() || !ctx.has_request() {
            let why = "there is no answer that this work could wait for; await it here";
            return Err(Error::msg(why));
        }
        let runtime = Handle::try_current()
            .map_err(|_| Error::msg("work after a response needs a tokio runtime, and there is none here"))?;
        let place = ctx.app().after_work().place().ok_or_else(full)?;
        Ok(Piece {
            ctx: ctx.copy(),
            run: Some(run),
            is_done: false,
            asked_at: Location::caller(),
            runtime,
            span: Span::current(),
            _place: place,
        })
    }

    /// Begins it, in a task of its own. `held` is held until it is done.
    fn begin(self, held: Option<Hold>) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            self.go().await;
            drop(held);
        });
    }

    async fn go(mut self) {
        let Some(run) = self.run.take() else { return };
        let (ctx, span) = (self.ctx.copy(), self.span.clone());
        let mut work = pin!(async move { run(ctx).await });
        let mut work = pin!(panics::catch_in(work.as_mut()));
        let mut cut = pin!(self.ctx.app().after_work().reached(Course::Cut));
        let ended = poll_fn(|cx| match cut.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => span.in_scope(|| work.as_mut().poll(cx)).map(Some),
        });
        let failed = match ended.await {
            None => return,
            Some(Ok(result)) => result.err(),
            Some(Err(panicked)) => Some(panicked.into()),
        };
        self.is_done = true;
        if let Some(error) = failed {
            log_error(&self.ctx, &error);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if !self.is_done {
            let request = self.ctx.request();
            let what = if self.run.is_some() { "never begun" } else { "cut off" };
            tracing::warn!(
                request_id = self.ctx.request_id(),
                method = %request.method(),
                path = %request.path().escape_debug(),
                "the work after the response that {} asked for was {what}",
                self.asked_at,
            );
        }
    }
}

fn full() -> Error {
    tracing::warn!("as much work follows responses as may, so requests are refused with 503; raise MAX_AFTER_RESPONSE");
    let error = HttpError::new(503).description("The server is busy; try again in a moment.");
    error.header("retry-after", "1").into()
}
