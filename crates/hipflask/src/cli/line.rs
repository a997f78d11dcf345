//! A command line, read against the commands that there are.

use std::collections::BTreeMap;
use std::slice::Iter;

use crate::app::command::Command;
use crate::app::command::param::{Param, Shape};
use crate::cli::help;
use crate::cli::process::{Failure, Usage};
use crate::routing::similar::most_similar;

/// What was typed, command by command: the program, a group, a command of it.
pub(super) struct Line<'a> {
    program: &'a str,
    pub(super) levels: Vec<Level<'a>>,
    pub(super) end: End,
}

/// A command, and the texts of its options and arguments by their names.
pub(super) struct Level<'a> {
    pub(super) command: &'a Command,
    pub(super) typed: BTreeMap<&'a str, Vec<String>>,
    arguments: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub(super) enum End {
    /// A command, ready to be run.
    Command,
    Help,
    /// A group without the name of one of its commands.
    Group,
    /// A name that no command has.
    Unknown(String),
}

impl<'a> Line<'a> {
    /// Reads `words`; `root` is the program itself.
    pub(super) fn read(program: &'a str, root: &'a Command, words: &[String]) -> Result<Line<'a>, Failure> {
        let mut line = Line { program, levels: vec![Level::new(root)], end: End::Command };
        let mut words = words.iter();
        loop {
            let read = line.current().read(&mut words);
            let next = match read.map_err(|failure| failure.of(|| line.usage()))? {
                Next::Help => break line.end = End::Help,
                Next::Command(name) => name,
                Next::End => {
                    line.current().assign().map_err(|failure| failure.of(|| line.usage()))?;
                    let command = line.command();
                    if !command.commands.is_empty() && command.handler.is_none() {
                        line.end = End::Group;
                    }
                    break;
                }
            };
            line.current().assign().map_err(|failure| failure.of(|| line.usage()))?;
            match line.command().commands.iter().find(|command| command.name == *next) {
                Some(command) => line.levels.push(Level::new(command)),
                None => break line.end = End::Unknown(next.clone()),
            }
        }
        Ok(line)
    }

    fn current(&mut self) -> &mut Level<'a> {
        self.levels.last_mut().expect("the program is the first level")
    }

    /// The command that was named last.
    pub(super) fn command(&self) -> &'a Command {
        self.levels.last().expect("the program is the first level").command
    }

    /// The program with the names of the commands: `flaskr user create`.
    pub(super) fn path(&self) -> String {
        let names = self.levels[1..].iter().map(|level| level.command.name.as_str());
        std::iter::once(self.program).chain(names).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn usage(&self) -> Usage {
        Usage { line: help::usage(&self.path(), self.command()), command: self.path() }
    }

    /// The page that `--help` shows.
    pub(super) fn help(&self) -> String {
        help::page(&self.path(), self.command())
    }

    /// Why it cannot be run, if it cannot.
    pub(super) fn unknown_command(&self) -> Option<Failure> {
        let End::Unknown(name) = &self.end else { return None };
        let known = self.command().commands.iter().filter(|command| !command.is_hidden);
        let known: Vec<&str> = known.map(|command| command.name.as_str()).collect();
        let meant = most_similar(name, known.iter().copied()).map(|meant| format!(" Did you mean '{meant}'?"));
        let listed = || format!(" The commands are {}.", known.join(", "));
        let message = format!("No such command '{name}'.{}", meant.unwrap_or_else(listed));
        Some(Failure::usage(message).of(|| self.usage()))
    }
}

enum Next {
    End,
    Help,
    Command(String),
}

