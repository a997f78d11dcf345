//! Commands of an application's binary, and groups of them.

pub(crate) mod args;
pub(crate) mod kind;
pub(crate) mod param;
mod runs;
pub(crate) mod tree;

use std::panic::Location;
use std::sync::Arc;

use crate::app::command::param::Param;
use crate::handler::Handler;

/// A command of the application's binary, or a group of commands. [`#[command]`](macro@crate::cli::command) makes one of a
/// function.
///
/// ```
/// use hipflask::cli::{Command, command};
/// use hipflask::prelude::*;
///
/// /// Adds a user.
/// #[command]
/// async fn create(name: String, #[option] admin: bool) -> String {
///     format!("{name} is there{}", if admin { ", as administrator" } else { "" })
/// }
///
/// let app = App::new("doc", ".").command(Command::new("user").about("Who may log in.").command(create)).freeze()?;
/// # hipflask::block_on(async {
/// assert_eq!(app.run_command("user", ["create", "ada", "--admin"]).await?, "ada is there, as administrator");
/// # Ok::<(), hipflask::Error>(())
/// # })?;
/// # Ok::<(), hipflask::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a command does nothing until an application has it"]
pub struct Command {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) params: Vec<Param>,
    pub(crate) commands: Vec<Command>,
    pub(crate) handler: Option<Arc<dyn Handler>>,
    /// Whether what `on_startup` gives has to run before it.
    pub(crate) starts: bool,
    pub(crate) is_hidden: bool,
    /// The way to the mounted application that it belongs to: each one's place among those mounted in the one around it.
    pub(crate) mounted: Vec<usize>,
    pub(crate) location: &'static Location<'static>,
}

impl Command {
    /// A command, or a group, that is typed as `name`.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Command {
        Command {
            name: name.into(),
            about: String::new(),
            params: Vec::new(),
            commands: Vec::new(),
            handler: None,
            starts: true,
            is_hidden: false,
            mounted: Vec::new(),
            location: Location::caller(),
        }
    }

    /// What it does. The first sentence is listed beside its name; all of it is in its help.
    pub fn about(mut self, text: impl Into<String>) -> Command {
        self.about = text.into();
        self
    }

    /// Adds an option or an argument.
    pub fn param(mut self, param: Param) -> Command {
        self.params.push(param);
        self
    }

    /// Adds a command of its own, which makes it a group. It may be a group too.
    pub fn command(mut self, command: impl IntoCommand) -> Command {
        self.commands.push(command.into_command());
        self
    }

    /// Does not wait for the start, because it looks at, or mends, what the start needs, for instance the state of a
    /// database.
    pub fn before_start(mut self) -> Command {
        self.starts = false;
        self
    }

    /// Keeps it out of the list of commands.
    pub fn hidden(mut self) -> Command {
        self.is_hidden = true;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a list of commands has beside the name.
    pub(crate) fn summary(&self) -> &str {
        let paragraph = self.about.split("\n\n").next().unwrap_or_default();
        let end = paragraph.find(". ").or_else(|| paragraph.find(".\n"));
        end.map_or(paragraph, |end| &paragraph[..=end]).trim()
    }

    /// Options, without the arguments.
    pub(crate) fn options(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| param.is_option)
    }

    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| !param.is_option)
    }

    /// Says of it, and of every command in it, that they belong to the application that is mounted at `place`.
    pub(crate) fn mounted_at(mut self, place: usize) -> Command {
        self.mounted.insert(0, place);
        self.commands = self.commands.into_iter().map(|command| command.mounted_at(place)).collect();
        self
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut command = f.debug_struct("Command");
        command.field("name", &self.name).field("params", &self.params).field("commands", &self.commands);
        command.finish_non_exhaustive()
    }
}

/// What can be given to [`command`](crate::extension::Scaffold::command): a [`Command`], or the name of a function under
/// [`#[command]`](macro@crate::cli::command).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "not a command",
    note = "put `#[command]` above the function, or write `Command::new(\"name\").runs(f)`"
)]
pub trait IntoCommand {
    /// The command.
    fn into_command(self) -> Command;
}

#[diagnostic::do_not_recommend]
impl IntoCommand for Command {
    fn into_command(self) -> Command {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<F: FnOnce() -> Command> IntoCommand for F {
    fn into_command(self) -> Command {
        self()
    }
}
