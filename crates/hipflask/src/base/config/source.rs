//! Where a value of the configuration was set.

use std::fmt;
use std::panic::Location;

use serde_json::Value;

/// A value and its source.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Default,
    /// A line of the program.
    Code(&'static Location<'static>),
    /// Anything else, in words: a file, a variable, an option.
    Named(String),
}

impl Source {
    /// The line, where it is one.
    pub(crate) fn location(&self) -> Option<&'static Location<'static>> {
        match self {
            Source::Code(location) => Some(location),
            Source::Default | Source::Named(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Code(location) => write!(f, "{}:{}", location.file(), location.line()),
            Source::Named(name) => f.write_str(name),
        }
    }
}
