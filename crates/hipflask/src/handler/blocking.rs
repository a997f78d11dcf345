//! Where synchronous functions run: beside the async workers until they have shown that they are short.
//!
//! A synchronous view may block: it may sleep, or ask a database. On an async worker that would stop every
//! connection of the worker, so it belongs on another thread. But most such views only format a string, and
//! then the change of threads costs ten times the work. So each function is watched:
//!
//! - its first calls run elsewhere and are timed;
//! - after [`TRIALS`] short ones it runs in place;
//! - if it overruns once, it goes back elsewhere and has to earn its place again, more slowly each time;
//! - while it overruns in place, [`Watchdog`] wakes another worker, so that nobody waits for it. One worker
//!   always stays free for that; where the runtime is ours, it [stands by](StandBy).
//!
//! DESIGN.md has the measurements.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::context::Context;
use crate::handler::{Answer, in_place};
use crate::http::response::Response;

/// A call up to here is short: it costs no more than changing threads twice.
const SHORT: Duration = Duration::from_micros(100);
/// Beyond this a call in place has overrun.
const OVERRUN: Duration = Duration::from_millis(2);
/// So many short calls elsewhere earn a place.
const TRIALS: i32 = 3;
/// The most short calls that can be asked for after overruns.
const MOST_TRIALS: i32 = 100_000;

/// What was learned about one synchronous function.
#[derive(Debug, Default)]
pub struct Pace {
    /// How many short calls are still wanted; at or below zero it runs in place.
    wanted: Wanted,
    /// How often it overran.
    overruns: AtomicU32,
}

#[derive(Debug)]
struct Wanted(AtomicI32);

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted(AtomicI32::new(TRIALS))
    }
}

/// A call in place; dropping it ends the watch. It must be dropped on the thread that it was made on, so never be
/// held while something is awaited.
#[derive(Debug)]
struct Running<'a> {
    pace: &'a Pace,
}

impl Pace {
    /// Whether it may run in place.
    fn is_short(&self) -> bool {
        self.wanted.0.load(Relaxed) <= 0 && Watchdog::has_room()
    }

    /// The answer of a synchronous view: at once if nothing in `future` waits (`ready`, as its arguments say)
    /// and the view is short.
    pub fn answer<'a>(
        &self,
        ready: bool,
        future: impl Future<Output = Result<Option<Response>>> + Send + 'a,
    ) -> Answer<'a> {
        let running = if ready { self.start() } else { None };
        match running {
            Some(_running) => {
                LET_IN.set(true);
                Answer::Ready(now(future))
            }
            None => Answer::Later(Box::pin(future)),
        }
    }

    /// Runs `call` where it belongs.
    pub async fn run<T: Send + 'static>(&self, call: impl FnOnce() -> T + Send + 'static) -> T {
        if LET_IN.take() {
            return call();
        }
        match self.start() {
            Some(_running) => call(),
            None => self.run_elsewhere(call).await,
        }
    }

    /// Runs `call` where it belongs, and lends it the context.
    pub async fn run_with<T: Send + 'static>(
        &self,
        ctx: &mut Context,
        call: impl FnOnce(&mut Context) -> T + Send + 'static,
    ) -> T {
        if LET_IN.take() {
            return call(ctx);
        }
        if let Some(_running) = self.start() {
            return call(ctx);
        }
        let mut lent = ctx.lend();
        let (back, result) = self
            .run_elsewhere(move || {
                // A panic must not take the context along: the hooks after it need it.
                let result = panics::catch(|| call(&mut lent));
                (lent, result)
            })
            .await;
        *ctx = back;
        result.unwrap_or_else(|panicked| resume_unwind(Box::new(panicked)))
    }

    /// Begins a call in place, if there is room for it.
    fn start(&self) -> Option<Running<'_>> {
        if !self.is_short() {
            return None;
        }
        let running = Watchdog::enter().then_some(Running { pace: self });
        if running.is_some() {
            in_place::send_what_waits();
        }
        running
    }

    /// Runs `call` on a thread that may block, and learns from how long it took.
    async fn run_elsewhere<T: Send + 'static>(&self, call: impl FnOnce() -> T + Send + 'static) -> T {
        let timed = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            (panics::catch(call), start.elapsed())
        });
        match timed.await {
            Ok((Err(panicked), _)) => resume_unwind(Box::new(panicked)),
            Ok((Ok(value), took)) => {
                match took <= SHORT {
                    true => _ = self.wanted.0.fetch_sub(1, Relaxed),
                    false if self.wanted.0.load(Relaxed) < TRIALS => self.wanted.0.store(self.trials(), Relaxed),
                    false => {}
                }
                value
            }
            Err(error) => resume_unwind(error.into_panic()),
        }
    }

    fn trials(&self) -> i32 {
        TRIALS.saturating_mul(1 << (4 * self.overruns.load(Relaxed)).min(20)).min(MOST_TRIALS)
    }
}

