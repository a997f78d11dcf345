//! Commands, run by tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::base::environment;
use crate::base::error::Error;
use crate::base::runtime::block_on;
use crate::cli::Console;
use crate::cli::invoke::Invocation;
use crate::cli::process::Failure;

impl App {
    /// Runs commands for tests. Flask's `app.test_cli_runner()`.
    ///
    /// # Panics
    ///
    /// If [`freeze`](App::freeze) finds mistakes; it lists all of them.
    #[track_caller]
    pub fn test_cli_runner(self) -> CliRunner {
        match self.freeze() {
            Ok(frozen) => frozen.test_cli_runner(),
            Err(errors) => crate::base::panics::misuse(format_args!("{errors}")),
        }
    }
}

impl Frozen {
    /// Runs commands for tests.
    pub fn test_cli_runner(&self) -> CliRunner {
        CliRunner { app: self.clone() }
    }
}

/// Runs the application's commands as its binary does, in memory. Flask's `FlaskCliRunner`.
///
/// ```
/// use hipflask::cli::{Console, command};
/// use hipflask::prelude::*;
///
/// /// Says hello.
/// #[command]
/// async fn greet(console: Console, #[option(env = "GREET_NAME", prompt = "Your name")] name: String) {
///     console.echo(format!("Hello, {name}!"));
/// }
///
/// let runner = App::new("doc", ".").command(greet).test_cli_runner();
/// let result = runner.invoke(["greet", "--name", "Ada"]).run_blocking();
/// assert_eq!((result.exit_code(), result.output()), (0, "Hello, Ada!\n"));
/// let result = runner.invoke(["greet"]).input("Grace\n").run_blocking();
/// assert_eq!(result.output(), "Your name: Grace\nHello, Grace!\n");
/// let result = runner.invoke(["greet"]).env("GREET_NAME", "Alan").run_blocking();
/// assert_eq!(result.output(), "Hello, Alan!\n");
/// let result = runner.invoke(["gret"]).run_blocking();
/// assert_eq!(result.exit_code(), 2);
/// assert!(result.stderr().contains("Did you mean 'greet'?"), "{result}");
/// ```
#[derive(Clone, Debug)]
pub struct CliRunner {
    app: Frozen,
}

impl CliRunner {
    /// A command line: what is typed after the name of the program.
    pub fn invoke<W: Into<String>>(&self, words: impl IntoIterator<Item = W>) -> CliInvocation {
        CliInvocation {
            app: self.app.clone(),
            words: words.into_iter().map(Into::into).collect(),
            input: String::new(),
            variables: BTreeMap::new(),
        }
    }
}

/// A command line of a [`CliRunner`], to be completed and run.
#[derive(Debug)]
#[must_use = "a command does nothing until it is run"]
pub struct CliInvocation {
    app: Frozen,
    words: Vec<String>,
    input: String,
    variables: BTreeMap<String, String>,
}

impl CliInvocation {
    /// What is typed where the command asks: a line for each answer.
    pub fn input(mut self, lines: impl Into<String>) -> CliInvocation {
        self.input = lines.into();
        self
    }

    /// Sets a variable of the environment for the options of the command.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> CliInvocation {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Runs it.
    pub async fn run(self) -> CliResult {
        let CliInvocation { app, words, input, variables } = self;
        let console = Console::in_memory(&input);
        let find = move |name: &str| {
            let own = variables.get(name).cloned();
            own.or_else(|| environment::variable(name).map(|variable| variable.value))
        };
        let invocation = Invocation { environment: Arc::new(find), ..Invocation::new(&app, words, console.clone()) };
        let failure = invocation.run().await.err();
        if let Some(failure) = &failure {
            console.print_error(&failure.text());
        }
        let (output, stderr) = console.written();
        let exit_code = failure.as_ref().map_or(0, |failure| failure.code);
        CliResult { exit_code, output, stderr, error: failure.map(Failure::into_error) }
    }

    /// [`run`](CliInvocation::run), for tests that are plain functions.
    pub fn run_blocking(self) -> CliResult {
        block_on(self.run())
    }
}

/// What a command has done.
#[derive(Debug)]
pub struct CliResult {
    exit_code: u8,
    output: String,
    stderr: String,
    error: Option<Error>,
}

impl CliResult {
    /// The exit code: 0 if all went well, 2 if the command was used wrongly.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// What it has written to standard output, with its questions and what was typed there.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// What it has written to standard error, with the message of its failure.
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// Why it has failed, if it has.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

/// All of it, for the message of an assertion.
impl std::fmt::Display for CliResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n{}{}", self.exit_code, self.output, self.stderr)
    }
}
