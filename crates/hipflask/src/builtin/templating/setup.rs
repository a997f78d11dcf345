//! What an application sets up for its templates.

use std::borrow::Cow;

use crate::app::freezing::Freezing;
use crate::builtin::templating::functions::Function;

/// The settings and additions for templates.
#[derive(Default)]
pub(crate) struct TemplateSetup {
    pub(super) folder: Option<Cow<'static, str>>,
    pub(super) filters: Vec<(String, Function)>,
    pub(super) tests: Vec<(String, Function)>,
    pub(super) globals: Vec<(String, Function)>,
}

impl TemplateSetup {
    pub(super) fn folder(&self) -> &str {
        self.folder.as_deref().unwrap_or_default()
    }

    /// Where the templates are, for messages.
    pub(super) fn place(&self, freezing: &Freezing<'_>) -> String {
        match freezing.embedded(self.folder()) {
            Some(_) => format!("the folder `{}` inside the binary", self.folder()),
            None => freezing.root_path().join(self.folder()).display().to_string(),
        }
    }
}
