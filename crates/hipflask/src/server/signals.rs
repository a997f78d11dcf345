//! Signals that tell the process to stop.

#[cfg(unix)]
use crate::server::first_of::first_of;

/// Waits for Ctrl-C or SIGTERM. A second one ends the process at once.
pub(crate) async fn wait() {
    first().await;
    tokio::spawn(async {
        first().await;
        crate::builtin::log::flush();
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn first() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            first_of(interrupt.recv(), terminate.recv()).await;
        }
        _ => {
            tracing::error!("signals cannot be watched; the process ends without finishing its requests");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn first() {
    let _ = tokio::signal::ctrl_c().await;
}
