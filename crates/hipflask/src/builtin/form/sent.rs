//! What the client sent for a field.

use crate::context::Context;
use crate::http::upload::{FormData, Upload};

/// What the client sent for one field.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub(super) name: &'static str,
    pub(super) data: &'a FormData,
    pub(super) ctx: Option<&'a Context>,
    pub(super) trimmed: &'static [&'static str],
}

impl<'a> Sent<'a> {
    /// The first value.
    pub fn text(&self) -> Option<&'a str> {
        self.other(self.name)
    }

    /// Every value.
    pub fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.data.fields.getlist(self.name).map(|text| self.read(self.name, text))
    }

    /// The file, if one was chosen.
    pub fn file(&self) -> Option<&'a Upload> {
        self.data.file(self.name)
    }

    /// The first value of another field.
    pub fn other(&self, name: &str) -> Option<&'a str> {
        self.data.get(name).map(|text| self.read(name, text))
    }

    fn read(&self, name: &str, text: &'a str) -> &'a str {
        if self.trimmed.contains(&name) { text.trim() } else { text }
    }

    /// The request's context: for a rule that depends on the configuration, the session or the user. A form that
    /// was made by [`Form::from_data`](crate::Form::from_data) has none.
    pub fn ctx(&self) -> Option<&'a Context> {
        self.ctx
    }
}

/// A browser sends line breaks as CR LF (HTML, 4.10.21.4).
pub(super) fn with_line_feeds(text: &str) -> String {
    // Most fields have one line.
    if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}
