//! What is done when a request is over.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use crate::dispatch::ending::Ending;
use crate::http::upgrade::{Upgrade, Upgraded};
use crate::server::watch::Watch;

/// What is to be done when a request is over: the notes of its connection, and what the application wants to be told.
pub(super) struct Finished {
    watch: Arc<Watch>,
    status: StatusCode,
    /// There is one as soon as there is an answer. Until then it is the answering's, which may outlive the client.
    ending: Option<Ending>,
    is_over: bool,
}

impl Finished {
    /// For a request that has just come.
    pub(super) fn new(watch: &Arc<Watch>) -> Finished {
        watch.request_began();
        Finished { watch: Arc::clone(watch), status: StatusCode::OK, ending: None, is_over: false }
    }

    /// The same, for an answer with this status.
    pub(super) fn answered(mut self, status: StatusCode, ending: Ending) -> Finished {
        (self.status, self.ending) = (status, Some(ending));
        self
    }

    /// Sets another status, for an answer that could not be given.
    pub(super) fn with_status(mut self, status: StatusCode) -> Finished {
        self.status = status;
        self
    }

    /// Speaks the protocol that its connection has changed to, until that has ended or `broken_off` is ready; then ends
    /// it.
    pub(super) async fn speak(mut self, upgrade: Upgrade, to: Upgraded, broken_off: impl Future<Output = ()>) {
        if let Some(ending) = &mut self.ending {
            let spoken = ending.speak(upgrade, to, broken_off).await;
            self.end(spoken.bytes, spoken.is_complete, Instant::now());
        }
    }

    /// Ends it: `bytes` of the body were sent, which is all of them if `is_complete`.
    pub(super) fn end(mut self, bytes: u64, is_complete: bool, now: Instant) {
        if let Some(ending) = &mut self.ending {
            ending.finish(self.status, bytes, is_complete, now);
        }
        self.is_over = true;
        self.watch.request_ended(now);
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        // Not ended yet: the client went away before there was an answer.
        if !self.is_over {
            self.watch.request_ended(Instant::now());
        }
    }
}
