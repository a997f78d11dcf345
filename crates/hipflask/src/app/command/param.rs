//! What a command takes on its command line.

use std::fmt::Display;
use std::ops::RangeBounds;
use std::sync::Arc;

use crate::app::command::kind::{CliValue, Kind, PathKind, bounds};

/// An option or an argument of a [`Command`](crate::cli::Command). `#[option]` and `#[argument]` write these calls.
///
/// ```
/// use hipflask::cli::{CliArgs, Command, Param};
/// use hipflask::prelude::*;
///
/// async fn greet(args: CliArgs) -> Result<String> {
///     let name: String = args.get("name")?;
///     Ok(format!("Hello, {name}! ").repeat(args.get("times")?))
/// }
///
/// let command = Command::new("greet")
///     .param(Param::argument("name"))
///     .param(Param::option("times").of::<usize>().short('n').range(1..=3).default(1))
///     .runs(greet);
/// let app = App::new("doc", ".").command(command).freeze()?;
/// # hipflask::block_on(async {
/// assert_eq!(app.run_command("greet", ["Ada", "-n2"]).await?, "Hello, Ada! Hello, Ada!");
/// # Ok::<(), hipflask::Error>(())
/// # })?;
/// # Ok::<(), hipflask::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a parameter does nothing until a command has it"]
pub struct Param {
    pub(crate) name: String,
    pub(crate) is_option: bool,
    pub(crate) short: Option<char>,
    pub(crate) shape: Shape,
    pub(crate) is_required: bool,
    /// Texts, as they would be typed.
    pub(crate) defaults: Vec<String>,
    pub(crate) env: Option<String>,
    pub(crate) help: String,
    pub(crate) metavar: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) checks: Vec<Check>,
    pub(crate) choices: Vec<String>,
    /// `1<=x<=5`
    pub(crate) bounds: Option<String>,
    pub(crate) path: Option<PathKind>,
    pub(crate) question: Option<Question>,
    pub(crate) is_hidden: bool,
}

type Check = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// How often a parameter can be given, and whether it has values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Many,
    /// `--force`
    Flag,
    /// `--color` and `--no-color`
    Switch,
    /// `-vvv`
    Count,
}

/// What is asked for on the terminal where the command line does not have it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) is_password: bool,
}

impl Param {
    fn new(name: impl Into<String>, is_option: bool) -> Param {
        Param {
            name: name.into(),
            is_option,
            short: None,
            shape: Shape::One,
            is_required: !is_option,
            defaults: Vec::new(),
            env: None,
            help: String::new(),
            metavar: None,
            kind: Kind::of::<String>(),
            checks: Vec::new(),
            choices: Vec::new(),
            bounds: None,
            path: None,
            question: None,
            is_hidden: false,
        }
    }

    /// An option, which is given by its name: `--name VALUE`. It may be left out.
    pub fn option(name: impl Into<String>) -> Param {
        Param::new(name, true)
    }

    /// An argument, which is given by its place. It may not be left out.
    pub fn argument(name: impl Into<String>) -> Param {
        Param::new(name, false)
    }

    /// The type of its values; text by default.
    pub fn of<T: CliValue>(mut self) -> Param {
        self.kind = T::kind();
        self
    }

    #[doc(hidden)]
    pub fn of_kind(mut self, kind: Kind) -> Param {
        self.kind = kind;
        self
    }

    /// The letter of an option: `-n`.
    pub fn short(mut self, letter: char) -> Param {
        self.short = Some(letter);
        self
    }

    /// The text that help has beside it.
    pub fn help(mut self, text: impl Into<String>) -> Param {
        self.help = text.into();
        self
    }

    /// Its value where it is not given; of one that may be given [`many`](Param::many) times, one of several.
    pub fn default(mut self, value: impl ToString) -> Param {
        self.defaults.push(value.to_string());
        self.is_required = false;
        self
    }

    /// An option that may not be left out.
    pub fn required(mut self) -> Param {
        self.is_required = true;
        self
    }

    /// An argument that may be left out.
    pub fn optional(mut self) -> Param {
        self.is_required = false;
        self
    }

    /// Lets it be given several times; an argument takes all that is left.
    pub fn many(mut self) -> Param {
        self.shape = Shape::Many;
        self
    }

    /// An option without a value, which is on or off: `--force`.
    pub fn flag(mut self) -> Param {
        (self.shape, self.kind) = (Shape::Flag, Kind::of::<bool>());
        self
    }

    /// A flag that can be switched off too: `--color` and `--no-color`.
    pub fn switch(mut self) -> Param {
        (self.shape, self.kind) = (Shape::Switch, Kind::of::<bool>());
        self
    }

