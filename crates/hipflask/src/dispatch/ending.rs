//! The end of a request: when its body has, or when nothing waits for it any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::app::finished::{Finished, Outcome};
use crate::app::frozen::Frozen;
use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::context::Context;
use crate::context::parted::{Hold, Watch};
use crate::context::stream::{detach, end_detached};
use crate::dispatch::failure::log_error;
use crate::http::body::Body;
use crate::http::response::Response;

/// A request from its head to the end of its answer's body. Whatever becomes of it, the functions that are told of its
/// end are told once.
#[derive(Debug)]
pub(crate) struct Ending {
    ctx: Context,
    began: Instant,
    /// Held until the work after it is done, for a caller that waits for that.
    held: Option<Hold>,
    /// Whether functions of the request have run, which teardown functions follow.
    is_begun: bool,
    is_told: bool,
}

/// What a request is ended with whose client went away before there was an answer; nginx' number.
const CLIENT_GONE: u16 = 499;

impl Ending {
    /// For the request of `ctx`, which has just come.
    pub(crate) fn new(mut ctx: Context) -> Ending {
        ctx.request_mut().number();
        Ending { held: ctx.watched(), ctx, began: Instant::now(), is_begun: false, is_told: false }
    }

    /// Has `hold` held until the request has ended and the work after it is done.
    pub(super) fn watch(&mut self, hold: Hold) {
        self.ctx.watch(Watch::of(&hold));
        self.held = Some(hold);
    }

    pub(super) fn ctx(&mut self) -> &mut Context {
        &mut self.ctx
    }

    /// The context, for the functions of the request.
    pub(super) fn begin(&mut self) -> &mut Context {
        self.is_begun = true;
        &mut self.ctx
    }

    /// Lets go of what nothing needs any more, while the body is still to be sent.
    #[inline]
    pub(super) fn release(&mut self, response: &Response) {
        // A connection goes on where nothing can read the request's body any more.
        drop(std::mem::take(self.ctx.request_mut().body_mut()));
        if response.body().as_bytes().is_none() || response.is_upgrade() {
            self.ctx.release();
        }
    }

    /// Notes what failed after the head of the answer was sent, and logs it.
    pub(super) fn fail(&mut self, error: Error) {
        log_error(&self.ctx, &error);
        self.ctx.set_error(Some(Arc::new(error)));
    }

    /// Ends it: `bytes` of the body were sent, which is all of them if `is_complete`.
    pub(crate) fn finish(&mut self, status: StatusCode, bytes: u64, is_complete: bool, now: Instant) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let duration = now.saturating_duration_since(self.began);
        let outcome = Outcome { status, bytes, is_complete, duration, ended: now };
        let mut ended = Ended { ctx: self.ctx.lend_here(), held: self.held.take(), outcome };
        let parted = ended.ctx.take_parted();
        if !parted.is_empty() {
            // Something that was left halfway is still being torn down.
            detach(async move {
                let left = parted.gone().await;
                left.into_iter().for_each(|work| ended.ctx.leave_work(work));
                drop(ended);
            });
        }
    }

    /// Ends it with the body of `response`, for a caller that takes the response in memory.
    pub(crate) fn follow(mut self, mut response: Response) -> Response {
        let status = response.status();
        match response.body().as_bytes().map(<[u8]>::len) {
            Some(len) => self.finish(status, len as u64, true, Instant::now()),
            None => {
                let body = std::mem::take(response.body_mut());
                *response.body_mut() = Body::wrap(Followed { body, status, bytes: 0, ending: Some(self) });
            }
        }
        response
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        if self.is_begun && self.ctx.owes_teardown() {
            end_detached(self.ctx.part());
        }
        let status = StatusCode::from_u16(CLIENT_GONE).unwrap_or_default();
        self.finish(status, 0, false, Instant::now());
    }
}

/// A request that has ended. Whatever becomes of this, it tells the functions that want to know, once, and begins the work
/// that was left for then.
struct Ended {
    ctx: Context,
    held: Option<Hold>,
    outcome: Outcome,
}

impl Ended {
    /// Tells the functions of one application.
    fn tell_of(
        &self,
        app: &Frozen,
        rule: Option<usize>,
        mount: Option<usize>,
        error: Option<&Arc<Error>>,
        is_mounted: bool,
    ) {
        let (request, map, state, outcome) = (self.ctx.request(), app.map(), app.state_map(), self.outcome);
        let mount = mount.map(|id| &*app.mounts()[id].prefix);
        let is_within = self.ctx.is_within();
        let finished = Finished { request, map, rule, mount, error, state, is_mounted, is_within, outcome };
        for f in app.on_finished() {
            if let Err(panicked) = panics::catch(|| f(&finished)) {
                log_error(&self.ctx, &panicked.into());
            }
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        for of in self.ctx.mounted() {
            self.tell_of(&of.app, of.rule, of.mount, of.error.as_ref(), true);
        }
        self.tell_of(self.ctx.app(), self.ctx.rule_id(), self.ctx.mount_id(), self.ctx.error(), false);
        if !self.ctx.take_cookies().is_empty() {
            tracing::warn!(
                request_id = self.ctx.request_id(),
                "a request within this one has set cookies when the answer was made already; they are lost"
            );
        }
        self.ctx.take_work().into_iter().for_each(|work| work(self.held.clone()));
    }
}

/// A body whose end is that of its request.
struct Followed {
    body: Body,
    status: StatusCode,
    bytes: u64,
    ending: Option<Ending>,
}

impl Followed {
    fn end(&mut self, is_complete: bool) {
        // What the body holds goes first: the context of a stream ends before the request does.
        self.body = Body::empty();
        if let Some(mut ending) = self.ending.take() {
            ending.finish(self.status, self.bytes, is_complete, Instant::now());
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Poll::Ready(Some(Err(_))) => self.end(false),
            Poll::Ready(None) => self.end(true),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // A body that is known to have ended is not asked again.
        let is_complete = self.body.is_end_stream();
        self.end(is_complete);
    }
}
