//! What is done before a synchronous function runs in place, that is, on the thread of its connection.
//!
//! The answers to pipelined requests leave together, so one may still wait to be sent when the next request is begun. A
//! function that waits gives its connection the time to send it; one that runs in place does not.

use std::cell::RefCell;
use std::sync::Arc;

/// What waits to be sent.
pub(crate) trait Waiting: Send + Sync {
    /// Sends it, as far as it can be sent at once.
    fn send(&self);
}

thread_local! {
    static WAITING: RefCell<Option<Arc<dyn Waiting>>> = const { RefCell::new(None) };
}

/// Does `work`, on this thread; `waiting` is sent before a function runs in place in it.
pub(crate) fn sending_first<T>(waiting: Arc<dyn Waiting>, work: impl FnOnce() -> T) -> T {
    /// A panic must not leave it to another connection.
    struct Reset(Option<Arc<dyn Waiting>>);
    impl Drop for Reset {
        fn drop(&mut self) {
            WAITING.set(self.0.take());
        }
    }
    let _reset = Reset(WAITING.replace(Some(waiting)));
    work()
}

/// Must be called before a function runs in place.
pub(crate) fn send_what_waits() {
    if let Some(waiting) = WAITING.take() {
        waiting.send();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    impl Waiting for AtomicU32 {
        fn send(&self) {
            self.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn what_waits_is_sent_once_and_only_during_its_own_work() {
        let (outer, inner) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let sent = || (outer.load(Relaxed), inner.load(Relaxed));
        send_what_waits();
        sending_first(outer.clone(), || {
            let panicked = crate::base::panics::catch(|| sending_first(inner.clone(), || panic!("in pieces")));
            assert!(panicked.is_err());
            assert_eq!(sent(), (0, 0));
            send_what_waits();
            send_what_waits();
        });
        send_what_waits();
        assert_eq!(sent(), (1, 0));
    }
}
