//! How a command says its exit code.

use std::fmt;

/// Ends a command: an error with an exit code of its own. Any other error ends it with 1.
///
/// ```
/// use hipflask::cli::{Exit, command};
/// use hipflask::prelude::*;
///
/// /// Compares what is there with what should be.
/// #[command]
/// fn compare(left: String, right: String) -> Result<&'static str> {
///     if left.is_empty() {
///         return Err(Exit::usage("there is nothing to compare with").into());
///     }
///     if left == right { Ok("equal") } else { Err(Exit::new(3).message("they differ").into()) }
/// }
///
/// let runner = App::new("doc", ".").command(compare).test_cli_runner();
/// assert_eq!(runner.invoke(["compare", "a", "a"]).run_blocking().exit_code(), 0);
/// let result = runner.invoke(["compare", "a", "b"]).run_blocking();
/// assert_eq!((result.exit_code(), result.stderr()), (3, "Error: they differ\n"));
/// assert_eq!(runner.invoke(["compare", "", "b"]).run_blocking().exit_code(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Exit {
    code: u8,
    message: String,
}

impl Exit {
    /// Ends the command with `code`, and tells the user nothing.
    pub fn new(code: u8) -> Exit {
        Exit { code, message: String::new() }
    }

    /// What the user is told.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Exit {
        Exit { message: message.into(), ..self }
    }

    /// Says that the command was used wrongly: the code is 2, and the user is told how it is used. Click's `UsageError`.
    pub fn usage(message: impl Into<String>) -> Exit {
        Exit::new(2).message(message)
    }

    /// Says that the user has given up. Click's `Abort`.
    pub fn abort() -> Exit {
        Exit::new(1).message("Aborted!")
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Exit {}
