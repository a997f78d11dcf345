//! What a command and its user say to each other.

use std::collections::VecDeque;
use std::fmt::Display;
use std::future::{Future, ready};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::command::kind::{CliValue, Kind};
use crate::app::command::param::{Param, Question};
use crate::base::error::Result;
use crate::cli::echo;
use crate::cli::exit::Exit;
use crate::cli::style::without_styles;
use crate::context::Context;
use crate::context::extract::FromContext;

/// What a command says while it runs, and asks: an argument by type. What it returns is printed too. Click's `echo`,
/// `prompt`, `confirm` and `progressbar`.
///
/// ```
/// use hipflask::cli::{Color, Console, command, style};
/// use hipflask::prelude::*;
///
/// /// Deletes what is old.
/// #[command]
/// fn clean(console: Console) -> Result<()> {
///     let days: u32 = console.prompt("Older than how many days?").default(30).ask()?;
///     console.confirm_or_abort(&format!("Delete everything older than {days} days?"))?;
///     console.echo(style("done").fg(Color::Green));
///     Ok(())
/// }
///
/// let runner = App::new("doc", ".").command(clean).test_cli_runner();
/// let result = runner.invoke(["clean"]).input("many\n7\ny\n").run_blocking();
/// assert_eq!(
///     result.output(),
///     "Older than how many days? [30]: many\nError: 'many' is not a valid integer.\n\
///      Older than how many days? [30]: 7\nDelete everything older than 7 days? [y/N]: y\ndone\n"
/// );
/// ```
///
/// Reading waits for the user. In an `async fn` that keeps nothing else of the command from running, because a command
/// has the process to itself.
#[derive(Clone)]
pub struct Console(Arc<Ends>);

/// What it is connected to.
enum Ends {
    Process,
    Memory(Mutex<Memory>),
}

#[derive(Default)]
struct Memory {
    input: VecDeque<String>,
    output: String,
    errors: String,
}

impl Console {
    /// That of the process.
    pub(crate) fn of_process() -> Console {
        Console(Arc::new(Ends::Process))
    }

    /// One that reads `input` and keeps what is written.
    pub(crate) fn in_memory(input: &str) -> Console {
        let input = input.lines().map(str::to_owned).collect();
        Console(Arc::new(Ends::Memory(Mutex::new(Memory { input, ..Memory::default() }))))
    }

    fn memory(&self) -> Option<MutexGuard<'_, Memory>> {
        match &*self.0 {
            Ends::Process => None,
            Ends::Memory(memory) => Some(memory.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// What was written, if it was kept: to standard output, and to standard error.
    pub(crate) fn written(&self) -> (String, String) {
        self.memory().map_or_else(Default::default, |memory| (memory.output.clone(), memory.errors.clone()))
    }

    /// Writes a line. Colours are left out where nobody sees them: in a file, in a pipe, with `NO_COLOR`.
    pub fn echo(&self, line: impl Display) {
        self.print(format_args!("{line}\n"));
    }

    /// Writes a text as it is, without a new line.
    pub fn print(&self, text: impl Display) {
        let text = text.to_string();
        match self.memory() {
            Some(mut memory) => memory.output.push_str(&without_styles(&text)),
            None => write(&mut std::io::stdout().lock(), &text, std::io::stdout().is_terminal()),
        }
    }

    /// Writes a line to standard error.
    pub fn echo_error(&self, line: impl Display) {
        self.print_error(&format!("{line}\n"));
    }

    pub(crate) fn print_error(&self, text: &str) {
        match self.memory() {
            Some(mut memory) => memory.errors.push_str(&without_styles(text)),
            None => write(&mut std::io::stderr().lock(), text, std::io::stderr().is_terminal()),
        }
    }

    /// Whether somebody sees what it writes, and not a file or a program.
    pub fn is_terminal(&self) -> bool {
        self.memory().is_none() && std::io::stdout().is_terminal()
    }

    /// Asks a question: `console.prompt("Name").ask::<String>()?`.
    pub fn prompt(&self, question: impl Into<String>) -> Prompt<'_> {
        Prompt { console: self, question: question.into(), default: None, is_hidden: false }
    }

    /// Asks for a password without showing what is typed.
    ///
    /// # Errors
    ///
    /// That of [`Prompt::ask`].
    pub fn password(&self, question: &str) -> Result<String> {
        Prompt { is_hidden: true, ..self.prompt(question) }.ask()
    }

    /// Asks for a new password, twice, until both times are the same.
    ///
    /// # Errors
    ///
    /// That of [`Prompt::ask`].
    pub fn new_password(&self, question: &str) -> Result<String> {
        loop {
            let first = self.password(question)?;
            if self.password("Repeat for confirmation")? == first {
                return Ok(first);
            }
            self.echo("Error: The two entered values do not match.");
        }
    }

    /// Asks a question that is answered with yes or no; without an answer it is no.
    ///
    /// # Errors
    ///
    /// That of [`Prompt::ask`].
    pub fn confirm(&self, question: &str) -> Result<bool> {
        loop {
            let answer = self.answer(&format!("{question} [y/N]: "), false)?;
            match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" | "" => return Ok(false),
                _ => self.echo("Error: invalid input"),
            }
        }
    }

