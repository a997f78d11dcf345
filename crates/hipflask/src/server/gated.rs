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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicU32;
    use std::sync::mpsc;
    use std::thread::{self, Thread};
    use std::time::Duration;

    use super::*;

    /// A task that counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn it_is_polled_once_for_each_time_it_has_asked() {
        let (polls, asks) = (AtomicU32::new(0), Mutex::new(Waker::noop().clone()));
        let mut gated = Gated::new(poll_fn(|cx| {
            *asks.lock().expect("nothing panics") = cx.waker().clone();
            // The second time it asks before its poll is over.
            if polls.fetch_add(1, Relaxed) == 1 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        }));
        let task = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut poll_thrice = || {
            for _ in 0..3 {
                assert!(gated.poll(&mut Context::from_waker(&waker)).is_pending());
            }
            (polls.load(Relaxed), task.0.load(Relaxed))
        };
        assert_eq!(poll_thrice(), (1, 0));
        let ask = || asks.lock().expect("nothing panics").wake_by_ref();
        ask();
        assert_eq!(poll_thrice(), (3, 2), "asked from outside, and while it was polled");
        ask();
        ask();
        assert_eq!(poll_thrice(), (4, 4));
        let _changed = gated.get_mut();
        assert!(gated.poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(polls.load(Relaxed), 5);
    }

    #[test]
    fn no_call_of_another_thread_is_lost() {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let (calls, called) = mpsc::channel::<tokio::sync::oneshot::Sender<u32>>();
        let caller = thread::spawn(move || {
            for (round, call) in (0..).zip(called) {
                let _ = call.send(round);
            }
        });
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        for round in 0..20_000 {
            let (call, answer) = tokio::sync::oneshot::channel();
            let mut gated = Gated::new(answer);
            calls.send(call).expect("the caller takes calls");
            let heard = loop {
                if let Poll::Ready(heard) = gated.poll(&mut Context::from_waker(&waker)) {
                    break heard;
                }
                let parked = std::time::Instant::now();
                thread::park_timeout(Duration::from_secs(20));
                assert!(parked.elapsed() < Duration::from_secs(20), "call {round} was lost");
            };
            assert_eq!(heard, Ok(round));
        }
        drop(calls);
        caller.join().expect("it does not panic");
    }
}
