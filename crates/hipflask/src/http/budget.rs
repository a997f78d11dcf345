//! How much of bodies may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::base::error::{Error, HttpError, Result};

/// A connection may have the eighth part of what all have together: the many streams of one must not take it away from the
/// others.
const SHARES: usize = 8;

/// The bytes that may be kept, of all connections or of one.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    used: AtomicUsize,
    /// The budget that this one is a part of.
    all: Option<Arc<Budget>>,
}

impl Budget {
    /// For all connections together.
    pub(crate) fn new(most: usize) -> Arc<Budget> {
        Arc::new(Budget { most, used: AtomicUsize::new(0), all: None })
    }

    /// For one of the connections.
    pub(crate) fn share(self: &Arc<Budget>) -> Arc<Budget> {
        let most = self.most / SHARES;
        Arc::new(Budget { most, used: AtomicUsize::new(0), all: Some(Arc::clone(self)) })
    }

    /// Takes `more` bytes for someone who has `own` already. Whoever is alone on a connection may have more than its
    /// share, because a single body may be that large.
    fn take(&self, more: usize, own: usize) -> bool {
        let used = self.used.fetch_add(more, Relaxed) + more;
        let is_alone = self.all.is_some() && used == own + more;
        let fits = (used <= self.most || is_alone) && self.all.as_ref().is_none_or(|all| all.take(more, own));
        if !fits {
            self.used.fetch_sub(more, Relaxed);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
        if let Some(all) = &self.all {
            all.give_back(bytes);
        }
    }
}

/// What one request has taken, and gives back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reserved {
    pub(crate) fn new(budget: Arc<Budget>) -> Reserved {
        Reserved { budget, bytes: 0 }
    }

    /// Has `bytes` from now on, more than before or less.
    ///
    /// # Errors
    ///
    /// A 503 if there is no room for so many.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<()> {
        match bytes.checked_sub(self.bytes) {
            Some(more) if !self.budget.take(more, self.bytes) => return Err(no_room()),
            Some(_) => {}
            None => self.budget.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cold]
fn no_room() -> Error {
    let error =
        HttpError::new(503).description("The server has too many large requests at the moment. Try again later.");
    error.header("retry-after", "1").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(reserved: &mut Reserved, bytes: usize) -> bool {
        reserved.set(bytes).is_ok()
    }

    #[test]
    fn one_connection_has_its_share_and_all_together_have_everything() {
        let all = Budget::new(800);
        let (one, other) = (all.share(), all.share());
        let (mut first, mut second) = (Reserved::new(Arc::clone(&one)), Reserved::new(Arc::clone(&one)));
        assert!(set(&mut first, 80) && !set(&mut second, 30) && set(&mut second, 20));
        assert!(!set(&mut first, 90), "another is there");
        drop(second);
        assert!(set(&mut first, 700), "a single one may have more");
        let mut third = Reserved::new(Arc::clone(&other));
        assert!(!set(&mut third, 101) && set(&mut third, 100), "there is no more for anyone");
        assert!(set(&mut first, 10) && set(&mut third, 700));
        drop((first, third));
        assert_eq!([&all, &one, &other].map(|budget| budget.used.load(Relaxed)), [0, 0, 0]);
    }
}