impl<'a> Level<'a> {
    fn new(command: &'a Command) -> Level<'a> {
        Level { command, typed: BTreeMap::new(), arguments: Vec::new() }
    }

    /// Reads the words up to the name of a command in this one.
    fn read(&mut self, words: &mut Iter<'_, String>) -> Result<Next, Failure> {
        let before_command = self.command.arguments().count();
        let is_group = !self.command.commands.is_empty();
        while let Some(word) = words.next() {
            if word == "--" {
                self.arguments.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                if self.long(long, words)? {
                    return Ok(Next::Help);
                }
            } else if word.len() > 1 && word.starts_with('-') {
                if self.short(&word[1..], words)? {
                    return Ok(Next::Help);
                }
            } else if is_group && self.arguments.len() == before_command {
                return Ok(Next::Command(word.clone()));
            } else {
                self.arguments.push(word.clone());
            }
        }
        Ok(Next::End)
    }

    /// `--name`, `--name=value` or `--no-name`. Says whether help is wanted.
    fn long(&mut self, word: &str, words: &mut Iter<'_, String>) -> Result<bool, Failure> {
        let (name, inline) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        if word == "help" {
            return Ok(true);
        }
        let off =
            |param: &&Param| param.shape == Shape::Switch && name.strip_prefix("no-") == Some(param.name.as_str());
        let param = self.command.options().find(|param| param.name == name);
        if let Some(param) = param.filter(|param| param.has_value()) {
            let value = inline.map(str::to_owned).or_else(|| words.next().cloned());
            self.push(param, value.ok_or_else(|| needs_value(&format!("--{name}")))?);
            return Ok(false);
        }
        if let Some(inline) = inline.filter(|_| param.is_some()) {
            return Err(Failure::usage(format!("Option '--{name}' does not take a value, but has '{inline}'.")));
        }
        match (param, self.command.options().find(off)) {
            (Some(param), _) => self.on(param),
            (None, Some(switch)) => self.push(switch, "false".to_owned()),
            (None, None) => return Err(self.no_such_option(name)),
        }
        Ok(false)
    }

    /// `-v`, `-abc`, `-n5`. Says whether help is wanted.
    fn short(&mut self, letters: &str, words: &mut Iter<'_, String>) -> Result<bool, Failure> {
        for (at, letter) in letters.char_indices() {
            let Some(param) = self.command.options().find(|param| param.short == Some(letter)) else {
                return if letter == 'h' { Ok(true) } else { Err(no_such_letter(letter)) };
            };
            if param.has_value() {
                let rest = &letters[at + letter.len_utf8()..];
                let inline = (!rest.is_empty()).then(|| rest.to_owned());
                let value = inline.or_else(|| words.next().cloned());
                self.push(param, value.ok_or_else(|| needs_value(&format!("-{letter}")))?);
                return Ok(false);
            }
            self.on(param);
        }
        Ok(false)
    }

    fn push(&mut self, param: &'a Param, value: String) {
        self.typed.entry(&param.name).or_default().push(value);
    }

    /// An option without a value is there once more.
    fn on(&mut self, param: &'a Param) {
        let values = self.typed.entry(&param.name).or_default();
        if param.shape == Shape::Count {
            let before: u32 = values.pop().and_then(|count| count.parse().ok()).unwrap_or_default();
            values.push((before + 1).to_string());
        } else {
            values.push("true".to_owned());
        }
    }

    /// Gives the arguments their names.
    fn assign(&mut self) -> Result<(), Failure> {
        let mut words = std::mem::take(&mut self.arguments).into_iter();
        for param in self.command.arguments() {
            if param.shape == Shape::Many {
                let all: Vec<String> = words.by_ref().collect();
                if !all.is_empty() {
                    self.typed.insert(&param.name, all);
                }
            } else if let Some(word) = words.next() {
                self.push(param, word);
            }
        }
        match words.collect::<Vec<_>>().as_slice() {
            [] => Ok(()),
            [one] => Err(Failure::usage(format!("Got unexpected extra argument ({one})"))),
            many => Err(Failure::usage(format!("Got unexpected extra arguments ({})", many.join(" ")))),
        }
    }

    fn no_such_option(&self, name: &str) -> Failure {
        let switches = self.command.options().filter(|param| param.shape == Shape::Switch);
        let off: Vec<String> = switches.map(|param| format!("no-{}", param.name)).collect();
        let known = self.command.options().filter(|param| !param.is_hidden).map(|param| param.name.as_str());
        let meant = most_similar(name, known.chain(off.iter().map(String::as_str)).chain(["help"]));
        let meant = meant.map_or_else(String::new, |meant| format!(" Did you mean '--{meant}'?"));
        Failure::usage(format!("No such option '--{name}'.{meant}"))
    }
}

fn no_such_letter(letter: char) -> Failure {
    Failure::usage(format!("No such option '-{letter}'."))
}

fn needs_value(option: &str) -> Failure {
    Failure::usage(format!("Option '{option}' requires an argument."))
}
