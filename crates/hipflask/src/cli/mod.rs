//! The command line of every application's binary: `run`, `routes`, `check`, `config`, and its own commands. Flask's
//! `flask` command.

mod arguments;
mod config;
mod dotenv;
mod https;
mod process;
mod run;
mod table;

use std::process::ExitCode;

use http::Method;

use crate::app::App;
use crate::app::frozen::Command;
use crate::app::frozen::Frozen;
use crate::base::environment;
use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::base::runtime;
use crate::cli::arguments::{Address, Invocation, Options};
use crate::cli::process::{Failure, print};
use crate::cli::table::table;
use crate::context::Context;
use crate::context::extract::FromContext;

/// What the user typed after a command of the application's own.
///
/// ```
/// use hipflask::cli::CliArgs;
/// use hipflask::prelude::*;
///
/// async fn greet(args: CliArgs) -> String {
///     format!("Hello, {}!", args.get(0).unwrap_or("World"))
/// }
///
/// let app = App::new("doc", ".").command("greet", "Says hello.", greet);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CliArgs(Vec<String>);

impl CliArgs {
    /// The argument at `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    /// Whether the flag `--name` is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument.strip_prefix("--") == Some(name))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromContext for CliArgs {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<CliArgs>> + Send {
        std::future::ready(Ok(ctx.g().get::<CliArgs>().cloned().unwrap_or_default()))
    }
}

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
        Ok(Err(Failure { message, code })) => fail(&message, code),
        // A mistake in the function that builds the application; its place helps most.
        Err(panicked) => match panicked.place() {
            Some((file, line)) => fail(&format!("{file}:{line}: {}", panicked.message()), 1),
            None => fail(panicked.message(), 1),
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

#[expect(clippy::print_stderr, reason = "it is the command line's way to say what went wrong")]
fn fail(message: &str, code: u8) -> ExitCode {
    crate::builtin::log::flush();
    eprintln!("Error: {message}");
    ExitCode::from(code)
}

fn execute<A: IntoApp>(build: impl FnOnce() -> A, arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments).map_err(Failure::usage)?;
    dotenv::load(options.env_file.as_deref())?;
    let mut app = build().into_app()?.config_from_prefixed_env("FLASK");
    if let Some(debug) = options.debug {
        app = app.config_by("DEBUG", debug, if debug { "--debug" } else { "--no-debug" });
    }
    if let Invocation::Help = options.invocation {
        print(&arguments::help(app.name(), app.commands()));
        return Ok(());
    }
    if let Invocation::Run(_) = options.invocation {
        app = run::with_developers_key(app);
    }
    let app = app.freeze().map_err(|errors| Failure::new(errors.to_string()))?;
    crate::builtin::log::init(app.config())?;
    match options.invocation {
        Invocation::Help => {}
        Invocation::Run(address) => run::run(&app, &address)?,
        Invocation::Routes { all_methods } => print(&routes(&app, all_methods)),
        Invocation::Check => check(&app)?,
        Invocation::Config { keys } => print(&config::config(app.config(), &keys)?),
        Invocation::Other { name, arguments } => own_command(&app, &name, arguments)?,
    }
    crate::builtin::log::flush();
    Ok(())
}

/// The table that `flask routes` prints.
fn routes(app: &Frozen, all_methods: bool) -> String {
    let domain = if app.rules().any(|rule| rule.host().is_some()) { "Host" } else { "Subdomain" };
    let mut rows: Vec<[String; 4]> = app
        .rules()
        .map(|rule| {
            let methods = rule.methods().map(Method::as_str);
            let mut methods: Vec<&str> = methods.filter(|m| all_methods || !matches!(*m, "HEAD" | "OPTIONS")).collect();
            methods.sort_unstable();
            let domain = rule.host().or(rule.subdomain()).unwrap_or_default();
            [rule.endpoint(), &methods.join(", "), domain, rule.text()].map(str::to_owned)
        })
        .collect();
    rows.sort();
    if rows.is_empty() {
        return "No routes were registered.\n".to_owned();
    }
    if rows.iter().any(|row| !row[2].is_empty()) {
        return table(["Endpoint", "Methods", domain, "Rule"], rows);
    }
    let without_domain = |[endpoint, methods, _, rule]: [String; 4]| [endpoint, methods, rule];
    table(["Endpoint", "Methods", "Rule"], rows.into_iter().map(without_domain).collect())
}