    /// An option without a value that is counted: `-vvv` is 3.
    pub fn count(mut self) -> Param {
        (self.shape, self.kind) = (Shape::Count, Kind::of::<u32>());
        self
    }

    /// The variable of the environment, or of the `.env` files, that has its value where it is not given. Without this
    /// it is `FLASK_`, the names of the commands, and that of the option: `FLASK_INIT_DB_POSTS`.
    pub fn env(mut self, variable: impl Into<String>) -> Param {
        self.env = Some(variable.into());
        self
    }

    /// The only values that are allowed.
    pub fn one_of<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Param {
        self.choices = values.into_iter().map(Into::into).collect();
        self
    }

    /// The values that are allowed, from and to.
    pub fn range<T: CliValue + PartialOrd + Display + Send + Sync>(
        mut self,
        range: impl RangeBounds<T> + Send + Sync + 'static,
    ) -> Param {
        let text = bounds(&range);
        self.bounds = Some(text.clone());
        self.checked_by(move |typed| match typed.parse::<T>() {
            Ok(value) if !range.contains(&value) => Err(format!("{typed} is not in the range {text}.")),
            _ => Ok(()),
        })
    }

    /// A path to something that exists.
    pub fn exists(self) -> Param {
        self.path(PathKind::Any)
    }

    /// A path to a file that exists.
    pub fn file(self) -> Param {
        self.path(PathKind::File)
    }

    /// A path to a folder that exists.
    pub fn folder(self) -> Param {
        self.path(PathKind::Folder)
    }

    fn path(mut self, kind: PathKind) -> Param {
        self.path = Some(kind);
        self.checked_by(move |typed| kind.check(typed))
    }

    /// Refuses values for which `check` says what is wrong with them.
    pub fn checked_by(mut self, check: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Param {
        self.checks.push(Arc::new(check));
        self
    }

    /// Asks for it where it is not given.
    pub fn prompt(mut self, text: impl Into<String>) -> Param {
        self.question = Some(Question { text: text.into(), is_password: false });
        self
    }

    /// Asks for it where it is not given, twice and without showing what is typed.
    pub fn password(mut self, text: impl Into<String>) -> Param {
        self.question = Some(Question { text: text.into(), is_password: true });
        self
    }

    /// What help calls its value: `FILE`.
    pub fn metavar(mut self, name: impl Into<String>) -> Param {
        self.metavar = Some(name.into());
        self
    }

    /// Keeps it out of help.
    pub fn hidden(mut self) -> Param {
        self.is_hidden = true;
        self
    }

    /// Why `typed` is not a value of it.
    pub(crate) fn check(&self, typed: &str) -> Result<(), String> {
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == typed) {
            let choices: Vec<String> = self.choices.iter().map(|choice| format!("'{choice}'")).collect();
            return Err(format!("'{typed}' is not one of {}.", choices.join(", ")));
        }
        self.kind.check(typed)?;
        self.checks.iter().try_for_each(|check| check(typed))
    }

    /// Whether it takes a value.
    pub(crate) fn has_value(&self) -> bool {
        matches!(self.shape, Shape::One | Shape::Many)
    }

    /// `--count` / `-c`, or the argument's name, as messages have them.
    pub(crate) fn quoted(&self) -> String {
        match (self.is_option, self.short) {
            (true, Some(short)) => format!("'--{}' / '-{short}'", self.name),
            (true, None) => format!("'--{}'", self.name),
            (false, _) => format!("'{}'", self.metavar.clone().unwrap_or_else(|| self.screaming())),
        }
    }

    /// What stands for its value.
    pub(crate) fn placeholder(&self) -> String {
        if let Some(name) = &self.metavar {
            return name.clone();
        }
        match (self.is_option, self.choices.is_empty(), &self.bounds) {
            (true, false, _) => format!("[{}]", self.choices.join("|")),
            (false, false, _) => format!("{{{}}}", self.choices.join("|")),
            (true, _, Some(_)) => format!("{} RANGE", self.kind.name),
            (true, _, None) => self.kind.name.to_owned(),
            (false, _, _) => self.screaming(),
        }
    }

    fn screaming(&self) -> String {
        self.name.to_uppercase().replace('-', "_")
    }
}

impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Param { name, is_option, shape, is_required, .. } = self;
        let mut param = f.debug_struct("Param");
        param.field("name", name).field("is_option", is_option).field("shape", shape);
        param.field("is_required", is_required).finish_non_exhaustive()
    }
}
