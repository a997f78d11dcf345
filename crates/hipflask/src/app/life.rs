//! The start and the end of an application, and of those mounted in it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;

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
            self.tell_rest(self.shut_down(&mut stage).await);
        }
        if let Err(error) = self.start_all(&mut stage).await {
            self.tell_rest(self.shut_down(&mut stage).await);
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

    /// Runs what has to run after the last request: the `on_shutdown` functions of the applications mounted in this one,
    /// then its own, each in reverse. All of them run, even if one fails. Without a start nothing runs.
    ///
    /// # Errors
    ///
    /// The first failure; the others are in the log.
    pub async fn stop(&self) -> Result<()> {
        let mut stage = self.life().stage.lock().await;
        let mut failures = self.shut_down(&mut stage).await.into_iter();
        let first = failures.next();
        self.tell_rest(failures);
        first.map_or(Ok(()), Err)
    }

    /// Ends what has begun, the last first. What has failed.
    async fn shut_down(&self, stage: &mut Stage) -> Vec<Error> {
        let mut failures = Vec::new();
        for child in self.children().iter().rev() {
            failures.extend(stop_child(child).await.err());
        }
        let Stage { is_started, ran } = std::mem::take(stage);
        self.life().is_started.store(false, Ordering::Release);
        if is_started || ran > 0 {
            for shutdown in self.life().on_shutdown.iter().rev().filter(|shutdown| shutdown.after <= ran) {
                failures
                    .extend(self.call_once(&shutdown.hook, "on_shutdown", self.life().timeouts.shutdown).await.err());
            }
        }
        failures
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

fn stop_child(child: &Frozen) -> BoxFuture<'_, Result<()>> {
    Box::pin(child.stop())
}
