//! What every command needs of its process: output, an exit code, a runtime.

use std::io::Write;

use tokio::runtime::Runtime;

use crate::base::error::{Error, Result};

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
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        Failure::new(causes.join(": "))
    }
}

/// Writes to standard output; it is not an error if the reader has gone.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The runtime of a command. One worker more than there are processors keeps one free while synchronous views
/// run in place.
pub(super) fn runtime() -> Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(processors + 1).enable_all().build()?)
}
