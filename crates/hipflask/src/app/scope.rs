//! The hooks and handlers for the rules of one blueprint.

use std::panic::Location;
use std::sync::Arc;

use crate::app::freezing::Freezing;
use crate::base::catches::Catches;
use crate::base::options::Options;
use crate::context::Context;
use crate::handler::Handler;
use crate::handler::by_error::ByError;
use crate::handler::callback::Callback;

/// The hooks and handlers for the rules of one blueprint, those around it included, each list in the order in
/// which it runs. The first scope is the application's own.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) name: Option<String>,
    pub(crate) before_request: Vec<Arc<dyn Handler>>,
    pub(crate) after_request: Vec<Arc<dyn Handler>>,
    pub(crate) teardown_request: Vec<Callback<()>>,
    pub(crate) url_value_preprocessors: Vec<Arc<dyn Handler>>,
    pub(crate) url_defaults: Vec<UrlDefaults>,
    pub(crate) errors: ByError<Arc<dyn Handler>>,
    pub(crate) options: Options,
}

impl Scope {
    pub(super) fn with_inner(
        mut self,
        before: Vec<Hook>,
        after: Vec<Hook>,
        teardown: Vec<Callback<()>>,
        preprocessors: Vec<Hook>,
        inside: Inside,
    ) -> Scope {
        let handler = |hook: Hook| hook.handler;
        self.before_request.extend(before.into_iter().map(handler));
        self.url_value_preprocessors.extend(preprocessors.into_iter().map(handler));
        // What comes after the view runs from the inside out, the last registered first.
        self.after_request.splice(0..0, after.into_iter().rev().map(handler));
        self.teardown_request.splice(0..0, teardown.into_iter().rev());
        self.url_defaults.extend(inside.url_defaults);
        self.errors = self.errors.within(inside.errors);
        self.options.extend(inside.options);
        self.name = inside.name;
        self
    }
}

/// What goes inside an outer scope, except the hooks.
pub(super) struct Inside {
    pub(super) name: Option<String>,
    pub(super) url_defaults: Vec<UrlDefaults>,
    pub(super) errors: Vec<(Catches, Arc<dyn Handler>)>,
    pub(super) options: Options,
}

/// A handler and the line that registered it.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) location: &'static Location<'static>,
}

pub(crate) type UrlDefaults = Arc<dyn Fn(&Context, &str, &mut Vec<(String, String)>) + Send + Sync>;

/// Something whose arguments are checked when the application is frozen.
pub(crate) trait Check: Send {
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String>;
}

impl Check for Arc<dyn Handler> {
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        (**self).check(freezing)
    }
}

impl<T> Check for Callback<T> {
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        Callback::check(self, freezing)
    }
}

/// A function, what it is for messages, and the line that registered it.
pub(crate) type Checked = (Box<dyn Check>, String, &'static Location<'static>);
