//! From the first connection to the end of the last.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as channel};

use crate::app::frozen::Frozen;
use crate::base::error::Result;
use crate::http::budget::Budget;
use crate::server::accepted::Accepted;
use crate::server::connection;
use crate::server::first_of::first_of;
use crate::server::limits::ServerLimits;
use crate::server::listener::{Listeners, is_of_one_connection};
use crate::server::notice::warn_of_dropped_cookies;
use crate::server::phase::Phase;
#[cfg(feature = "tls")]
use crate::server::role::Role;
use crate::server::service::Shared;
#[cfg(feature = "tls")]
use crate::server::tls::reload::Reloading;

/// What ends within this time is not worth a line.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Serves the clients that connect until `stop` is ready, then finishes what is in flight.
pub(crate) async fn serve_until(app: Frozen, mut listeners: Listeners, stop: impl Future<Output = ()>) -> Result<()> {
    let limits = ServerLimits::from_config(app.config())?;
    warn_of_dropped_cookies(&app, &listeners);
    #[cfg(feature = "tls")]
    let _reloading = reloading(&app, &listeners)?;
    let (phase, phases) = channel::channel(Phase::Serving);
    let acceptor = Acceptor {
        permits: Arc::new(Semaphore::new(limits.connections)),
        shared: Arc::new(Shared { app: app.clone(), limits, budget: Budget::new(limits.buffered), phase: phases }),
    };
    first_of(stop, acceptor.accept_all(&mut listeners)).await;
    let deadline = Instant::now() + limits.graceful;
    acceptor.accept_waiting(listeners);
    app.begin_to_stop();
    let _ = phase.send(Phase::Finishing);
    acceptor.finish().await;
    let _ = phase.send(Phase::BreakingOff);
    app.stop_by(deadline).await
}

/// Keeps certificates fresh, if there are some.
#[cfg(feature = "tls")]
fn reloading(app: &Frozen, listeners: &Listeners) -> Result<Option<Reloading>> {
    let secure = listeners.roles().filter_map(|role| match role {
        Role::Secure(acceptor) => Some(Arc::clone(acceptor)),
        _ => None,
    });
    let secure: Vec<_> = secure.collect();
    let interval = app.config().seconds("TLS_RELOAD_INTERVAL")?.filter(|interval| !interval.is_zero());
    Ok((!secure.is_empty()).then(|| Reloading::start(secure, interval)))
}

/// What every connection is given.
struct Acceptor {
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Acceptor {
    /// Accepts connections until it is dropped. An error never ends it (RUSTSEC-2024-0376): when file descriptors
    /// run out, it waits and carries on.
    async fn accept_all(&self, listeners: &mut Listeners) {
        loop {
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
                std::future::pending::<()>().await;
                continue;
            };
            match poll_fn(|cx| listeners.poll_accept(cx)).await {
                Ok(accepted) => self.spawn(accepted, permit),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!("no connection can be accepted: {error}; trying again in a second");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Accepts the clients that have already connected, and none after them: their requests may be on the way.
    fn accept_waiting(&self, listeners: Listeners) {
        let mut waiting = listeners.close();
        while let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned()
            && let Some(accepted) = waiting.next()
        {
            self.spawn(accepted, permit);
        }
    }

    fn spawn(&self, accepted: Accepted, permit: OwnedSemaphorePermit) {
        tokio::spawn(connection::serve(accepted, Arc::new(permit), Arc::clone(&self.shared)));
    }

    /// Waits until every connection, and every view that outlived its connection, has ended.
    async fn finish(&self) {
        let graceful = self.shared.limits.graceful;
        let at_once = graceful.min(AT_ONCE);
        if self.is_idle_within(at_once).await {
            return;
        }
        let seconds = graceful.as_secs_f64();
        tracing::info!("waiting up to {seconds} s for {} to end", self.open());
        if !self.is_idle_within(graceful - at_once).await {
            tracing::warn!("broke off {} after {seconds} s", self.open());
        }
    }

    async fn is_idle_within(&self, time: Duration) -> bool {
        let all = u32::try_from(self.shared.limits.connections).unwrap_or(u32::MAX);
        tokio::time::timeout(time, self.permits.acquire_many(all)).await.is_ok()
    }

    /// What has not ended.
    fn open(&self) -> String {
        match self.shared.limits.connections - self.permits.available_permits() {
            1 => "1 connection or view".to_owned(),
            open => format!("{open} connections or views"),
        }
    }
}