/// The result of a future that promised to be ready.
fn now<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => {
            Err(Error::msg("an argument says `FromContext::READY` and still waited; its `READY` must be false"))
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        LET_IN.set(false);
        if Watchdog::leave() {
            self.pace.overruns.fetch_add(1, Relaxed);
            self.pace.wanted.0.store(self.pace.trials(), Relaxed);
        }
    }
}

/// What one worker is doing, as far as the watchdog needs to know.
#[derive(Debug, Default)]
struct Slot {
    /// Odd while a call runs in place; never the same number twice.
    turn: AtomicU64,
    overran: AtomicBool,
    /// The turn at the watchdog's last look.
    seen: AtomicU64,
    runtime: OnceLock<Handle>,
}

/// Looks every [`OVERRUN`] whether a call is still the one it saw before. It sleeps while none runs.
#[derive(Debug, Default)]
struct Watchdog {
    slots: Mutex<Vec<Arc<Slot>>>,
    running: AtomicUsize,
    asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

static WATCHDOG: Watchdog = Watchdog {
    slots: Mutex::new(Vec::new()),
    running: AtomicUsize::new(0),
    asleep: AtomicBool::new(false),
    thread: OnceLock::new(),
};

thread_local! {
    /// This worker's slot, and how many calls may run in place at once.
    static WORKER: OnceLock<(Arc<Slot>, usize)> = const { OnceLock::new() };

    /// [`Pace::answer`] has begun a call in place that has not come to its function yet. To ask for room once more
    /// there could be refused, by what other workers did meanwhile, when the answer can no longer wait.
    static LET_IN: Cell<bool> = const { Cell::new(false) };
}

impl Watchdog {
    /// This thread's slot and the room of its runtime: all workers but one, and none off a runtime.
    fn with_worker<T>(with: impl FnOnce(&Arc<Slot>, usize) -> T) -> T {
        WORKER.with(|worker| {
            let (slot, room) = worker.get_or_init(|| {
                let slot = Arc::new(Slot::default());
                let Ok(runtime) = Handle::try_current() else { return (slot, 0) };
                let room = runtime.metrics().num_workers().saturating_sub(1);
                let _ = slot.runtime.set(runtime);
                WATCHDOG.slots.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&slot));
                (slot, room)
            });
            with(slot, *room)
        })
    }

    fn has_room() -> bool {
        Watchdog::with_worker(|_, room| WATCHDOG.running.load(Relaxed) < room)
    }

    fn enter() -> bool {
        Watchdog::with_worker(|slot, room| {
            // A call within a call (a mounted application's view) is part of the outer one.
            let idle = slot.turn.load(Relaxed) % 2 == 0;
            if !idle || WATCHDOG.running.fetch_add(1, Relaxed) >= room {
                if idle {
                    WATCHDOG.running.fetch_sub(1, Relaxed);
                }
                return false;
            }
            slot.next_turn();
            WATCHDOG.wake();
            true
        })
    }

    /// Whether the call overran.
    fn leave() -> bool {
        Watchdog::with_worker(|slot, _| {
            slot.next_turn();
            WATCHDOG.running.fetch_sub(1, Relaxed);
            slot.overran.load(Relaxed) && slot.overran.swap(false, Relaxed)
        })
    }

    fn wake(&'static self) {
        let thread = self.thread.get_or_init(|| {
            let watch = std::thread::Builder::new().name("hipflask-watch".into()).spawn(|| self.watch());
            watch.map_or_else(|_| std::thread::current(), |thread| thread.thread().clone())
        });
        if self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed) {
            thread.unpark();
        }
    }

    fn watch(&self) {
        loop {
            let (mut idle, mut overrun) = (true, false);
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            // A slot that only this list holds belonged to a thread that has ended.
            slots.retain(|slot| Arc::strong_count(slot) > 1);
            for slot in slots.iter() {
                idle &= slot.look();
                overrun |= slot.is_overrun();
            }
            drop(slots);
            RESERVE.set(overrun);
            match idle {
                true => self.sleep(),
                false => std::thread::sleep(OVERRUN),
            }
        }
    }

    fn sleep(&self) {
        self.asleep.store(true, Relaxed);
        // A call that began meanwhile has either cleared the flag and unparked, or is seen at the next tick.
        std::thread::park_timeout(Duration::from_secs(1));
        self.asleep.store(false, Relaxed);
    }
}

