//! The command line of every application's binary: `run`, `routes`, `check`, `config`, and its own commands. Flask's
//! `flask` command, and what programs use of click.

mod builtin;
mod completion;
mod config;
mod console;
mod dotenv;
mod echo;
mod exit;
mod help;
mod https;
mod interrupt;
pub(crate) mod invoke;
mod line;
pub(crate) mod process;
mod progress;
mod routes;
mod run;
mod style;
mod table;
mod values;

use std::process::ExitCode;
use std::time::Duration;

use crate::app::App;
use crate::base::environment;
use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::base::runtime;
use crate::cli::invoke::Invocation;
use crate::cli::line::{End, Line};
use crate::cli::process::{Failure, print, program_name};

pub use crate::app::command::args::CliArgs;
pub use crate::app::command::kind::CliValue;
pub use crate::app::command::param::Param;
pub use crate::app::command::{Command, IntoCommand};
pub use crate::cli::console::{Console, Prompt};
pub use crate::cli::exit::Exit;
pub use crate::cli::interrupt::interrupted;
pub use crate::cli::progress::Progress;
pub use crate::cli::style::{Color, Styled, style};
pub use hipflask_macros::command;

/// What a function under `#[hipflask::main]` may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an application",
    label = "not an application",
    note = "the function under `#[hipflask::main]` returns `App`, or a `Result` of one"
)]
pub trait IntoApp {
    /// The application.
    ///
    /// # Errors
    ///
    /// Why it could not be built.
    fn into_app(self) -> Result<App>;
}

#[diagnostic::do_not_recommend]
impl IntoApp for App {
    fn into_app(self) -> Result<App> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> IntoApp for Result<App, E> {
    fn into_app(self) -> Result<App> {
        self.map_err(Into::into)
    }
}

/// Runs the command line for the application that `build` makes: the whole `main` of a program.
/// `#[hipflask::main]` writes this call.
///
/// It reads the environment variables `FLASK_…` into the configuration, those of the files `.flaskenv` and `.env`
/// included ([`env_var`]). A failure is one message on standard error
/// and an exit code other than 0.
///
/// ```no_run
/// use hipflask::Rule;
/// use hipflask::prelude::*;
///
/// fn app() -> App {
///     App::new("hello", ".").add_url_rule(Rule::new("/"), async || "Hello!")
/// }
///
/// fn main() -> std::process::ExitCode {
///     hipflask::cli::main(app)
/// }
/// ```
pub fn main<A: IntoApp>(build: impl FnOnce() -> A) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match panics::catch(|| execute(build, &arguments)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => fail(&failure),
        // A mistake in the function that builds the application; its place helps most.
        Err(panicked) => match panicked.place() {
            Some((file, line)) => fail(&Failure::new(format!("{file}:{line}: {}", panicked.message()))),
            None => fail(&Failure::new(panicked.message())),
        },
    }
}

/// The variable `name` of the environment, or of the `.env` files that [`main`] has read before it builds the application.
/// Flask puts those into `os.environ`; here a program that reads its environment itself asks this function.
///
/// ```
/// assert!(hipflask::cli::env_var("PATH").is_some());
/// assert_eq!(hipflask::cli::env_var("DOC_NOT_SET"), None);
/// ```
pub fn env_var(name: &str) -> Option<String> {
    environment::variable(name).map(|variable| variable.value)
}

/// How long the reader of the log has at the end: one that has stopped must not keep the process from ending.
const LAST_LINES: Duration = Duration::from_secs(2);

#[expect(clippy::print_stderr, reason = "it is the command line's way to say what went wrong")]
fn fail(failure: &Failure) -> ExitCode {
    crate::builtin::log::flush_within(LAST_LINES);
    eprint!("{}", failure.text());
    ExitCode::from(failure.code)
}

