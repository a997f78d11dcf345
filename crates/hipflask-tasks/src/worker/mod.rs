//! The worker: takes messages, runs their tasks, and ends in order.

mod follow;
mod run;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hipflask::{Frozen, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::broker::HEARTBEAT;
use crate::extension::Shared;

/// How long a worker waits before it asks a broker again that could not be reached; twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A worker of an application.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) app: Frozen,
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    pub(crate) queues: Vec<String>,
    pub(crate) concurrency: usize,
    /// How long what runs may take to end.
    pub(crate) patience: Duration,
    /// The tags of what was taken and has not ended.
    pub(crate) held: Arc<Mutex<BTreeSet<i64>>>,
}

impl Worker {
    /// Works until `stop` is ready, and then until what runs has ended, or time is up. What has not ended is given back.
    pub(crate) async fn run(&self, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(self.concurrency));
        let heart = Stopping(tokio::spawn(self.clone().beat()));
        until(stop, self.take_all(&places)).await;
        let all = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        if timeout(self.patience, places.acquire_many(all)).await.is_err() {
            let count = self.concurrency - places.available_permits();
            tracing::warn!("{count} tasks did not end in time; they are given back and run again");
        }
        drop(heart);
        // Also what was taken and had not begun when it was told to stop.
        if let Err(error) = self.shared.broker().give_back(&self.name).await {
            tracing::warn!("the worker cannot give back its tasks; they run again when its lease has ended: {error}");
        }
    }

    /// Runs everything that is due, and comes back when there is nothing left.
    pub(crate) async fn drain(&self) -> Result<usize> {
        let mut count = 0;
        loop {
            let taken = self.shared.broker().take(&self.name, &self.queues, 1).await?;
            if taken.is_empty() {
                return Ok(count);
            }
            for delivery in taken {
                run::run(self, delivery).await;
                count += 1;
            }
        }
    }

    async fn take_all(&self, places: &Arc<Semaphore>) {
        let mut pause = PAUSE;
        loop {
            let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
            let free = places.available_permits() + 1;
            match self.shared.broker().take(&self.name, &self.queues, free).await {
                Ok(taken) if taken.is_empty() => {
                    drop(place);
                    self.shared.broker().wait(&self.queues).await;
                }
                Ok(taken) => {
                    drop(place);
                    self.held().extend(taken.iter().map(|delivery| delivery.tag));
                    for delivery in taken {
                        let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
                        let worker = self.clone();
                        tokio::spawn(async move {
                            let tag = delivery.tag;
                            run::run(&worker, delivery).await;
                            worker.held().remove(&tag);
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::error!("the worker cannot take tasks; it tries again in {pause:?}: {error:?}");
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            }
            pause = PAUSE;
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the worker is alive, so that what it has is not given to others.
    async fn beat(self) {
        let mut ticks = interval(HEARTBEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let held: Vec<i64> = self.held().iter().copied().collect();
            if let Err(error) = self.shared.broker().keep(&self.name, &held).await {
                tracing::warn!("the worker cannot say that it is alive: {error}");
            }
        }
    }
}

/// A task of the runtime that ends with its owner.
struct Stopping(JoinHandle<()>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `work` until `stop` is ready.
async fn until(stop: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    let (mut stop, mut work) = (pin!(stop), pin!(work));
    poll_fn(|cx| {
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        work.as_mut().poll(cx)
    })
    .await;
}
