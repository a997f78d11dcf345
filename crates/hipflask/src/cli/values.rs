//! The values of a command line: what was typed, what the environment says, what the user answers, the defaults.

use std::collections::BTreeMap;

use crate::app::command::args::CliArgs;
use crate::app::command::param::{Param, Shape};
use crate::app::command::tree::BUILT_IN;
use crate::base::error::Result;
use crate::cli::console::Console;
use crate::cli::line::{Level, Line};
use crate::cli::process::Failure;

/// Where values come from that were not typed.
pub(super) struct Sources<'a> {
    pub(super) environment: &'a (dyn Fn(&str) -> Option<String> + Sync),
    pub(super) console: &'a Console,
}

impl Sources<'_> {
    /// The values of the command and of the groups around it.
    pub(super) fn values(&self, line: &Line<'_>) -> Result<CliArgs, Failure> {
        let mut values = BTreeMap::new();
        let mut prefix = None;
        // Those of the program itself are not the command's.
        for (depth, level) in line.levels.iter().enumerate().skip(1) {
            prefix = prefix_of(depth, level, prefix);
            for param in &level.command.params {
                let found = self.values_of(param, level, prefix.as_deref());
                let found = found.map_err(|failure| failure.of(|| line.usage()))?;
                // One of the same name in a group around is another one.
                if found.is_empty() {
                    values.remove(&param.name);
                } else {
                    values.insert(param.name.clone(), found);
                }
            }
        }
        Ok(CliArgs::new(values))
    }

    fn values_of(&self, param: &Param, level: &Level<'_>, prefix: Option<&str>) -> Result<Vec<String>, Failure> {
        let invalid = |said: String| Failure::usage(format!("Invalid value for {}: {said}", label(param)));
        let typed = level.typed.get(param.name.as_str()).cloned();
        let typed = typed.or_else(|| self.set_in_environment(param, prefix));
        if let Some(typed) = typed {
            let wrong = typed.iter().find_map(|text| param.check(text).err());
            return wrong.map_or(Ok(typed), |wrong| Err(invalid(wrong)));
        }
        if let Some(question) = &param.question {
            return Ok(vec![self.console.ask(param, question)?]);
        }
        if !param.defaults.is_empty() {
            return Ok(param.defaults.clone());
        }
        match param.shape {
            Shape::Flag => Ok(vec!["false".to_owned()]),
            Shape::Count => Ok(vec!["0".to_owned()]),
            _ if param.is_required => Err(missing(param)),
            _ => Ok(Vec::new()),
        }
    }

    /// An option's variable: its own, or the one that is named after the command.
    fn set_in_environment(&self, param: &Param, prefix: Option<&str>) -> Option<Vec<String>> {
        let named = || {
            let name = |prefix| format!("{prefix}_{}", screaming(&param.name));
            prefix.filter(|_| param.is_option).map(name)
        };
        let text = (self.environment)(&param.env.clone().or_else(named)?).filter(|text| !text.is_empty())?;
        Some(match param.shape {
            Shape::Many => text.split_whitespace().map(str::to_owned).collect(),
            Shape::Flag | Shape::Switch => vec![as_switch(&text)],
            Shape::One | Shape::Count => vec![text],
        })
    }
}

/// `FLASK_USER_CREATE`, for the commands of the application's own.
fn prefix_of(depth: usize, level: &Level<'_>, around: Option<String>) -> Option<String> {
    let name = screaming(&level.command.name);
    match depth {
        1 if BUILT_IN.contains(&level.command.name.as_str()) => None,
        1 => Some(format!("FLASK_{name}")),
        _ => around.map(|around| format!("{around}_{name}")),
    }
}

fn screaming(name: &str) -> String {
    name.to_uppercase().replace(['-', '.'], "_")
}

/// The words that Flask's flags know.
fn as_switch(text: &str) -> String {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => "true".to_owned(),
        "0" | "false" | "f" | "no" | "n" | "off" => "false".to_owned(),
        _ => text,
    }
}

fn missing(param: &Param) -> Failure {
    let what = if param.is_option { "option" } else { "argument" };
    let choices = if param.choices.is_empty() {
        String::new()
    } else {
        format!(" Choose from:\n\t{}", param.choices.join(",\n\t"))
    };
    Failure::usage(format!("Missing {what} {}.{choices}", label(param)))
}

/// `'--level' / '-l' (env var: 'LEVEL')`
fn label(param: &Param) -> String {
    let env = param.env.as_ref().map_or_else(String::new, |name| format!(" (env var: '{name}')"));
    param.quoted() + &env
}
