//! What a test learns of a request besides its response.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::signal::Signals;
use crate::app::signals::GotRequestException;
use crate::base::error::Error;
use crate::builtin::templating::rendered::TemplateRendered;
use crate::context::session::flash::MessageFlashed;

/// What the signals of one request have told.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
pub(super) struct Record {
    /// The templates that were rendered, in order.
    pub(super) templates: Vec<TemplateRendered>,
    pub(super) flashed: Vec<MessageFlashed>,
    /// The last error that nobody answered.
    pub(super) error: Option<Arc<Error>>,
}

impl Observed {
    /// A record, and the receivers that fill it, beside those of the test.
    pub(super) fn new(mut signals: Signals) -> (Observed, Arc<Signals>) {
        let observed = Observed::default();
        let (templates, flashed, errors) = (observed.clone(), observed.clone(), observed.clone());
        signals.connect(move |_, sent: &TemplateRendered| templates.lock().templates.push(sent.clone()));
        signals.connect(move |_, sent: &MessageFlashed| flashed.lock().flashed.push(sent.clone()));
        signals.connect(move |ctx, sent: &GotRequestException| {
            // One of a request within it is an answer, which its view has got.
            if ctx.depth() == 0 {
                errors.lock().error = Some(Arc::clone(sent.shared()));
            }
        });
        (observed, Arc::new(signals))
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has so far.
    pub(super) fn take(&self) -> Record {
        std::mem::take(&mut *self.lock())
    }
}
