//! The pages of `--help`.

use crate::app::command::Command;
use crate::app::command::param::{Param, Shape};

/// How wide a page is, as in Flask.
const WIDTH: usize = 80;

/// How wide the left column of a list is at most.
const LEFT: usize = 30;

/// `Usage: flaskr user create [OPTIONS] NAME`
pub(super) fn usage(path: &str, command: &Command) -> String {
    let mut line = format!("Usage: {path} [OPTIONS]");
    for argument in command.arguments() {
        line.push(' ');
        line.push_str(&argument_in_usage(argument));
    }
    match (command.commands.is_empty(), command.handler.is_some()) {
        (true, _) => {}
        (false, false) => line.push_str(" COMMAND [ARGS]..."),
        (false, true) => line.push_str(" [COMMAND] [ARGS]..."),
    }
    line
}

fn argument_in_usage(argument: &Param) -> String {
    let name = argument.placeholder();
    let name = if argument.is_required { name } else { format!("[{name}]") };
    if argument.shape == Shape::Many { name + "..." } else { name }
}

/// Everything about a command.
pub(super) fn page(path: &str, command: &Command) -> String {
    let mut page = usage(path, command) + "\n";
    for paragraph in command.about.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        page.push('\n');
        page.push_str(&paragraph_of(paragraph));
    }
    let arguments = command.arguments().filter(|argument| !argument.help.is_empty());
    push_list(&mut page, "Arguments", arguments.map(|argument| (argument.placeholder(), about(argument))).collect());
    let help = if command.options().any(|param| param.short == Some('h')) { "--help" } else { "-h, --help" };
    let options = command.options().filter(|option| !option.is_hidden).map(|option| (names(option), about(option)));
    let options = options.chain([(help.to_owned(), "Show this message and exit.".to_owned())]);
    push_list(&mut page, "Options", options.collect());
    let commands = command.commands.iter().filter(|command| !command.is_hidden);
    let commands = commands.map(|command| (command.name.clone(), command.summary().to_owned()));
    push_list(&mut page, "Commands", commands.collect());
    page
}

/// A paragraph with an indent; the lines of a list or a program stay as they are.
fn paragraph_of(text: &str) -> String {
    let is_as_it_is = text.lines().any(|line| line.starts_with("    ") || line.trim_start().starts_with("- "));
    let lines = if is_as_it_is { text.lines().map(str::to_owned).collect() } else { wrap(text, WIDTH - 2) };
    lines.iter().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

/// `-c, --count INTEGER`, `--color / --no-color`
fn names(option: &Param) -> String {
    let mut names = option.short.map_or_else(String::new, |short| format!("-{short}, "));
    names.push_str(&format!("--{}", option.name));
    match option.shape {
        Shape::Switch => names + &format!(" / --no-{}", option.name),
        Shape::Flag | Shape::Count => names,
        Shape::One | Shape::Many => names + " " + &option.placeholder(),
    }
}

/// `How many.  [env var: COUNT; default: 2; 1<=x<=5]`
fn about(param: &Param) -> String {
    let mut extra = Vec::new();
    extra.extend(param.env.as_ref().map(|name| format!("env var: {name}")));
    let has_default = !param.defaults.is_empty() && param.shape != Shape::Count;
    extra.extend(has_default.then(|| format!("default: {}", default_of(param))));
    extra.extend(param.bounds.clone());
    extra.extend((param.is_required && param.is_option && param.question.is_none()).then(|| "required".to_owned()));
    match (param.help.as_str(), extra.is_empty()) {
        (help, true) => help.to_owned(),
        ("", false) => format!("[{}]", extra.join("; ")),
        (help, false) => format!("{help}  [{}]", extra.join("; ")),
    }
}

fn default_of(param: &Param) -> String {
    match (param.shape, param.defaults.join(", ").as_str()) {
        (Shape::Switch, "false") => format!("no-{}", param.name),
        (Shape::Switch, _) => param.name.clone(),
        (_, defaults) => defaults.to_owned(),
    }
}

fn push_list(page: &mut String, title: &str, rows: Vec<(String, String)>) {
    if rows.is_empty() {
        return;
    }
    page.push_str(&format!("\n{title}:\n"));
    let width = rows.iter().map(|(left, _)| left.chars().count()).filter(|width| *width <= LEFT).max().unwrap_or(LEFT);
    for (left, right) in rows {
        let lines = wrap(&right, WIDTH - width - 4);
        let fits = left.chars().count() <= width;
        let mut lines = lines.iter();
        let first = if fits { lines.next().map_or("", String::as_str) } else { "" };
        page.push_str(format!("  {left:width$}  {first}").trim_end());
        page.push('\n');
        for line in lines {
            page.push_str(&format!("{:indent$}{line}\n", "", indent = width + 4));
        }
    }
}

/// The text in lines of at most `width` characters, unless a word is longer.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    // Two spaces before what is in brackets.
    for word in text.replace("  [", " \u{a0}[").split([' ', '\n']).filter(|word| !word.is_empty()) {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(if line.is_empty() { word.trim_start_matches('\u{a0}') } else { word });
    }
    lines.push(line);
    lines.iter().map(|line| line.replace('\u{a0}', " ")).collect()
}
