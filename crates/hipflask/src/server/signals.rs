//! Signals that tell the process to stop.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

#[cfg(unix)]
use crate::server::first_of::first_of;

/// How long the reader of the log has, when a second signal ends the process.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Waits for Ctrl-C, SIGTERM, or the SIGHUP of a terminal that closes. A second one ends the process at once.
pub(crate) async fn wait() {
    first().await;
    tokio::spawn(async {
        first().await;
        crate::builtin::log::flush_within(LAST_LINES);
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn first() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            first_of(first_of(interrupt.recv(), terminate.recv()), hang_up()).await;
        }
        _ => {
            tracing::error!("signals cannot be watched; the process ends without finishing its requests");
            std::future::pending::<()>().await;
        }
    }
}

/// Whether SIGHUP means something else to this process.
static IS_HANG_UP_TAKEN: AtomicBool = AtomicBool::new(false);

/// From now on SIGHUP does not stop the process: it has certificates read again.
#[cfg(feature = "tls")]
pub(super) fn take_hang_up() {
    IS_HANG_UP_TAKEN.store(true, Relaxed);
}

/// Waits for a SIGHUP, unless the process was told to ignore it, as `nohup` does.
#[cfg(unix)]
async fn hang_up() -> Option<()> {
    use tokio::signal::unix::{SignalKind, signal};
    if is_hang_up_ignored() {
        return std::future::pending().await;
    }
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => loop {
            let told = hangup.recv().await;
            if !IS_HANG_UP_TAKEN.load(Relaxed) {
                return told;
            }
        },
        Err(_) => std::future::pending().await,
    }
}

/// Whether SIGHUP is ignored, as Linux tells it (proc(5)): the first bit of a mask.
#[cfg(unix)]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}

#[cfg(not(unix))]
async fn first() {
    let _ = tokio::signal::ctrl_c().await;
}
