//! How far the server is on its way to the end.

use tokio::sync::watch as channel;

/// How far the server is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// No new requests; those in flight are finished.
    Finishing,
    /// The time for requests in flight is over.
    BreakingOff,
}

/// Waits for a phase, or a later one.
pub(super) async fn reached(mut phase: channel::Receiver<Phase>, wanted: Phase) {
    // Without a sender there is no server any more.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}
