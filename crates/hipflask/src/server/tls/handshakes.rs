//! The handshakes in progress, of which there is a limited number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The handshakes in progress. A client that opens connections and says nothing must not keep others out, so when there
/// are too many, the one that has taken longest is given up: an honest client needs a few round trips.
#[derive(Debug)]
pub(super) struct Handshakes {
    most: usize,
    all: Mutex<InProgress>,
}

#[derive(Debug, Default)]
struct InProgress {
    next: u64,
    /// By age. One that is removed is told so by the end of its channel.
    all: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A place among them.
pub(super) struct Handshake {
    handshakes: Arc<Handshakes>,
    number: u64,
    given_up: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(super) fn new(most: usize) -> Handshakes {
        Handshakes { most: most.max(1), all: Mutex::default() }
    }

    pub(super) fn begin(self: &Arc<Handshakes>) -> Handshake {
        let (sender, given_up) = oneshot::channel();
        let mut in_progress = self.lock();
        if in_progress.all.len() >= self.most {
            in_progress.all.pop_first();
        }
        let number = in_progress.next;
        in_progress.next += 1;
        in_progress.all.insert(number, sender);
        drop(in_progress);
        Handshake { handshakes: Arc::clone(self), number, given_up }
    }

    fn lock(&self) -> MutexGuard<'_, InProgress> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handshake {
    /// Waits until it has to make room for others.
    pub(super) async fn given_up(&mut self) {
        let _ = (&mut self.given_up).await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.handshakes.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let handshakes = Arc::new(Handshakes::new(2));
        let mut places = [handshakes.begin(), handshakes.begin()];
        let third = handshakes.begin();
        assert_eq!(places.each_mut().map(|place| place.given_up.try_recv().is_err()), [true, true]);
        let closed = |place: &mut Handshake| place.given_up.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert_eq!(places.each_mut().map(closed), [true, false]);
        drop(third);
        let _fourth = handshakes.begin();
        assert_eq!(places.each_mut().map(closed), [true, false], "there was room again");
        drop(places);
        assert_eq!(handshakes.lock().all.len(), 1);
    }
}
