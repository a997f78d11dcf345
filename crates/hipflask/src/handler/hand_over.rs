//! A call that was handed over to a thread: how it takes along what is lent to it, and comes back with its result.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use tokio::runtime::Handle;
use tracing::Span;

use crate::base::panics::{self, Panicked};
use crate::handler::pool::queue::Job;
use crate::handler::pool::{Full, Line, Pool};

/// Hands `work` over to a thread of `pool`, and `loan` with it, which comes back with the result.
///
/// # Errors
///
/// The loan, if no more calls may wait.
pub(crate) fn hand_over<L, W, T>(pool: &Pool, loan: L, work: W) -> Result<HandOver<L, W, T>, (Option<L>, Full)>
where
    L: Send + 'static,
    W: FnOnce(&mut L) -> T + Send + 'static,
    T: Send + 'static,
{
    let call = Arc::new(Call {
        runtime: Handle::try_current().ok(),
        span: Span::current(),
        state: Mutex::new(CallState { progress: Progress::Waiting(loan, work), waker: None }),
    });
    let mut hand_over = HandOver { line: Arc::clone(pool.line()), call };
    match hand_over.line.push(Arc::clone(&hand_over.call) as Arc<dyn Job>) {
        Ok(()) => Ok(hand_over),
        Err(full) => Err((hand_over.leave(), full)),
    }
}

/// What was handed over: what it takes, then what it gives.
struct Call<L, W, T> {
    /// Entered where the call runs, so that it finds the runtime as an async view does.
    runtime: Option<Handle>,
    /// Entered too: what the call logs belongs to the request.
    span: Span,
    state: Mutex<CallState<L, W, T>>,
}

struct CallState<L, W, T> {
    progress: Progress<L, W, T>,
    waker: Option<Waker>,
}

enum Progress<L, W, T> {
    Waiting(L, W),
    Running,
    Done(L, Result<T, Panicked>),
    /// It was given up, or its result was taken.
    Left,
}

impl<L, W, T> Call<L, W, T> {
    fn lock(&self) -> MutexGuard<'_, CallState<L, W, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Option<(L, W)> {
        let mut state = self.lock();
        match std::mem::replace(&mut state.progress, Progress::Running) {
            Progress::Waiting(loan, work) => Some((loan, work)),
            other => {
                state.progress = other;
                None
            }
        }
    }

    fn end(&self, loan: L, result: Result<T, Panicked>) {
        let mut state = self.lock();
        if matches!(state.progress, Progress::Running) {
            state.progress = Progress::Done(loan, result);
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl<L, W, T> Job for Call<L, W, T>
where
    L: Send,
    W: FnOnce(&mut L) -> T + Send,
    T: Send,
{
    fn run(&self) {
        if let Some((mut loan, work)) = self.begin() {
            let _runtime = self.runtime.as_ref().map(Handle::enter);
            let result = panics::catch(|| self.span.in_scope(|| work(&mut loan)));
            self.end(loan, result);
        }
    }
}

/// The loan and the result of what was handed over, in time.
#[must_use = "a call that is not awaited may never begin"]
pub(crate) struct HandOver<L, W, T> {
    line: Arc<Line>,
    call: Arc<Call<L, W, T>>,
}

impl<L, W, T> HandOver<L, W, T> {
    /// Waits no longer. What has not begun never will; its loan comes back. What has begun runs to its end, and what
    /// was lent to it ends with it.
    pub(crate) fn leave(&mut self) -> Option<L> {
        let progress = std::mem::replace(&mut self.call.lock().progress, Progress::Left);
        match progress {
            Progress::Waiting(loan, _) => {
                self.line.forget(Arc::as_ptr(&self.call).cast());
                Some(loan)
            }
            Progress::Done(loan, _) => Some(loan),
            Progress::Running | Progress::Left => None,
        }
    }
}

impl<L, W, T> Future for HandOver<L, W, T> {
    type Output = (L, Result<T, Panicked>);

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut state = self.call.lock();
        match std::mem::replace(&mut state.progress, Progress::Left) {
            Progress::Done(loan, result) => Poll::Ready((loan, result)),
            other => {
                state.progress = other;
                match &mut state.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl<L, W, T> Drop for HandOver<L, W, T> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};
    use tracing_core::span::Current;

    use super::*;
    use crate::handler::pool::Bounds;

    /// Knows one span, which is always the current one, and notes the threads that enter it.
    struct Spans {
        entered: Arc<Mutex<Vec<ThreadId>>>,
        span: Mutex<Option<&'static Metadata<'static>>>,
    }

    impl Subscriber for Spans {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            *self.span.lock().expect("not poisoned") = Some(span.metadata());
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, _: &Id) {
            self.entered.lock().expect("not poisoned").push(thread::current().id());
        }

        fn exit(&self, _: &Id) {}

        fn current_span(&self) -> Current {
            let span = *self.span.lock().expect("not poisoned");
            span.map_or_else(Current::none, |span| Current::new(Id::from_u64(1), span))
        }
    }

    #[test]
    fn a_call_is_in_the_span_of_its_request() {
        let entered = Arc::<Mutex<Vec<ThreadId>>>::default();
        let pool = Pool::new(Bounds { threads: 1, waiting: 0, idle: Duration::from_secs(60) });
        let spans = Spans { entered: Arc::clone(&entered), span: Mutex::default() };
        let call = tracing::subscriber::with_default(spans, || {
            let work = |(): &mut ()| thread::current().id();
            tracing::info_span!("request").in_scope(|| hand_over(&pool, (), work).map_err(|_| "full"))
        });
        let ran = crate::block_on(call.expect("there is room")).1.expect("no panic");
        assert_eq!(*entered.lock().expect("not poisoned"), [thread::current().id(), ran]);
    }
}
