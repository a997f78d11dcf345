//! What an application sets up for its templates.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::value::Value;

use crate::handler::Handler;

/// A filter, a test or a function, in the engine's shape.
pub(crate) type Callback = Arc<dyn Fn(&[Value]) -> Result<Value, minijinja::Error> + Send + Sync>;

/// The settings and additions for templates.
#[derive(Default)]
pub(crate) struct TemplateSetup {
    pub(super) folder: Option<Cow<'static, str>>,
    pub(super) filters: Vec<(String, Callback)>,
    pub(super) tests: Vec<(String, Callback)>,
    pub(super) globals: Vec<(String, Callback)>,
    /// What runs before the first template of a request.
    pub(super) before_render: Vec<Arc<dyn Handler>>,
}
