//! What a shell offers while a command line is typed.
//!
//! `completion bash` prints a few lines of shell. These call the program at every Tab with what was typed so far, and
//! the variable `_FLASK_COMPLETE`, and it prints what could come next: a line each, with a tab before what help says of it.
//! The line `:files` or `:folders` leaves it to the shell.

use crate::app::command::Command;
use crate::app::command::args::CliArgs;
use crate::app::command::kind::PathKind;
use crate::app::command::param::{Param, Shape};
use crate::base::error::Result;
use crate::cli::process::Failure;

/// The variable with what was typed: a word a line, each behind a `=`, because shells drop empty lines at an end. The
/// last word is unfinished.
pub(super) const VARIABLE: &str = "_FLASK_COMPLETE";

/// The lines for a shell.
pub(super) fn script(args: &CliArgs) -> Result<String, Failure> {
    let (shell, name) = (args.get::<String>("shell")?, args.find::<String>("name")?);
    let name = name.unwrap_or_else(own_name);
    let function: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let script = match shell.as_str() {
        "bash" => BASH,
        "zsh" => ZSH,
        _ => FISH,
    };
    Ok(script.replace("FUNCTION", &format!("_{function}_completion")).replace("PROGRAM", &name))
}

fn own_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    std::path::Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

const BASH: &str = r#"FUNCTION() {
    local line typed
    local IFS=$'\n'
    typed=$(printf '=%s\n' "${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    for line in $(_FLASK_COMPLETE="$typed" "${COMP_WORDS[0]}"); do
        case "$line" in
            :files) compopt -o default ;;
            :folders) compopt -o dirnames ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done
}
complete -o nosort -F FUNCTION PROGRAM
"#;

const ZSH: &str = r#"#compdef PROGRAM
FUNCTION() {
    local line typed
    local -a found
    typed=$(printf '=%s\n' "${(@)words[2,CURRENT]}")
    while IFS= read -r line; do
        case "$line" in
            :files) _files ;;
            :folders) _files -/ ;;
            *$'\t'*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            *) found+=("${line//:/\\:}") ;;
        esac
    done < <(_FLASK_COMPLETE="$typed" "${words[1]}")
    (( ${#found} )) && _describe -V unsorted found
}
compdef FUNCTION PROGRAM
"#;

const FISH: &str = r#"function FUNCTION
    set -l current (commandline -ct)
    set -l typed (commandline -opc) "$current"
    for line in (_FLASK_COMPLETE=(string join \n -- "="$typed[2..] | string collect) $typed[1])
        switch $line
            case :files
                __fish_complete_path "$current"
            case :folders
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete --no-files --keep-order --command PROGRAM --arguments '(FUNCTION)'
"#;

/// What could come next after `typed`.
pub(super) fn candidates(root: &Command, typed: &str) -> String {
    let mut words: Vec<&str> = typed.lines().map(|word| word.strip_prefix('=').unwrap_or(word)).collect();
    let unfinished = words.pop().unwrap_or_default();
    let place = Place::after(root, &words);
    let mut found: Vec<(String, &str)> = match place.expects {
        Some(param) => values(param),
        None if unfinished.starts_with('-') && place.options => options(place.command),
        None => {
            let commands = place.command.commands.iter().filter(|command| !command.is_hidden);
            let commands = commands.map(|command| (command.name.clone(), command.summary()));
            commands.chain(place.argument.map(values).into_iter().flatten()).collect()
        }
    };
    found.retain(|(candidate, _)| candidate.starts_with(unfinished) || candidate.starts_with(':'));
    let line = |(candidate, about): (String, &str)| {
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        if about.is_empty() { candidate + "\n" } else { format!("{candidate}\t{about}\n") }
    };
    found.into_iter().map(line).collect()
}

/// Where on the command line something is to be completed.
struct Place<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    expects: Option<&'a Param>,
    /// The argument that comes next.
    argument: Option<&'a Param>,
    /// Whether options are still read.
    options: bool,
}

impl<'a> Place<'a> {
    fn after(root: &'a Command, words: &[&str]) -> Place<'a> {
        let mut place = Place { command: root, expects: None, argument: None, options: true };
        let mut arguments = 0;
        for word in words {
            if place.expects.take().is_some() {
                continue;
            }
            if *word == "--" {
                place.options = false;
            } else if place.options && word.len() > 1 && word.starts_with('-') {
                place.expects = option_without_value(place.command, word);
            } else if let Some(inner) = place.command.commands.iter().find(|command| command.name == *word) {
                (place.command, arguments) = (inner, 0);
            } else {
                arguments += 1;
            }
        }
        let last = place.command.arguments().last().filter(|last| last.shape == Shape::Many);
        place.argument = place.command.arguments().nth(arguments).or(last);
        place
    }
}

/// The option that `word` names, if its value is in the next word.
fn option_without_value<'a>(command: &'a Command, word: &str) -> Option<&'a Param> {
    let long = word.strip_prefix("--");
    let is_named = |param: &&Param| match long {
        Some(name) => param.name == name,
        None => param.short.is_some_and(|letter| word.ends_with(letter)),
    };
    command.options().filter(|param| param.has_value()).find(is_named)
}

fn options(command: &Command) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    for option in command.options().filter(|option| !option.is_hidden) {
        found.push((format!("--{}", option.name), option.help.as_str()));
        if option.shape == Shape::Switch {
            found.push((format!("--no-{}", option.name), option.help.as_str()));
        }
    }
    found.push(("--help".to_owned(), "Show this message and exit."));
    found
}

fn values(param: &Param) -> Vec<(String, &str)> {
    let of_shell = match (param.path, param.kind.is_path()) {
        (Some(PathKind::Folder), _) => Some(":folders"),
        (Some(_), _) | (None, true) => Some(":files"),
        (None, false) => None,
    };
    let choices = param.choices.iter().map(|choice| (choice.clone(), ""));
    choices.chain(of_shell.map(|shell| (shell.to_owned(), ""))).collect()
}
