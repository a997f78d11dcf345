//! What every command needs of its process: how it ends, and what the program is called.

use std::io::Write;

use crate::base::error::Error;
use crate::cli::exit::Exit;

/// Why a command ended: what the user is told, and the exit code.
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
    /// How the command is used, where the user has used it otherwise.
    usage: Option<Usage>,
    /// The error that it comes from.
    pub(crate) error: Option<Error>,
}

/// `Usage: …`, and what to type for help.
#[derive(Clone)]
pub(crate) struct Usage {
    pub(crate) line: String,
    pub(crate) command: String,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: 1, usage: None, error: None }
    }

    /// The user typed something that is not a command.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: 2, ..Failure::new(message) }
    }

    /// What was typed is not complete: help was printed in place of a message.
    pub(crate) fn incomplete() -> Failure {
        Failure::usage("")
    }

    /// The same, with how the command is used.
    pub(crate) fn of(mut self, usage: impl FnOnce() -> Usage) -> Failure {
        if self.code == 2 && self.usage.is_none() {
            self.usage = Some(usage());
        }
        self
    }

    /// All that is told. A command that only sets its exit code tells nothing.
    pub(crate) fn text(&self) -> String {
        let usage = self.usage.as_ref().map_or_else(String::new, |Usage { line, command }| {
            format!("{line}\nTry '{command} --help' for help.\n\n")
        });
        match self.message.as_str() {
            "" => String::new(),
            "Aborted!" => "Aborted!\n".to_owned(),
            message => format!("{usage}Error: {message}\n"),
        }
    }

    /// As an error of the program's own.
    pub(crate) fn into_error(self) -> Error {
        let Failure { message, code, error, .. } = self;
        error.unwrap_or_else(|| Error::from(Exit::new(code).message(message)))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let (message, code) = match error.find::<Exit>() {
            Some(exit) => (exit.to_string(), exit.exit_code()),
            None => {
                let said: Vec<String> = std::iter::once(error.to_string()).chain(error.causes()).collect();
                (said.join(": "), 1)
            }
        };
        Failure { message, code, usage: None, error: Some(error) }
    }
}

/// Writes to standard output; it is not an error if the reader has gone.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What the developer types before the name of a command.
pub(super) fn program_name() -> String {
    // Cargo sets it for the program that `cargo run` starts.
    if std::env::var_os("CARGO").is_some() {
        return "cargo run --".to_owned();
    }
    let program = std::env::args_os().next().unwrap_or_default();
    program.to_string_lossy().into_owned()
}
