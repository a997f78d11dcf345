//! The commands of an application with those of its blueprints, and what can be wrong with them.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Arc;

use crate::app::command::Command;
use crate::app::command::param::{Param, Shape};
use crate::app::setup_error::SetupError;
use crate::handler::Handler;

/// The commands that every application has.
pub(crate) const BUILT_IN: [&str; 5] = ["run", "routes", "check", "config", "completion"];

/// The commands of a blueprint: in a group of the name, or beside those of the application.
pub(crate) fn grouped(
    group: Option<&str>,
    commands: Vec<Command>,
    location: &'static Location<'static>,
) -> Vec<Command> {
    match group {
        Some(_) if commands.is_empty() => commands,
        Some(name) => {
            let group = Command { location, commands, ..Command::new(name) };
            vec![group.about(format!("The commands of `{name}`."))]
        }
        None => commands,
    }
}

/// Adds `command`; groups of the same name become one.
pub(crate) fn add(commands: &mut Vec<Command>, command: Command) -> Result<(), Clash> {
    let Some(known) = commands.iter_mut().find(|known| known.name == command.name) else {
        commands.push(command);
        return Ok(());
    };
    if known.location == command.location && command.commands.is_empty() {
        return Ok(()); // An extension may be added twice.
    }
    let is_group = |command: &Command| command.handler.is_none() && !command.commands.is_empty();
    if !is_group(known) || !is_group(&command) {
        return Err(Clash { name: command.name, location: command.location });
    }
    if known.about.is_empty() {
        known.about = command.about;
    }
    command.commands.into_iter().try_for_each(|inner| add(&mut known.commands, inner))
}

/// Two commands of one name.
pub(crate) struct Clash {
    name: String,
    pub(crate) location: &'static Location<'static>,
}

impl Clash {
    pub(crate) fn message(&self) -> String {
        format!("there are two commands `{}`; give one of them another name, or put it into a group", self.name)
    }
}

/// Reports what is wrong with commands.
pub(crate) fn check(commands: &[Command], problems: &mut Vec<SetupError>) {
    for command in commands {
        if BUILT_IN.contains(&command.name.as_str()) {
            let message = "every application has a command of this name; give it another";
            problems.push(SetupError::new(message, Some(command.location)).of(of(command)));
        }
        check_one(command, problems);
    }
}

fn of(command: &Command) -> String {
    format!("the command `{}`", command.name)
}

fn check_one(command: &Command, problems: &mut Vec<SetupError>) {
    let mut found = Vec::new();
    if command.name.is_empty() || command.name.starts_with('-') || command.name.contains(char::is_whitespace) {
        found.push("a command's name is one word that does not begin with a hyphen: `init-db`".to_owned());
    }
    if command.handler.is_none() && command.commands.is_empty() {
        found.push(
            "it does nothing; say what it runs with `.runs(f)`, or give it commands with `.command(..)`".to_owned(),
        );
    }
    found.extend(command.params.iter().filter_map(|param| check_param(param).err()));
    found.extend(check_names(command).err());
    found.extend(check_order(command).err());
    problems.extend(found.into_iter().map(|message| SetupError::new(message, Some(command.location)).of(of(command))));
    for inner in command.commands.iter().filter(|inner| inner.mounted.is_empty()) {
        check_one(inner, problems);
    }
}

fn check_param(param: &Param) -> Result<(), String> {
    let name = &param.name;
    if name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_whitespace() || c == '=') {
        return Err(format!("the option or argument `{name}` needs a name without hyphens in front, spaces and `=`"));
    }
    if !param.is_option && (!param.has_value() || param.short.is_some()) {
        return Err(format!("the argument `{name}` is given by its place; only an option is a flag or has a letter"));
    }
    if param.defaults.len() > 1 && param.shape != Shape::Many {
        return Err(format!("`{name}` has several defaults, which only one with `.many()` can have"));
    }
    match param.defaults.iter().find_map(|default| param.check(default).err()) {
        Some(wrong) => {
            Err(format!("the default of `{name}` is not one of its values: {}", wrong.trim_end_matches('.')))
        }
        None => Ok(()),
    }
}

fn check_names(command: &Command) -> Result<(), String> {
    let mut names = HashSet::new();
    for param in &command.params {
        let off = (param.shape == Shape::Switch).then(|| format!("no-{}", param.name));
        let short = param.short.map(|short| format!("-{short}"));
        for name in [Some(param.name.clone()), off, short].into_iter().flatten() {
            if name == "help" || !names.insert(name.clone()) {
                return Err(format!("the name `{name}` is taken already; give the option or argument another"));
            }
        }
    }
    Ok(())
}

fn check_order(command: &Command) -> Result<(), String> {
    let arguments: Vec<&Param> = command.arguments().collect();
    let is_last = |param: &Param| param.shape == Shape::Many;
    for pair in arguments.windows(2) {
        if is_last(pair[0]) || (!pair[0].is_required && pair[1].is_required) {
            let (first, second) = (&pair[0].name, &pair[1].name);
            return Err(format!(
                "the argument `{second}` comes after `{first}`, which may be left out or takes all that is left; put it before"
            ));
        }
    }
    let open = arguments.last().filter(|last| is_last(last) || !last.is_required);
    match open.filter(|_| !command.commands.is_empty()) {
        Some(Param { name, .. }) => Err(format!(
            "the value of its argument `{name}` could not be told from the name of a command of the group; make it an option"
        )),
        None => Ok(()),
    }
}

/// What commands run, to be checked like hooks.
pub(crate) fn handlers(commands: &[Command]) -> Vec<(&Arc<dyn Handler>, &Command)> {
    let mut found = Vec::new();
    for command in commands.iter().filter(|command| command.mounted.is_empty()) {
        found.extend(command.handler.as_ref().map(|handler| (handler, command)));
        found.extend(handlers(&command.commands));
    }
    found
}