impl Slot {
    /// The slot's own thread alone calls this, so no other addition can come between.
    fn next_turn(&self) {
        self.turn.store(self.turn.load(Relaxed) + 1, Relaxed);
    }

    /// Rescues the worker if the call of the last look still runs. Whether nothing happens here.
    fn look(&self) -> bool {
        let turn = self.turn.load(Relaxed);
        let same = self.seen.swap(turn, Relaxed) == turn;
        let runs = turn % 2 == 1;
        if same && runs && !self.overran.swap(true, Relaxed) {
            self.rescue();
        }
        same && !runs
    }

    /// Whether a call that has overrun still runs.
    fn is_overrun(&self) -> bool {
        self.overran.load(Relaxed) && self.turn.load(Relaxed) % 2 == 1
    }

    /// Wakes another worker: it takes over the tasks that wait behind the overrunning call, and the waiting
    /// for sockets and timers.
    fn rescue(&self) {
        if let Some(runtime) = self.runtime.get() {
            runtime.spawn(async {});
        }
    }
}

/// Where workers stand by. A runtime has one worker more than there are processors, so that one is free while calls
/// overrun on all others. If it were awake all the time, the workers would wake each other for every few requests,
/// at a fifth of the processor's time (DESIGN.md). So it sleeps inside of a task until the watchdog calls it.
#[derive(Debug)]
struct Reserve {
    wanted: Mutex<bool>,
    changed: Condvar,
}

static RESERVE: Reserve = Reserve { wanted: Mutex::new(false), changed: Condvar::new() };

/// So long a worker stands by at a time. Then it looks whether something was left in its own queue.
const NAP: Duration = Duration::from_millis(100);

impl Reserve {
    fn wanted(&self) -> MutexGuard<'_, bool> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, wanted: bool) {
        if std::mem::replace(&mut *self.wanted(), wanted) != wanted {
            self.changed.notify_all();
        }
    }

    /// Blocks until it is wanted, or for so long.
    fn nap(&self, closed: &AtomicBool, how_long: Duration) {
        let wanted = self.wanted();
        if !*wanted && !closed.load(Relaxed) {
            drop(self.changed.wait_timeout(wanted, how_long));
        }
    }
}

/// Lets one worker of a runtime stand by, until this is dropped. It must be dropped before the runtime, which waits
/// for its workers.
#[derive(Debug)]
pub(crate) struct StandBy {
    closed: Arc<AtomicBool>,
}

impl StandBy {
    pub(crate) fn start(runtime: &Handle) -> StandBy {
        let closed = Arc::new(AtomicBool::new(false));
        runtime.spawn(stand_by(Arc::clone(&closed)));
        StandBy { closed }
    }
}

impl Drop for StandBy {
    fn drop(&mut self) {
        let _wanted = RESERVE.wanted();
        self.closed.store(true, Relaxed);
        RESERVE.changed.notify_all();
    }
}

async fn stand_by(closed: Arc<AtomicBool>) {
    while !closed.load(Relaxed) {
        let nap = if clear_queue().await { NAP } else { OVERRUN };
        RESERVE.nap(&closed, nap);
        while *RESERVE.wanted() {
            tokio::time::sleep(OVERRUN).await;
        }
    }
}