    /// Asks a question, and ends the command unless the answer is yes.
    ///
    /// # Errors
    ///
    /// [`Exit::abort`], and that of [`Prompt::ask`].
    pub fn confirm_or_abort(&self, question: &str) -> Result<()> {
        if self.confirm(question)? { Ok(()) } else { Err(Exit::abort().into()) }
    }

    /// Asks for the value of a parameter.
    pub(super) fn ask(&self, param: &Param, question: &Question) -> Result<String> {
        if question.is_password {
            return self.new_password(&question.text);
        }
        let mut text = question.text.clone();
        if !param.choices.is_empty() {
            text.push_str(&format!(" ({})", param.choices.join(", ")));
        }
        self.ask_until(&text, param.defaults.first().map(String::as_str), false, |typed| param.check(typed))
    }

    fn ask_until(
        &self,
        question: &str,
        default: Option<&str>,
        is_hidden: bool,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String> {
        let is_question = question.ends_with(['?', ':']);
        let text = match default {
            Some(default) => format!("{question} [{default}]: "),
            None if is_question => format!("{question} "),
            None => format!("{question}: "),
        };
        loop {
            let typed = self.answer(&text, is_hidden)?;
            let typed = if typed.is_empty() { default.unwrap_or_default().to_owned() } else { typed };
            if typed.is_empty() {
                continue;
            }
            match check(&typed) {
                Ok(()) => return Ok(typed),
                Err(wrong) => self.echo(format_args!("Error: {wrong}")),
            }
        }
    }

    /// Writes `question` and reads a line.
    fn answer(&self, question: &str, is_hidden: bool) -> Result<String> {
        self.print(question);
        let line = match self.memory() {
            Some(mut memory) => {
                let line = memory.input.pop_front();
                // As it would be on a terminal.
                memory.output.push_str(line.as_deref().filter(|_| !is_hidden).unwrap_or_default());
                memory.output.push('\n');
                line
            }
            None => read(is_hidden)?,
        };
        line.ok_or_else(|| Exit::abort().into())
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("is_in_memory", &self.memory().is_some()).finish()
    }
}

/// A function that is not run by a command has the console of the process.
#[diagnostic::do_not_recommend]
impl FromContext for Console {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Console>> + Send {
        ready(Ok(ctx.g().get::<Console>().cloned().unwrap_or_else(Console::of_process)))
    }
}

/// Whether a line is being read, which nothing can interrupt.
static IS_READING: AtomicBool = AtomicBool::new(false);

/// Whether the process waits for its user.
pub(super) fn is_reading() -> bool {
    IS_READING.load(Ordering::Relaxed)
}

/// A line of standard input; nothing at its end.
fn read(is_hidden: bool) -> Result<Option<String>> {
    let hidden = if is_hidden { echo::hide() } else { echo::Hidden };
    let mut line = String::new();
    IS_READING.store(true, Ordering::Relaxed);
    let length = std::io::stdin().lock().read_line(&mut line);
    IS_READING.store(false, Ordering::Relaxed);
    let length = length?;
    drop(hidden);
    if is_hidden {
        write(&mut std::io::stdout().lock(), "\n", false);
    }
    Ok((length > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// It is not an error if the reader has gone.
fn write(out: &mut impl Write, text: &str, is_terminal: bool) {
    let is_styled = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let plain = if is_styled { None } else { Some(without_styles(text)) };
    let _ = out.write_all(plain.as_deref().unwrap_or(text).as_bytes()).and_then(|()| out.flush());
}

/// A question, to be completed and asked.
#[derive(Debug)]
#[must_use = "a question is not asked until `ask`"]
pub struct Prompt<'a> {
    console: &'a Console,
    question: String,
    default: Option<String>,
    is_hidden: bool,
}

impl Prompt<'_> {
    /// The answer where the user only presses Enter.
    pub fn default(mut self, answer: impl ToString) -> Self {
        self.default = Some(answer.to_string());
        self
    }

    /// Asks until the answer is a `T`.
    ///
    /// # Errors
    ///
    /// [`Exit::abort`] if the input ends; an error of reading it.
    pub fn ask<T: CliValue>(self) -> Result<T> {
        let kind = Kind::of::<T>();
        let Prompt { console, question, default, is_hidden } = self;
        let typed = console.ask_until(&question, default.as_deref(), is_hidden, |typed| kind.check(typed))?;
        typed.parse().map_err(|error| crate::base::error::Error::msg(format!("`{typed}`: {error}")))
    }
}
