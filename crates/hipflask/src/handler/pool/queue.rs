//! The calls that wait, and the threads that there are for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::base::panics;
use crate::handler::pool::sleeper::Sleeper;

/// The shortest time between two warnings.
const SILENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Waiting>,
    /// The threads that sleep. The last one is woken first, so that threads that are not needed come to their end.
    pub(super) asleep: Vec<Arc<Sleeper>>,
    pub(super) threads: usize,
    /// The threads that are awake, or have been woken, and will look for a call before they sleep.
    pub(super) looking: usize,
    /// Gives each thread its number.
    started: usize,
    pub(super) closed: bool,
    /// When a warning was last logged.
    told: Option<Instant>,
}

pub(super) struct Waiting {
    pub(super) job: Arc<dyn Job>,
    /// Since when, where all threads were busy.
    pub(super) since: Option<Instant>,
}

/// A call, whatever it takes and gives.
pub(crate) trait Job: Send + Sync {
    fn run(&self);
}

/// How a thread comes to the calls that wait.
pub(super) enum Help {
    /// One is on its way.
    Coming,
    Wake(Arc<Sleeper>),
    Start(usize),
    /// All are busy; the next that is done will look.
    Busy,
}

impl Queue {
    pub(super) fn push(&mut self, waiting: Waiting, count: &AtomicUsize) {
        self.waiting.push_back(waiting);
        count.store(self.waiting.len(), Ordering::Relaxed);
    }

    pub(super) fn pop(&mut self, count: &AtomicUsize) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        count.store(self.waiting.len(), Ordering::Relaxed);
        Some(waiting)
    }

    /// Finds a thread for the calls that wait. The caller has to [`send`](Line::send) for it, without the lock.
    pub(super) fn find_help(&mut self, most: usize) -> Help {
        if self.looking > 0 {
            return Help::Coming;
        }
        let help = if let Some(sleeper) = self.asleep.pop() {
            Help::Wake(sleeper)
        } else if self.threads < most {
            self.threads += 1;
            self.started += 1;
            Help::Start(self.started)
        } else {
            return Help::Busy;
        };
        self.looking += 1;
        help
    }

    /// Whether it is time to log a warning again.
    pub(super) fn may_tell(&mut self) -> bool {
        let now = Instant::now();
        let may = self.told.is_none_or(|told| now - told >= SILENCE);
        if may {
            self.told = Some(now);
        }
        may
    }
}

/// Runs `job` and catches panics; even a result that is not wanted any more can panic when it is dropped.
pub(super) fn run(job: Arc<dyn Job>) {
    if let Err(panicked) = panics::catch(move || job.run()) {
        tracing::error!("what a synchronous function left behind {panicked}");
    }
}
