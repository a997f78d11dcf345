//! What tells the process to stop.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Waits for Ctrl-C or SIGTERM. A second one ends the process at once.
pub(crate) async fn wait() {
    first().await;
    tokio::spawn(async {
        first().await;
        crate::log::flush();
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn first() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => either(interrupt.recv(), terminate.recv()).await,
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

#[cfg(unix)]
async fn either<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx).is_ready() || b.as_mut().poll(cx).is_ready() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
