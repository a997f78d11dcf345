//! What a command runs.

use crate::app::command::Command;
use crate::handler::into_handler::IntoHandler;

impl Command {
    /// What it runs. `f` gets its arguments as a view does; what the user typed is
    /// [`CliArgs`](crate::cli::CliArgs). What it returns is printed. A group runs it where none of its commands is named.
    pub fn runs<M>(mut self, f: impl IntoHandler<M>) -> Command {
        self.handler = Some(f.into_handler());
        self
    }
}
