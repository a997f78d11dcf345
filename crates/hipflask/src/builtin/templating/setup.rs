//! What an application sets up for its templates.

use std::borrow::Cow;

use crate::builtin::templating::functions::Function;

/// The settings and additions for templates.
#[derive(Default)]
pub(crate) struct TemplateSetup {
    pub(super) folder: Option<Cow<'static, str>>,
    pub(super) filters: Vec<(String, Function)>,
    pub(super) tests: Vec<(String, Function)>,
    pub(super) globals: Vec<(String, Function)>,
}
