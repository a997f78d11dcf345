//! The start and the end of an application, and of those mounted in it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::app::course::Course;
use crate::app::frozen::{Frozen, Stage, Timeouts};
use crate::app::scope::Hook;
use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::handler::BoxFuture;

impl Frozen {
    /// Runs what has to run before the first request, once: the application's own `on_startup` functions, then those of
    /// the applications mounted in it. Calls at the same time wait for each other.
    ///
    /// # Errors
    ///
    /// The first failure. What had started by then has been stopped; the next call tries again.
    pub async fn start(&self) -> Result<()> {
        if self.life().is_started.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut stage = self.life().stage.lock().await;
        if stage.is_started {
            return Ok(());
        }
        // A start that was given up halfway.
        if stage.ran > 0 {
            self.tell_rest(self.shut_down(&mut stage, Instant::now()).await);
        }
        self.after_work().set(Course::Going);
        if let Err(error) = self.start_all(&mut stage).await {
            self.tell_rest(self.shut_down(&mut stage, Instant::now()).await);
            return Err(error);
        }
        stage.is_started = true;
        self.life().is_started.store(true, Ordering::Release);
        Ok(())
    }

    async fn start_all(&self, stage: &mut Stage) -> Result<()> {
        for hook in &self.life().on_startup {
            self.call_once(hook, "on_startup", self.life().timeouts.startup).await?;
            stage.ran += 1;
        }
        for child in self.children() {
            start_child(child).await?;
        }
        Ok(())
    }

    /// Waits until the application begins to stop, which is when its server accepts no more: the time to end what would
    /// go on, like a stream of events. What has not ended `SERVER_GRACEFUL_TIMEOUT` later is broken off.
    ///
    /// ```
    /// # hipflask::block_on(async {
    /// let app = hipflask::App::new("doc", ".").freeze()?;
    /// app.start().await?;
    /// let stopping = app.stopping();
    /// app.stop().await?;
    /// stopping.await;
    /// # Ok::<(), hipflask::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        self.after_work().reached(Course::Stopping)
    }

    /// Has everything that waits for it know that the application stops, and those mounted in it.
    pub(crate) fn begin_to_stop(&self) {
        self.after_work().set(Course::Stopping);
        self.children().iter().for_each(Frozen::begin_to_stop);
    }

    /// Runs what has to run after the last request: the `on_shutdown` functions of the applications mounted in this one,
    /// then its own, each in reverse. All of them run, even if one fails. Without a start nothing runs. Before that it
    /// waits for the work [after responses](crate::Context::after_response), up to `SERVER_GRACEFUL_TIMEOUT`.
    ///
    /// # Errors
    ///
    /// The first failure; the others are in the log.
    pub async fn stop(&self) -> Result<()> {
        let graceful = self.config().seconds("SERVER_GRACEFUL_TIMEOUT").ok().flatten().unwrap_or_default();
        self.stop_by(Instant::now() + graceful).await
    }

    /// [`stop`](Frozen::stop), where the work after responses has time until `deadline`.
    pub(crate) async fn stop_by(&self, deadline: Instant) -> Result<()> {
        let mut stage = self.life().stage.lock().await;
        let mut failures = self.shut_down(&mut stage, deadline).await.into_iter();
        let first = failures.next();
        self.tell_rest(failures);
        first.map_or(Ok(()), Err)
    }

    /// Ends what has begun, the last first. What has failed.
    async fn shut_down(&self, stage: &mut Stage, deadline: Instant) -> Vec<Error> {
        self.begin_to_stop();
        self.finish_work(deadline).await;
        let mut failures = Vec::new();
        for child in self.children().iter().rev() {
            failures.extend(stop_child(child, deadline).await.err());
        }
        let Stage { is_started, ran } = std::mem::take(stage);
        self.life().is_started.store(false, Ordering::Release);
        if is_started || ran > 0 {
            for shutdown in self.life().on_shutdown.iter().rev().filter(|shutdown| shutdown.after <= ran) {
                failures
                    .extend(self.call_once(&shutdown.hook, "on_shutdown", self.life().timeouts.shutdown).await.err());
            }
        } else {
            // It may go on without a start, as it did before.
            self.after_work().set(Course::Going);
        }
        failures
    }

    /// Waits for the work after responses until `deadline`, and cuts off the rest, which says so in the log.
    async fn finish_work(&self, deadline: Instant) {
        let (work, name) = (self.after_work(), self.name());
        let left = |most: Duration| deadline.saturating_duration_since(Instant::now()).min(most);
        if timeout(left(AT_ONCE), work.done()).await.is_err() {
            let time = left(Duration::MAX);
            if !time.is_zero() {
                let seconds = time.as_secs_f64();
                tracing::info!("waiting up to {seconds:.1} s for {} of `{name}` after responses", pieces(work.open()));
            }
            if timeout(time, work.done()).await.is_err() {
                tracing::warn!("cut off {} of `{name}` after responses", pieces(work.open()));
            }
        }
        work.set(Course::Cut);
        // What is cut off ends at once, unless it blocks.
        let _ = timeout(AT_ONCE, work.done()).await;
    }

    /// Calls a function `of` the start or the end. One that takes longer than `timeout` is given up.
    async fn call_once(&self, hook: &Hook, of: &str, timeout: Option<Duration>) -> Result<()> {
        self.app_context(async |ctx| {
            let called = hook.handler.call(ctx);
            match timeout.filter(|_| Handle::try_current().is_ok()) {
                None => called.await?,
                Some(timeout) => match tokio::time::timeout(timeout, called.into_future()).await {
                    Ok(answer) => answer?,
                    Err(_) => return Err(too_slow(hook, of, timeout)),
                },
            };
            Ok(())
        })
        .await
    }

    fn tell_rest(&self, failures: impl IntoIterator<Item = Error>) {
        for error in failures {
            tracing::error!("`{}` was not stopped cleanly: {error:?}", self.name());
        }
    }
}

fn too_slow(hook: &Hook, of: &str, timeout: Duration) -> Error {
    let (file, line) = (hook.location.file(), hook.location.line());
    let key = if of == "on_startup" { "STARTUP_TIMEOUT" } else { "SHUTDOWN_TIMEOUT" };
    let seconds = timeout.as_secs_f64();
    let told = format!(
        "the {of} function at {file}:{line} was not done after {seconds} seconds; find out what it waits for, or give it \
         more time with `{key}`"
    );
    Error::msg(told).at(hook.location)
}

impl Timeouts {
    pub(super) fn from_config(config: &Config) -> Result<Timeouts> {
        Ok(Timeouts { startup: config.seconds("STARTUP_TIMEOUT")?, shutdown: config.seconds("SHUTDOWN_TIMEOUT")? })
    }
}

/// Boxed, because applications can be mounted in each other to any depth.
fn start_child(child: &Frozen) -> BoxFuture<'_, Result<()>> {
    Box::pin(child.start())
}

fn stop_child(child: &Frozen, deadline: Instant) -> BoxFuture<'_, Result<()>> {
    Box::pin(child.stop_by(deadline))
}

/// What ends within this time is not worth a line.
const AT_ONCE: Duration = Duration::from_secs(1);

fn pieces(open: usize) -> String {
    match open {
        1 => "1 piece of work".to_owned(),
        open => format!("{open} pieces of work"),
    }
}
