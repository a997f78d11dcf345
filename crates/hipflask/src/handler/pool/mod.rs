//! The threads that synchronous functions run on, apart from the runtime's workers and from its threads for files.
//!
//! A thread is started when a call waits and no thread is on its way, up to a bound, and ends when it has been idle for
//! a while. What counts is the price of a hand-over, because most of what is handed over only formats a string, and the
//! system calls that wake a sleeping thread cost more than that. So a thread that has run out of calls lets the others
//! run a few times before it sleeps, and no more than one thread is on its way at a time: it sends for the next if there
//! are more calls than its own. Under load a thread then finds a batch of calls when it looks, and the worker that it
//! wakes a batch of results. DESIGN.md has the figures.

pub(crate) mod queue;
mod sleeper;
mod worker;

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::handler::pool::queue::{Help, Job, Queue, Waiting, run};

/// How far a [`Pool`] may grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most threads at once.
    pub(crate) threads: usize,
    /// The most calls that wait while all threads are busy.
    pub(crate) waiting: usize,
    /// How long a thread stays without a call.
    pub(crate) idle: Duration,
}

/// Threads that run what is handed over to them. Once it is dropped, they end when nothing waits any more.
pub(crate) struct Pool(Arc<Line>);

/// What the threads for synchronous views are doing: [`Frozen::view_threads`](crate::Frozen::view_threads).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViewThreads {
    /// The threads there are, at most `VIEW_THREADS`.
    pub threads: usize,
    /// The threads that are running something.
    pub running: usize,
    /// The calls that wait for a thread, at most `VIEW_QUEUE` once all threads are busy.
    pub waiting: usize,
}

/// All threads are busy, and no more calls may wait.
#[derive(Debug)]
pub(crate) struct Full;

/// Where calls wait for a thread.
pub(crate) struct Line {
    bounds: Bounds,
    start: Start,
    queue: Mutex<Queue>,
    /// How many calls wait, to be read without the lock.
    waiting: AtomicUsize,
}

/// Starts a thread of this name.
type Start = fn(String, Box<dyn FnOnce() + Send>) -> io::Result<()>;

thread_local! {
    /// Whether this is one of a pool's threads.
    static OF_A_POOL: Cell<bool> = const { Cell::new(false) };
}

impl Pool {
    pub(crate) fn new(bounds: Bounds) -> Pool {
        Pool::with(bounds, start)
    }

    fn with(bounds: Bounds, start: Start) -> Pool {
        Pool(Arc::new(Line { bounds, start, queue: Mutex::default(), waiting: AtomicUsize::new(0) }))
    }

