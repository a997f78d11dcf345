//! A thread that sleeps until it is needed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// A thread that sleeps.
pub(super) struct Sleeper {
    pub(super) thread: Thread,
    pub(super) woken: AtomicBool,
}

impl Sleeper {
    pub(super) fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Sleeps until it is woken, at most for `most`; whether it was woken.
    pub(super) fn sleep(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        while !self.woken.swap(false, Ordering::Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
        true
    }
}
