//! Extensions, and what they meet when the application is frozen.

use std::fmt;
use std::panic::Location;
use std::path::Path;

use crate::app::App;
use crate::base::config::Config;
use crate::base::type_map::TypeMap;
use crate::routing::map::Map;

/// Something that adds to an application: configuration keys, hooks, views, arguments, template globals,
/// commands, checks. A function from app to app.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::Context;
///
/// /// Stamps every response.
/// struct PoweredBy;
///
/// impl Extension for PoweredBy {
///     fn init_app(self, app: App) -> App {
///         app.config_default("POWERED_BY", "Hipflask").after_request(stamp)
///     }
/// }
///
/// async fn stamp(ctx: &mut Context, config: Config) -> Result<()> {
///     let name: String = config.get("POWERED_BY")?;
///     ctx.response_mut().headers_mut().insert("x-powered-by", name.parse()?);
///     Ok(())
/// }
///
/// let client = App::new("doc", ".").extend(PoweredBy).test_client();
/// assert_eq!(client.get("/").send_blocking().header("x-powered-by"), Some("Hipflask"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extension",
    label = "not an extension",
    note = "give a type that implements `hipflask::Extension`, or a function from app to app: `fn mail(app: App) -> App`"
)]
pub trait Extension {
    /// Adds itself to `app`. It must not keep anything for itself: one extension may serve many apps. Its
    /// state goes into [`App::insert_state`], its configuration has its name as a prefix.
    fn init_app(self, app: App) -> App;
}

#[diagnostic::do_not_recommend]
impl<F: FnOnce(App) -> App> Extension for F {
    fn init_app(self, app: App) -> App {
        self(app)
    }
}

/// One thing that is wrong with an application, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    /// What it is wrong with, where the same can be wrong with several: "the view `blog.show`".
    subject: Option<String>,
    message: String,
    location: Option<&'static Location<'static>>,
}

impl SetupError {
    pub(crate) fn new(message: impl Into<String>, location: Option<&'static Location<'static>>) -> SetupError {
        SetupError { subject: None, message: message.into(), location }
    }

    pub(crate) fn of(self, subject: impl Into<String>) -> SetupError {
        SetupError { subject: Some(subject.into()), ..self }
    }

    /// What is wrong and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line of the call that it comes from, where there is one.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_place(f)?;
        if self.location.is_some() || self.subject.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl SetupError {
    /// `src/blog.rs:85: the view `blog.comment``
    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = self.location {
            write!(f, "{}:{}", location.file(), location.line())?;
        }
        match &self.subject {
            Some(subject) if self.location.is_some() => write!(f, ": {subject}"),
            Some(subject) => f.write_str(subject),
            None => Ok(()),
        }
    }
}

/// Everything that keeps an application from starting, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupErrors(Vec<SetupError>);

impl SetupErrors {
    /// The same mistake may be found by several that read the same key.
    pub(crate) fn new(errors: Vec<SetupError>) -> Result<(), SetupErrors> {
        let mut distinct: Vec<SetupError> = Vec::new();
        for error in errors {
            if !distinct.contains(&error) {
                distinct.push(error);
            }
        }
        match distinct.is_empty() {
            true => Ok(()),
            false => Err(SetupErrors(distinct)),
        }
    }

    /// The errors, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &SetupError> {
        self.0.iter()
    }
}

/// What is wrong with several things is said once, with all of them below it.
impl fmt::Display for SetupErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<Vec<&SetupError>> = Vec::new();
        for error in &self.0 {
            match groups.iter_mut().find(|group| group[0].message == error.message) {
                Some(group) => group.push(error),
                None => groups.push(vec![error]),
            }
        }
        let count = groups.len();
        write!(f, "the application cannot start: {count} {}", if count == 1 { "problem" } else { "problems" })?;
        for group in groups {
            match group[..] {
                [error] => write!(f, "\n  {error}")?,
                _ => {
                    write!(f, "\n  {}", group[0].message)?;
                    for error in group {
                        f.write_str("\n    ")?;
                        error.write_place(f)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for SetupErrors {}

/// A file inside of the binary.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedFile {
    /// Its name below its folder: `css/style.css`.
    pub name: &'static str,
    /// Its content.
    pub content: &'static [u8],
}

/// An application while it is frozen: everything was registered, nothing runs yet. Extensions check here
/// what they need ([`App::on_freeze`]).
#[derive(Debug)]
pub struct Freezing<'a> {
    pub(crate) name: &'a str,
    pub(crate) root_path: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) map: &'a Map,
    pub(crate) embedded: &'a [(&'static str, &'static [EmbeddedFile])],
    pub(crate) state: &'a mut TypeMap,
    pub(crate) problems: &'a mut Vec<SetupError>,
}

impl Freezing<'_> {
    /// The application's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The application's folder.
    pub fn root_path(&self) -> &Path {
        self.root_path
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.config
    }

    /// The files of a folder of the application that are inside of the binary, if they are.
    pub fn embedded(&self, folder: &str) -> Option<&'static [EmbeddedFile]> {
        self.embedded.iter().find(|(name, _)| *name == folder).map(|(_, files)| *files)
    }

    /// Whether a rule has the name `endpoint`.
    pub fn has_endpoint(&self, endpoint: &str) -> bool {
        self.map.has_endpoint(endpoint)
    }

    /// The state of type `T`, if an extension has put it there.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.state.get()
    }

    /// Puts state where views will find it.
    pub fn insert_state<T: Send + Sync + 'static>(&mut self, state: T) {
        self.state.insert(state);
    }

    /// Takes state out again.
    pub fn take_state<T: 'static>(&mut self) -> Option<T> {
        self.state.remove()
    }

    /// Reports something that keeps the application from starting. Say what was found and what to do.
    pub fn problem(&mut self, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, None));
    }

    /// Reports what is wrong with `subject`. What is wrong with several is said once.
    pub(crate) fn problem_of(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, None).of(subject));
    }
}
