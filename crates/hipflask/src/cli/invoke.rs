//! Running one command.

use std::sync::Arc;

use crate::app::command::Command;
use crate::app::command::args::CliArgs;
use crate::app::frozen::Frozen;
use crate::base::environment;
use crate::base::error::{Error, Result};
use crate::cli::console::Console;
use crate::cli::line::{End, Line};
use crate::cli::process::Failure;
use crate::cli::values::Sources;
use crate::cli::{builtin, completion, config, https, routes};
use crate::context::Context;
use crate::handler::Handler;

/// Finds a variable of the environment.
pub(crate) type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A command line for an application.
pub(crate) struct Invocation {
    pub(crate) app: Frozen,
    /// What is typed before the command.
    pub(crate) program: String,
    pub(crate) words: Vec<String>,
    pub(crate) console: Console,
    /// Finds a variable of the environment.
    pub(crate) environment: Arc<Environment>,
}

impl Invocation {
    /// `words` for `app`, with the environment of the process.
    pub(crate) fn new(app: &Frozen, words: Vec<String>, console: Console) -> Invocation {
        let environment = Arc::new(|name: &str| environment::variable(name).map(|variable| variable.value));
        Invocation { app: app.clone(), program: app.name().to_owned(), words, console, environment }
    }

    /// Reads the line and does what it says, except to serve.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let root = builtin::root(self.app.name(), self.app.commands());
        let line = Line::read(&self.program, &root, &self.words)?;
        if let Some(unknown) = line.unknown_command() {
            return Err(unknown);
        }
        match line.end {
            End::Help => {
                self.console.print(line.help());
                Ok(())
            }
            // As in Flask: the help, and a failure all the same.
            End::Group => {
                self.console.echo_error(line.help().trim_end());
                Err(Failure::incomplete())
            }
            End::Command | End::Unknown(_) => {
                let sources = Sources { environment: &*self.environment, console: &self.console };
                let values = sources.values(&line)?;
                let ran = self.run_command(line.command(), line.levels.len() == 2, values).await;
                ran.map_err(|failure| failure.of(|| line.usage()))
            }
        }
    }

    async fn run_command(&self, command: &Command, is_outer: bool, args: CliArgs) -> Result<(), Failure> {
        let app = &self.app;
        let Some(handler) = command.handler.as_ref() else {
            let text = match command.name.as_str() {
                "routes" if is_outer => routes::routes(app, &args)?,
                "check" if is_outer => check(app).await?,
                "config" if is_outer => config::config(app.config(), &args.list::<String>("keys")?)?,
                "completion" if is_outer => completion::script(&args)?,
                _ => return Err(Failure::new("to serve an application takes its binary")),
            };
            self.console.print(text);
            return Ok(());
        };
        if command.starts {
            app.start().await?;
        }
        Ok(self.call(app.owner_of(command), &**handler, args).await?)
    }

    /// Calls what the command runs, and prints what it returns.
    async fn call(&self, app: &Frozen, handler: &dyn Handler, args: CliArgs) -> Result<(), Error> {
        let console = self.console.clone();
        let call = async |ctx: &mut Context| {
            ctx.g_mut().insert(args);
            ctx.g_mut().insert(console.clone());
            if let Some(response) = handler.call(ctx).await? {
                let text = response.into_parts().2.collect(u64::MAX).await?;
                let text = String::from_utf8_lossy(&text);
                if !text.is_empty() {
                    console.print(format_args!("{}\n", text.trim_end()));
                }
            }
            Ok(())
        };
        app.app_context(call).await
    }
}

/// Everything that can be checked without serving: freezing has checked most of it already.
async fn check(app: &Frozen) -> Result<String, Failure> {
    crate::server::ServerLimits::from_config(app.config())?;
    https::role(app, &CliArgs::default())?;
    app.start().await?;
    app.stop().await?;
    let mode = if app.config().debug() { "development" } else { "production" };
    Ok(format!("{}: {} rules, nothing wrong (checked for {mode})\n", app.name(), app.rules().count()))
}

impl Frozen {
    /// Runs a command as the application's binary does, and returns what it prints: `app.run_command("user", ["create",
    /// "ada"])`. A command of a blueprint or of a mounted application is in a group of its name. Nobody is there to be
    /// asked: a question ends the command. For tests there is
    /// [`test_cli_runner`](Frozen::test_cli_runner).
    ///
    /// # Errors
    ///
    /// If there is no such command, it is used wrongly, the application cannot start, or the command fails.
    pub async fn run_command<A: Into<String>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let words = std::iter::once(name.to_owned()).chain(arguments.into_iter().map(Into::into)).collect();
        let console = Console::in_memory("");
        let ran = Invocation::new(self, words, console.clone()).run().await;
        ran.map_err(Failure::into_error)?;
        Ok(console.written().0.trim_end().to_owned())
    }
}
