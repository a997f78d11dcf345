//! What every command needs of its process: output and an exit code.

use std::io::Write;

use crate::base::error::Error;

/// Why a command ended, for the user, and the exit code.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) code: u8,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: 1 }
    }

    /// The user typed something that is not a command.
    pub(super) fn usage(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: 2 }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let said: Vec<String> = std::iter::once(error.to_string()).chain(error.causes()).collect();
        Failure::new(said.join(": "))
    }
}

/// Writes to standard output; it is not an error if the reader has gone.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