/// Runs what waits in this worker's queue, because under load no other worker may come to it; whether that was all, as
/// far as the time that it took can tell.
async fn clear_queue() -> bool {
    /// In less, no more than a request or two were answered.
    const NOTHING: Duration = Duration::from_micros(50);
    let mut quick_turns = 0;
    for _ in 0..6 {
        let began = Instant::now();
        wait_a_turn().await;
        quick_turns = if began.elapsed() < NOTHING { quick_turns + 1 } else { 0 };
        // Now and then a worker looks what has become ready, and what it finds comes behind this task.
        if quick_turns == 2 {
            return true;
        }
    }
    false
}

/// Lets run what waits in this worker's queue, and wakes another worker if all others sleep. Unlike
/// [`yield_now`](tokio::task::yield_now) it does not have the worker look for what has become ready, which under load
/// would fill the queue again.
async fn wait_a_turn() {
    let mut was_woken = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut was_woken, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(workers: usize) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime")
    }

    async fn call(pace: &Pace, took: Duration) -> &'static str {
        match pace.start() {
            Some(_running) => {
                std::thread::sleep(took);
                "in place"
            }
            None => {
                pace.run_elsewhere(move || {
                    std::thread::sleep(took);
                    "elsewhere"
                })
                .await
            }
        }
    }

    #[test]
    fn a_short_function_earns_its_place_and_loses_it_by_an_overrun() {
        runtime(3).block_on(async {
            tokio::spawn(async {
                let pace = Pace::default();
                while call(&pace, Duration::ZERO).await == "elsewhere" {}
                assert_eq!(call(&pace, OVERRUN * 100).await, "in place");
                assert_eq!(call(&pace, Duration::ZERO).await, "elsewhere");
                assert!(pace.wanted.0.load(Relaxed) > TRIALS, "it has to earn more than at first");
            })
            .await
            .expect("no panic");
        });
    }

    #[test]
    fn one_worker_never_runs_anything_in_place() {
        runtime(1).block_on(async {
            tokio::spawn(async {
                let pace = Pace::default();
                for _ in 0..20 {
                    assert_eq!(call(&pace, Duration::ZERO).await, "elsewhere");
                }
            })
            .await
            .expect("no panic");
        });
    }

    #[test]
    fn a_worker_that_stands_by_relieves_all_others() {
        let runtime = runtime(2);
        let stand_by = StandBy::start(runtime.handle());
        runtime.block_on(async {
            let overrunning = tokio::spawn(async {
                let pace = Pace::default();
                while call(&pace, Duration::ZERO).await == "elsewhere" {}
                call(&pace, OVERRUN * 200).await
            });
            // Were the other worker asleep all the time, this would wait for the call in place.
            let began = Instant::now();
            let mut served = 0;
            while !overrunning.is_finished() {
                tokio::spawn(tokio::time::sleep(OVERRUN)).await.expect("no panic");
                served += 1;
            }
            assert!(served > 20, "{served} in {:?}", began.elapsed());
            assert_eq!(overrunning.await.expect("no panic"), "in place");
        });
        drop(stand_by);
    }

    #[test]
    fn what_was_let_in_stays_in_place_whatever_happens_meanwhile() {
        runtime(3).block_on(async {
            tokio::spawn(async {
                let pace = Pace::default();
                pace.wanted.0.store(0, Relaxed);
                let view = async {
                    // Another worker's call has overrun.
                    pace.wanted.0.store(TRIALS, Relaxed);
                    pace.run(|| Ok(None)).await
                };
                assert!(matches!(pace.answer(true, view), Answer::Ready(Ok(None))));
                assert_eq!(call(&pace, Duration::ZERO).await, "elsewhere");
            })
            .await
            .expect("no panic");
        });
    }

    #[test]
    fn a_panic_comes_through() {
        let pace = Pace::default();
        let caught = panics::catch(|| runtime(1).block_on(pace.run_elsewhere(|| panic!("boom"))));
        assert!(matches!(caught, Err(panicked) if panicked.to_string().ends_with("boom")));
    }
}
