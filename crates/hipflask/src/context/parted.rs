//! Which contexts of a request are still in use, apart from the one that stayed with it.

use std::convert::Infallible;

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Held by a context that was parted from its request, and by what it lends itself to.
#[derive(Clone)]
pub(super) struct Hold {
    _held: Sender<Infallible>,
}

/// The contexts that were parted from a request.
#[derive(Default)]
pub(crate) struct Parted(Vec<Receiver<Infallible>>);

impl Parted {
    /// Waits for one more.
    pub(super) fn add(&mut self) -> Hold {
        let (held, gone) = channel(1);
        self.0.push(gone);
        Hold { _held: held }
    }

    pub(super) fn append(&mut self, others: &mut Parted) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until all of them are gone.
    pub(crate) async fn gone(mut self) {
        for held in &mut self.0 {
            held.recv().await;
        }
    }
}
