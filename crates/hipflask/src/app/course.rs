//! How far an application has come with its end, and the places for the work after its responses.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::base::config::Config;
use crate::base::error::{Error, Result};

/// How far an application has come with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Course {
    /// It serves.
    Going,
    /// It accepts no more, and ends what it does.
    Stopping,
    /// Whatever is not done by now is cut off.
    Cut,
}

/// The work that goes on after responses: how much of it there may be, and what tells it to end.
pub(crate) struct AfterWork {
    places: Arc<Semaphore>,
    /// How many places there are.
    most: u32,
    course: watch::Sender<Course>,
}

impl AfterWork {
    pub(super) fn from_config(config: &Config) -> Result<AfterWork> {
        let most: u32 = config.get("MAX_AFTER_RESPONSE")?;
        if most == 0 {
            return Err(Error::msg(
                "the configuration key `MAX_AFTER_RESPONSE` is 0, so no work could follow a response",
            ));
        }
        let most = most.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let places = Arc::new(Semaphore::new(most as usize));
        Ok(AfterWork { places, most, course: watch::Sender::new(Course::Going) })
    }

    /// A place for a piece of work, if there is one.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// How many pieces of work are not done.
    pub(super) fn open(&self) -> usize {
        (self.most as usize).saturating_sub(self.places.available_permits())
    }

    /// Waits until all work is done.
    pub(super) async fn done(&self) {
        let _ = self.places.acquire_many(self.most).await;
    }

    pub(super) fn set(&self, course: Course) {
        self.course.send_replace(course);
    }

    /// Waits until the application has come this far.
    pub(crate) fn reached(&self, course: Course) -> impl Future<Output = ()> + Send + use<> {
        let mut seen = self.course.subscribe();
        async move {
            // The sender lives as long as the application; without it there is nothing to wait for.
            let _ = seen.wait_for(|now| *now >= course).await;
        }
    }
}
