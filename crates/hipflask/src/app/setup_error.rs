//! What is wrong with an application, reported together.

use std::fmt;
use std::panic::Location;

/// One thing that is wrong with an application, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    /// What it is wrong with, where the same can be wrong with several: "the view `blog.show`".
    subject: Option<String>,
    message: String,
    location: Option<&'static Location<'static>>,
}

impl SetupError {
    pub(crate) fn new(message: impl Into<String>, location: Option<&'static Location<'static>>) -> SetupError {
        SetupError { subject: None, message: message.into(), location }
    }

    pub(crate) fn of(self, subject: impl Into<String>) -> SetupError {
        SetupError { subject: Some(subject.into()), ..self }
    }

    /// What is wrong and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line of the call that it comes from, where there is one.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_place(f)?;
        if self.location.is_some() || self.subject.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl SetupError {
    /// `src/blog.rs:85: the view `blog.comment``
    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = self.location {
            write!(f, "{}:{}", location.file(), location.line())?;
        }
        match &self.subject {
            Some(subject) if self.location.is_some() => write!(f, ": {subject}"),
            Some(subject) => f.write_str(subject),
            None => Ok(()),
        }
    }
}

/// Everything that keeps an application from starting, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupErrors(Vec<SetupError>);

impl SetupErrors {
    /// The same mistake may be found more than once, by everything that reads the key.
    pub(crate) fn new(errors: Vec<SetupError>) -> Result<(), SetupErrors> {
        let mut distinct: Vec<SetupError> = Vec::new();
        for error in errors {
            if !distinct.contains(&error) {
                distinct.push(error);
            }
        }
        if distinct.is_empty() { Ok(()) } else { Err(SetupErrors(distinct)) }
    }

    /// The errors, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &SetupError> {
        self.0.iter()
    }
}

/// What is wrong with several things is said once, with all of them below it.
impl fmt::Display for SetupErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<Vec<&SetupError>> = Vec::new();
        for error in &self.0 {
            match groups.iter_mut().find(|group| group[0].message == error.message) {
                Some(group) => group.push(error),
                None => groups.push(vec![error]),
            }
        }
        let count = groups.len();
        write!(f, "the application cannot start: {count} {}", if count == 1 { "problem" } else { "problems" })?;
        for group in groups {
            match group[..] {
                [error] => write!(f, "\n  {error}")?,
                _ => {
                    write!(f, "\n  {}", group[0].message)?;
                    for error in group {
                        f.write_str("\n    ")?;
                        error.write_place(f)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for SetupErrors {}
