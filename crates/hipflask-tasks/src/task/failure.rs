//! How a task says that it has not succeeded, and how that is told.

use std::fmt;
use std::time::Duration;

use hipflask::Error;
use serde_json::{Value, json};

/// The error of a task that wants to run again: `return Err(Retry::after(Duration::from_secs(60)).into())`. It counts as a
/// retry; after `max_retries` of them the task has failed. Celery's `self.retry(countdown=60)`.
///
/// Without it, an error of a task that has `max_retries` does the same, after a delay that grows.
#[derive(Clone, Debug)]
pub struct Retry {
    pub(crate) after: Option<Duration>,
    pub(crate) why: String,
}

impl Retry {
    /// Runs it again after `delay`.
    pub fn after(delay: Duration) -> Retry {
        Retry { after: Some(delay), why: "asked to run again".to_owned() }
    }

    /// Why, for the log and the result.
    #[must_use]
    pub fn because(mut self, why: impl fmt::Display) -> Retry {
        self.why = why.to_string();
        self
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Retry {}

/// The error of a task that must not run again, whatever `max_retries` says: `return Err(GiveUp::because("no such
/// user").into())`.
#[derive(Clone, Debug)]
pub struct GiveUp(String);

impl GiveUp {
    /// Why, for the log and the result.
    pub fn because(why: impl fmt::Display) -> GiveUp {
        GiveUp(why.to_string())
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GiveUp {}

/// The arguments of a message are not those of the task.
#[derive(Clone, Debug)]
pub(crate) struct WrongArguments(pub(crate) String);

impl fmt::Display for WrongArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongArguments {}

/// Why a task has no result, in Celery's form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// The name of the exception, which Python raises if it knows it.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// The error with its causes.
    pub(crate) traceback: String,
    pub(crate) module: &'static str,
}

impl Failure {
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Failure {
        let message = message.into();
        Failure { kind: kind.to_owned(), traceback: format!("{kind}: {message}"), message, module: "builtins" }
    }

    /// Of an error of the function's.
    pub(crate) fn of(error: &Error) -> Failure {
        if let Some(wrong) = error.find::<WrongArguments>() {
            return Failure::new("TypeError", wrong.to_string());
        }
        let message = error.to_string();
        Failure { kind: "Error".to_owned(), traceback: format!("{error:?}"), message, module: "hipflask" }
    }

    pub(crate) fn in_celerys_module(mut self) -> Failure {
        self.module = "celery.exceptions";
        self
    }

    /// The result in a task's record.
    pub(crate) fn to_value(&self) -> Value {
        json!({"exc_type": self.kind, "exc_message": [self.message], "exc_module": self.module})
    }
}
