//! A future that is polled only when it has been woken.
//!
//! A connection is polled for every request, and with it everything else that it waits for: the timer, and the
//! channel that announces that the server closes, which takes a lock shared by all connections. Behind a gate they
//! cost one load each time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pub(super) struct Gated<F> {
    future: Pin<Box<F>>,
    gate: Arc<Gate>,
    /// The waker that the future gets; made once.
    waker: Waker,
}

struct Gate {
    open: AtomicBool,
    task: Mutex<Waker>,
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.open.store(true, Relaxed);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

impl<F: Future> Gated<F> {
    pub(super) fn new(future: F) -> Gated<F> {
        let gate = Arc::new(Gate { open: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) });
        Gated { future: Box::pin(future), waker: Waker::from(Arc::clone(&gate)), gate }
    }

    /// Gives access to the future, to change it; it is polled the next time.
    pub(super) fn get_mut(&mut self) -> Pin<&mut F> {
        self.gate.open.store(true, Relaxed);
        self.future.as_mut()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.gate.open.load(Relaxed) || !self.gate.open.swap(false, AcqRel) {
            return Poll::Pending;
        }
        // A task keeps its waker, so noting it once each time the gate is passed is enough.
        self.gate.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}
