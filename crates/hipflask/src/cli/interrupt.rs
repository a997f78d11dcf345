//! Commands that end when they are told to.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a command waits for the signal itself.
static IS_AWAITED: AtomicBool = AtomicBool::new(false);

/// Waits for Ctrl-C or SIGTERM, for a command that runs until it is told to stop. From then on such a signal does not give
/// the command up, because it ends itself; a second one ends the process at once.
///
/// ```no_run
/// use hipflask::cli::{command, interrupted};
/// use hipflask::prelude::*;
///
/// /// Sends what is waiting, until it is told to stop.
/// #[command]
/// async fn worker() -> Result<()> {
///     let stop = interrupted();
///     // … works until `stop` is ready, and finishes what it has begun
///     stop.await;
///     Ok(())
/// }
/// ```
pub async fn interrupted() {
    IS_AWAITED.store(true, Ordering::SeqCst);
    crate::server::wait_for_signal().await;
}

/// Whether a command waits for the signal itself.
pub(super) fn is_awaited() -> bool {
    IS_AWAITED.load(Ordering::SeqCst)
}