fn execute<A: IntoApp>(build: impl FnOnce() -> A, words: &[String]) -> Result<(), Failure> {
    let completing = std::env::var(completion::VARIABLE).ok();
    let program = program_name();
    let bare = builtin::root("", &[]);
    let words = match completing {
        None => with_default_command(words),
        Some(_) => Vec::new(),
    };
    // Options in front of the command, and those of `run`, count before the application is built.
    let line = Line::read(&program, &bare, &words)?;
    let early = Early::of(&line);
    dotenv::load(early.env_file.as_deref())?;
    let mut app = build().into_app()?.config_from_prefixed_env("FLASK");
    if let Some(debug) = early.debug {
        app = app.config_by("DEBUG", debug, if debug { "--debug" } else { "--no-debug" });
    }
    let root = builtin::root(app.name(), &app.all_commands());
    if let Some(typed) = completing {
        print(&completion::candidates(&root, &typed));
        return Ok(());
    }
    let line = Line::read(&program, &root, &words)?;
    if line.end == End::Help {
        print(&line.help());
        return Ok(());
    }
    if early.version {
        print(&version(&app));
        return Ok(());
    }
    let serves = line.end == End::Command && line.levels.len() == 2 && line.command().name == "run";
    if serves {
        app = run::with_developers_key(app);
    }
    let app = app.freeze().map_err(|errors| Failure::new(errors.to_string()))?;
    crate::builtin::log::init(app.config())?;
    let environment = |name: &str| environment::variable(name).map(|variable| variable.value);
    let console = Console::of_process();
    if serves {
        let sources = values::Sources { environment: &environment, console: &console };
        run::run(&app, &sources.values(&line)?)?;
    } else {
        run_alone(Invocation { program: program.clone(), ..Invocation::new(&app, words, console) })?;
    }
    crate::builtin::log::flush_within(LAST_LINES);
    Ok(())
}

/// `run` is what a line without a command means.
fn with_default_command(words: &[String]) -> Vec<String> {
    let (mut at, mut rest) = (0, words.iter().map(String::as_str));
    while let Some(word) = rest.next() {
        match word {
            "--debug" | "--no-debug" => at += 1,
            "-e" | "--env-file" if rest.next().is_some() => at += 2,
            "-e" | "--env-file" => return words.to_vec(),
            "-h" | "--help" | "--version" => return words.to_vec(),
            "help" if words.len() == at + 1 => return vec!["--help".to_owned()],
            _ if word.starts_with("--env-file=") => at += 1,
            _ if word.starts_with('-') => break,
            _ => return words.to_vec(),
        }
    }
    let (before, after) = words.split_at(at);
    [before, &["run".to_owned()], after].concat()
}

/// What must be known before the application is built.
#[derive(Default)]
struct Early {
    env_file: Option<String>,
    debug: Option<bool>,
    version: bool,
}

impl Early {
    fn of(line: &Line<'_>) -> Early {
        let mut early = Early::default();
        for level in &line.levels {
            let last = |name: &str| level.typed.get(name).and_then(|typed| typed.last());
            early.env_file = last("env-file").cloned().or(early.env_file);
            early.debug = last("debug").map(|debug| debug == "true").or(early.debug);
            early.version |= last("version").is_some();
        }
        early
    }
}

/// As Flask: the versions of the program and of what it is made with.
fn version(app: &App) -> String {
    let own = app.program_version().map_or_else(String::new, |version| format!("{} {version}\n", app.name()));
    format!("{own}Hipflask {}\n", env!("CARGO_PKG_VERSION"))
}

/// How long a command that was interrupted has to end.
const ENDING: Duration = Duration::from_secs(5);

/// Runs a command to its end, or until Ctrl-C: then it is given up where it waits, what it has begun is undone, and the
/// application is stopped.
fn run_alone(invocation: Invocation) -> Result<(), Failure> {
    let runtime = runtime::new()?;
    let app = invocation.app.clone();
    let ended = runtime.block_on(async {
        let mut running = tokio::spawn(async move { invocation.run().await });
        let ended = crate::server::first_of(async { Some((&mut running).await) }, async {
            crate::server::wait_for_signal().await;
            None
        });
        let ended = match ended.await {
            None if interrupt::is_awaited() => Some((&mut running).await),
            ended => ended,
        };
        let Some(ended) = ended else {
            running.abort();
            let undone = async {
                if !console::is_reading() {
                    let _ = running.await;
                }
                app.stop().await
            };
            let _ = tokio::time::timeout(ENDING, undone).await;
            return None;
        };
        // What a command has started ends, even if the command fails.
        let stopped = app.stop().await.map_err(Failure::from);
        let ended = ended.unwrap_or_else(|panicked| Err(Failure::new(panicked.to_string())));
        Some(ended.and(stopped))
    });
    ended.unwrap_or_else(|| {
        echo::show();
        runtime.shutdown_background();
        Err(Failure::from(Error::from(Exit::abort())))
    })
}
