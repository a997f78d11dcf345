//! A thread of the pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::handler::pool::Line;
use crate::handler::pool::queue::{Help, Job, Queue, Waiting, run};
use crate::handler::pool::sleeper::Sleeper;

/// A call that has waited this long for a thread is reported.
const SLOW: Duration = Duration::from_secs(1);
/// How often a thread without calls lets the others run before it sleeps. On a busy processor the worker then hands the
/// next calls over meanwhile; on an idle one it comes back at once.
const LOOKS: usize = 3;

impl Line {
    /// A thread's life.
    pub(super) fn serve(self: Arc<Self>) {
        let sleeper = Arc::new(Sleeper { thread: thread::current(), woken: AtomicBool::new(false) });
        while let Some(job) = self.next(&sleeper) {
            run(job);
            self.lock().looking += 1;
        }
    }

    /// The next call for a thread that is counted among those that look; `None` if it has to end.
    fn next(self: &Arc<Self>, sleeper: &Arc<Sleeper>) -> Option<Arc<dyn Job>> {
        loop {
            if let Some(job) = self.take() {
                return Some(job);
            }
            if self.look_about() {
                continue;
            }
            let mut queue = self.lock();
            if !queue.waiting.is_empty() {
                continue;
            }
            queue.looking -= 1;
            if queue.closed {
                queue.threads -= 1;
                return None;
            }
            queue.asleep.push(Arc::clone(sleeper));
            drop(queue);
            while !sleeper.sleep(self.bounds.idle) {
                if self.retire(sleeper) {
                    return None;
                }
            }
        }
    }

    /// Takes the call that has waited longest, and sends for another thread if there are more.
    fn take(self: &Arc<Self>) -> Option<Arc<dyn Job>> {
        let mut queue = self.lock();
        let Waiting { job, since } = queue.pop(&self.waiting)?;
        queue.looking -= 1;
        let help = if queue.waiting.is_empty() { Help::Coming } else { queue.find_help(self.bounds.threads) };
        match since.map(|since| since.elapsed()).filter(|waited| *waited >= SLOW) {
            Some(waited) => self.tell_slow(queue, waited),
            None => drop(queue),
        }
        self.send(help);
        Some(job)
    }

    /// Lets others run, in case they have calls; whether they had.
    fn look_about(&self) -> bool {
        (0..LOOKS).any(|_| {
            thread::yield_now();
            self.waiting.load(Ordering::Relaxed) > 0
        })
    }

    /// Removes a thread that has slept long enough from those that sleep; whether it was one of them. If not, it has been
    /// chosen to be woken.
    fn retire(&self, sleeper: &Arc<Sleeper>) -> bool {
        let mut queue = self.lock();
        let at = queue.asleep.iter().position(|other| Arc::ptr_eq(other, sleeper));
        match at {
            Some(at) => {
                queue.asleep.remove(at);
                queue.threads -= 1;
                true
            }
            None => false,
        }
    }

    fn tell_slow(&self, mut queue: MutexGuard<'_, Queue>, waited: Duration) {
        if queue.may_tell() {
            let (threads, waiting) = (queue.threads, queue.waiting.len());
            drop(queue);
            tracing::warn!(
                "a synchronous view has waited {:.1} s for one of {threads} threads, and {waiting} more wait; \
                 raise VIEW_THREADS, or make the views that wait for something async",
                waited.as_secs_f64()
            );
        }
    }
}
