//! What outlives the functions of a request: contexts that were parted from it, and the work that begins at its end.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};

/// Work that begins when the request has ended. What is given to it is held until it is done.
pub(crate) type Work = Box<dyn FnOnce(Option<Hold>) + Send>;

/// Held by a context that was parted from its request, and by what it lends itself to. What they leave for the end of the
/// request goes this way.
#[derive(Clone, Debug)]
pub(crate) struct Hold(UnboundedSender<Work>);

impl Hold {
    /// Leaves `work` for the end of the request; it comes back if that is over.
    pub(super) fn leave(&self, work: Work) -> Result<(), Work> {
        self.0.send(work).map_err(|unsent| unsent.0)
    }
}

/// Leads to a [`Hold`] for as long as something has it. A context has no more than this, because what it is lent to may
/// keep it indefinitely.
#[derive(Clone)]
pub(crate) struct Watch(WeakUnboundedSender<Work>);

impl Watch {
    pub(crate) fn of(hold: &Hold) -> Watch {
        Watch(hold.0.downgrade())
    }

    pub(super) fn hold(&self) -> Option<Hold> {
        self.0.upgrade().map(Hold)
    }
}

/// The contexts that were parted from a request.
#[derive(Default)]
pub(crate) struct Parted(Vec<UnboundedReceiver<Work>>);

impl Parted {
    /// Waits for one more.
    pub(crate) fn add(&mut self) -> Hold {
        let (held, gone) = unbounded_channel();
        self.0.push(gone);
        Hold(held)
    }

    pub(super) fn append(&mut self, others: &mut Parted) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until all of them are gone, for what they have left.
    pub(crate) async fn gone(mut self) -> Vec<Work> {
        let mut left = Vec::new();
        for held in &mut self.0 {
            while let Some(work) = held.recv().await {
                left.push(work);
            }
        }
        left
    }
}