    /// The line that calls wait in.
    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.0
    }

    pub(crate) fn view_threads(&self) -> ViewThreads {
        let queue = self.0.lock();
        ViewThreads {
            threads: queue.threads,
            running: queue.threads - queue.looking - queue.asleep.len(),
            waiting: queue.waiting.len(),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        let asleep = std::mem::take(&mut queue.asleep);
        queue.looking += asleep.len();
        drop(queue);
        asleep.iter().for_each(|sleeper| sleeper.wake());
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `job` run by a thread.
    pub(crate) fn push(self: &Arc<Self>, job: Arc<dyn Job>) -> Result<(), Full> {
        if OF_A_POOL.get() {
            self.run_apart(job);
            return Ok(());
        }
        let mut queue = self.lock();
        let help = queue.find_help(self.bounds.threads);
        let is_busy = matches!(help, Help::Busy);
        if is_busy && queue.waiting.len() >= self.bounds.waiting {
            self.tell_full(queue);
            return Err(Full);
        }
        queue.push(Waiting { job, since: is_busy.then(Instant::now) }, &self.waiting);
        drop(queue);
        self.send(help);
        Ok(())
    }

    /// Runs `job` on a thread of its own. It was handed over by a function that runs on a thread of a pool, and waits for
    /// it: if all threads are in that position, none would ever come to what they wait for.
    fn run_apart(&self, job: Arc<dyn Job>) {
        let same = Arc::clone(&job);
        if (self.start)("hipflask-view-within".to_owned(), Box::new(|| run(job))).is_err() {
            run(same);
        }
    }

    fn send(self: &Arc<Self>, help: Help) {
        match help {
            Help::Coming | Help::Busy => {}
            Help::Wake(sleeper) => sleeper.wake(),
            Help::Start(number) => {
                let line = Arc::clone(self);
                if let Err(error) = (self.start)(format!("hipflask-view-{number}"), Box::new(|| line.serve())) {
                    self.do_without(&error);
                }
            }
        }
    }

    /// A thread that was counted on cannot be started. If there is no other, what waits runs here.
    fn do_without(&self, error: &io::Error) {
        let mut queue = self.lock();
        queue.threads -= 1;
        queue.looking -= 1;
        if queue.may_tell() {
            tracing::error!(
                "no thread can be started for a synchronous view, so there are only {}: {error}",
                queue.threads
            );
        }
        let left = if queue.threads == 0 { std::mem::take(&mut queue.waiting) } else { VecDeque::new() };
        self.waiting.store(queue.waiting.len(), Ordering::Relaxed);
        drop(queue);
        left.into_iter().for_each(|waiting| run(waiting.job));
    }

    /// Takes the call at `job` out, if it still waits.
    pub(crate) fn forget(&self, job: *const ()) {
        let mut queue = self.lock();
        queue.waiting.retain(|waiting| Arc::as_ptr(&waiting.job).cast::<()>() != job);
        self.waiting.store(queue.waiting.len(), Ordering::Relaxed);
    }

    fn tell_full(&self, mut queue: MutexGuard<'_, Queue>) {
        if queue.may_tell() {
            let (threads, waiting) = (queue.threads, queue.waiting.len());
            drop(queue);
            tracing::warn!(
                "{threads} synchronous views are running and {waiting} wait, so requests are refused with 503; \
                 raise VIEW_THREADS or VIEW_QUEUE, or make the views that wait for something async"
            );
        }
    }
}

fn start(name: String, serve: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    let of_a_pool = move || {
        OF_A_POOL.set(true);
        serve();
    };
    thread::Builder::new().name(name).spawn(of_a_pool).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Barrier, BarrierWaitResult};

    use super::*;
    use crate::base::panics::Panicked;
    use crate::block_on;
    use crate::handler::hand_over::{HandOver, hand_over};

    fn pool(threads: usize, waiting: usize) -> Pool {
        Pool::new(Bounds { threads, waiting, idle: Duration::from_secs(60) })
    }

    type Handed<T> = HandOver<(), Box<dyn FnOnce(&mut ()) -> T + Send>, T>;

    fn hand<T: Send + 'static>(pool: &Pool, work: impl FnOnce() -> T + Send + 'static) -> Result<Handed<T>, Full> {
        let work: Box<dyn FnOnce(&mut ()) -> T + Send> = Box::new(|(): &mut ()| work());
        hand_over(pool, (), work).map_err(|(_, full)| full)
    }

    /// A call that has begun, and ends when it is told to.
    fn begun(pool: &Pool) -> (Handed<()>, Sender<()>) {
        let (begin, begun) = channel();
        let (end, ended) = channel();
        let call = hand(pool, move || {
            begin.send(()).expect("the test waits for it");
            let _ = ended.recv();
        });
        begun.recv().expect("it begins");
        (call.expect("there is room"), end)
    }

    fn until(what: impl Fn() -> bool) {
        while !what() {
            thread::yield_now();
        }
    }

    #[test]
    fn calls_that_wait_for_each_other_run_at_the_same_time() {
        let pool = pool(8, 0);
        let barrier = Arc::new(Barrier::new(8));
        for _ in 0..3 {
            let calls: Vec<_> = (0..8).map(|_| Arc::clone(&barrier)).collect();
            let calls: Vec<_> = calls.into_iter().map(|barrier| hand(&pool, move || barrier.wait())).collect();
            let results = calls.into_iter().map(|call| block_on(call.expect("there is room")).1);
            let leads = |result: &Result<BarrierWaitResult, _>| result.as_ref().is_ok_and(BarrierWaitResult::is_leader);
            assert_eq!(results.filter(leads).count(), 1);
        }
        assert!(pool.view_threads().threads <= 8);
    }

    #[test]
    fn one_call_after_the_other_takes_one_thread() {
        let pool = pool(8, 8);
        let id = || thread::current().id();
        let first = block_on(hand(&pool, id).expect("there is room")).1;
        for _ in 0..100 {
            until(|| pool.view_threads().running == 0);
            assert_eq!(block_on(hand(&pool, id).expect("there is room")).1, first);
        }
    }

    #[test]
    fn beyond_threads_and_places_a_call_is_refused() {
        let pool = pool(1, 1);
        let (running, end) = begun(&pool);
        let waiting = hand(&pool, || "waited").expect("one may wait");
        assert!(hand(&pool, || "refused").is_err());
        assert_eq!(pool.view_threads(), ViewThreads { threads: 1, running: 1, waiting: 1 });
        end.send(()).expect("it waits for this");
        assert_eq!(block_on(running).1, Ok(()));
        assert_eq!(block_on(waiting).1, Ok("waited"));
    }

    #[test]
    fn a_call_that_is_left_before_it_began_gives_back_the_loan_and_the_place() {
        let pool = pool(1, 1);
        let (_running, end) = begun(&pool);
        let never = |_: &mut String| unreachable!("nobody waits for it");
        let mut call = hand_over(&pool, "lent".to_owned(), never).map_err(|_| "full").expect("one may wait");
        assert_eq!(call.leave().as_deref(), Some("lent"));
        let next = hand(&pool, || "next").expect("the place is free");
        end.send(()).expect("it waits for this");
        assert_eq!(block_on(next).1, Ok("next"));
    }

    #[test]
    fn a_call_that_is_left_after_it_began_runs_to_its_end() {
        let pool = pool(1, 0);
        let (begin, has_begun) = channel();
        let (end, may_end): (_, Receiver<()>) = channel();
        let (tell, told) = channel();
        let work = move |lent: &mut String| {
            begin.send(()).expect("the test waits for it");
            may_end.recv().expect("the test lets it end");
            tell.send(lent.clone()).expect("the test waits for it");
        };
        let mut call = hand_over(&pool, "lent".to_owned(), work).map_err(|_| "full").expect("there is room");
        has_begun.recv().expect("it begins");
        assert_eq!(call.leave(), None);
        drop(call);
        end.send(()).expect("it waits for this");
        assert_eq!(told.recv().as_deref(), Ok("lent"));
    }

    /// Panics when it is dropped.
    struct Spiteful;

    impl Drop for Spiteful {
        fn drop(&mut self) {
            panic!("in a drop");
        }
    }

    #[test]
    fn a_panic_is_a_result_and_costs_no_thread() {
        let pool = pool(1, 1);
        let panicked = block_on(hand(&pool, || panic!("boom")).expect("there is room")).1;
        let panicked: Result<(), Panicked> = panicked;
        assert!(panicked.is_err_and(|panicked| panicked.message() == "boom"));
        // A result that is not wanted any more.
        let (begin, begun) = channel();
        let (end, ended): (_, Receiver<()>) = channel();
        let left = hand(&pool, move || {
            begin.send(()).expect("the test waits for it");
            let _ = ended.recv();
            Spiteful
        });
        begun.recv().expect("it begins");
        drop(left);
        drop(end);
        assert_eq!(block_on(hand(&pool, || "still there").expect("there is room")).1, Ok("still there"));
        assert_eq!(pool.view_threads().threads, 1);
    }

    #[test]
    fn a_call_within_a_call_needs_no_thread_of_the_pool() {
        let pool = Arc::new(pool(1, 0));
        let inner = Arc::clone(&pool);
        let outer = move || {
            let call = hand(&inner, || "inner").expect("it is no thread of the pool's");
            block_on(call).1
        };
        assert_eq!(block_on(hand(&pool, outer).expect("there is room")).1, Ok(Ok("inner")));
    }

    #[test]
    fn threads_end_when_they_are_idle_and_when_the_pool_is_gone() {
        let brief = Pool::new(Bounds { threads: 4, waiting: 4, idle: Duration::from_millis(1) });
        for n in 0..3 {
            assert_eq!(block_on(hand(&brief, move || n).expect("there is room")).1, Ok(n));
            until(|| brief.view_threads().threads == 0);
        }
        let pool = pool(4, 4);
        assert_eq!(block_on(hand(&pool, || 1).expect("there is room")).1, Ok(1));
        let line = Arc::downgrade(pool.line());
        let (running, end) = begun(&pool);
        drop(pool);
        end.send(()).expect("it waits for this");
        assert_eq!(block_on(running).1, Ok(()));
        until(|| line.upgrade().is_none());
    }

    #[test]
    fn without_threads_calls_run_where_they_are_handed_over() {
        let bounds = Bounds { threads: 4, waiting: 4, idle: Duration::from_secs(60) };
        let pool = Pool::with(bounds, |_, _| Err(io::ErrorKind::WouldBlock.into()));
        let here = thread::current().id();
        let call = hand(&pool, || thread::current().id()).expect("it is taken");
        assert_eq!(block_on(call).1, Ok(here));
        assert_eq!(pool.view_threads(), ViewThreads::default());
    }

    /// Counts when it is dropped.
    struct Counted;

    static DROPPED: AtomicUsize = AtomicUsize::new(0);

    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls that end well, that panic, that are left before or after they begin, all at once: each answers rightly or
    /// is left, and nothing remains.
    #[test]
    fn whatever_happens_at_once_nothing_is_lost() {
        const CALLS: usize = 2_000;
        let pool = Arc::new(Pool::new(Bounds { threads: 3, waiting: 4 * CALLS, idle: Duration::from_micros(50) }));
        let callers = (0..4).map(|caller| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let runtime = crate::base::runtime::new().expect("a runtime needs nothing that could be missing");
                for n in 0..CALLS {
                    let counted = Counted;
                    let work = move |lent: &mut usize| {
                        let _counted = counted;
                        assert!(*lent % 7 != 3, "one of seven panics");
                        *lent
                    };
                    let call = hand_over(&pool, n, work).map_err(|_| "full").expect("there is room");
                    if n % 5 != caller {
                        let (lent, result) = runtime.block_on(call);
                        assert_eq!((lent, result.ok()), (n, (n % 7 != 3).then_some(n)));
                    }
                }
            })
        });
        callers.collect::<Vec<_>>().into_iter().for_each(|caller| caller.join().expect("no caller fails"));
        until(|| pool.view_threads() == ViewThreads::default());
        assert_eq!(DROPPED.load(Ordering::Relaxed), 4 * CALLS);
    }
}