/// Everything that can be checked without serving: freezing has checked most of it already.
fn check(app: &Frozen) -> Result<(), Failure> {
    crate::server::ServerLimits::from_config(app.config())?;
    https::role(app, &Address::default())?;
    runtime::new()?.block_on(async {
        app.start().await?;
        app.stop().await
    })?;
    let mode = if app.config().debug() { "development" } else { "production" };
    print(&format!("{}: {} rules, nothing wrong (checked for {mode})\n", app.name(), app.rules().count()));
    Ok(())
}

fn own_command(app: &Frozen, name: &str, arguments: Vec<String>) -> Result<(), Failure> {
    if !app.commands().iter().any(|command| command.name == name) {
        let own = app.commands().iter().map(|command| command.name.as_str());
        let known: Vec<&str> = arguments::BUILT_IN.iter().map(|(name, _)| *name).chain(own).collect();
        return Err(Failure::usage(format!("there is no command `{name}`; the commands are {}", known.join(", "))));
    }
    let said = runtime::new()?.block_on(async {
        let said = app.run_command(name, arguments).await;
        // What a command has started ends, even if the command fails.
        let stopped = app.stop().await;
        said.and_then(|said| stopped.map(|()| said))
    })?;
    if !said.is_empty() {
        print(&format!("{}\n", said.trim_end()));
    }
    Ok(())
}

impl Frozen {
    /// Runs a command of the application's own, as its binary does: `app.run_command("db", ["status"])`. Returns
    /// what it prints. A command of a mounted application has that application's name in front: `shop.db`. Flask's
    /// `test_cli_runner`.
    ///
    /// # Errors
    ///
    /// If there is no such command, the application cannot start, or the command fails.
    pub async fn run_command<A: Into<String>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let command = self.commands().iter().find(|command| command.name == name);
        let Command { handler, starts, app, .. } =
            command.ok_or_else(|| Error::msg(format!("there is no command `{name}`")))?;
        if *starts {
            self.start().await?;
        }
        let arguments = CliArgs(arguments.into_iter().map(Into::into).collect());
        let said = async |ctx: &mut Context| {
            ctx.g_mut().insert(arguments);
            match handler.call(ctx).await? {
                Some(response) => {
                    let text = response.into_parts().2.collect(u64::MAX).await?;
                    Ok(String::from_utf8_lossy(&text).into_owned())
                }
                None => Ok(String::new()),
            }
        };
        app.as_ref().unwrap_or(self).app_context(said).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::app::scaffold::Scaffold;
    use crate::routing::rule::Rule;

    #[test]
    fn the_table_has_a_column_for_domains_if_rules_have_some() {
        let index = || Rule::new("/").endpoint("index");
        let plain = App::new("test", ".").without_static_files().add_url_rule(index(), async || "");
        let plain = plain.freeze().expect("nothing is wrong with it");
        assert_eq!(
            routes(&plain, true),
            "Endpoint  Methods             Rule\n--------  ------------------  ----\nindex     GET, HEAD, OPTIONS  /\n"
        );
        let app = App::new("test", ".").without_static_files().subdomain_matching().config("SERVER_NAME", "x.example");
        let home = Rule::new("/home").endpoint("home").subdomain("<user>");
        let app = app.add_url_rule(index(), async || "").add_url_rule(home, async || "").freeze();
        assert_eq!(
            routes(&app.expect("nothing is wrong with it"), false),
            "Endpoint  Methods  Subdomain  Rule\n--------  -------  ---------  -----\n\
             home      GET      <user>     /home\nindex     GET                 /\n"
        );
    }
}
