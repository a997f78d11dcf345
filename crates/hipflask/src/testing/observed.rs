//! What a test learns of a request besides its response.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::signal::Signals;
use crate::app::signals::GotRequestException;
use crate::base::error::Error;
use crate::builtin::templating::rendered::TemplateRendered;

/// What the signals of one request have told.
#[derive(Clone, Default)]
pub(super) struct Observed(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    /// The names of the templates that were rendered, in order.
    templates: Vec<String>,
    /// The last error that nobody answered.
    error: Option<Arc<Error>>,
}

impl Observed {
    /// A record, and the receivers that fill it.
    pub(super) fn new() -> (Observed, Arc<Signals>) {
        let observed = Observed::default();
        let (templates, errors) = (observed.clone(), observed.clone());
        let mut signals = Signals::default();
        signals.connect(move |_, sent: &TemplateRendered| templates.lock().templates.push(sent.template().to_owned()));
        signals.connect(move |_, sent: &GotRequestException| errors.lock().error = Some(Arc::clone(sent.shared())));
        (observed, Arc::new(signals))
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has so far.
    pub(super) fn take(&self) -> (Vec<String>, Option<Arc<Error>>) {
        let Record { templates, error } = std::mem::take(&mut *self.lock());
        (templates, error)
    }
}
