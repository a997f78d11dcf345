//! What handlers and extensions meet while the application is frozen.

use std::panic::Location;
use std::path::Path;

use crate::app::setup_error::SetupError;
use crate::app::url_rule::UrlRule;
use crate::base::config::Config;
use crate::base::type_map::TypeMap;
use crate::routing::map::Map;

/// A file inside of the binary.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedFile {
    /// Its name below its folder: `css/style.css`.
    pub name: &'static str,
    /// Its content.
    pub content: &'static [u8],
}

/// An application while it is frozen: everything was registered, nothing runs yet. Extensions check here
/// what they need ([`App::on_freeze`](crate::App::on_freeze)).
#[derive(Debug)]
pub struct Freezing<'a> {
    pub(crate) name: &'a str,
    pub(crate) root_path: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) map: &'a Map,
    pub(crate) rules: &'a [UrlRule<'a>],
    pub(crate) embedded: &'a [(&'static str, &'static [EmbeddedFile])],
    pub(crate) state: &'a mut TypeMap,
    pub(crate) problems: &'a mut Vec<SetupError>,
}

impl<'a> Freezing<'a> {
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

    /// Every rule with its options, so that an extension can check at the start what it would only find in a
    /// request. Of a mounted application only its own extensions see the rules.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// /// The most bytes that a request to a rule may have.
    /// struct BodyLimit(u64);
    ///
    /// fn body_limits(app: App) -> App {
    ///     app.reads_option::<BodyLimit>().on_freeze(|freezing| {
    ///         for rule in freezing.rules().filter(|rule| rule.option().is_some_and(|limit: &BodyLimit| limit.0 == 0)) {
    ///             freezing.problem_at(rule.location(), "a body limit of 0 refuses every body; give at least 1");
    ///         }
    ///     })
    /// }
    ///
    /// let app = App::new("doc", ".").extend(body_limits);
    /// let app = app.add_url_rule(Rule::new("/").methods([POST]).with(BodyLimit(0)), async || "sent");
    /// assert!(app.freeze().is_err());
    /// ```
    pub fn rules(&self) -> impl Iterator<Item = UrlRule<'a>> + use<'a> {
        self.rules.iter().copied()
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

    /// Reports something that keeps the application from starting, with the line that it comes from:
    /// [`UrlRule::location`].
    pub fn problem_at(&mut self, location: &'static Location<'static>, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, Some(location)));
    }

    /// Reports what is wrong with `subject`. What is wrong with several is said once.
    pub(crate) fn problem_of(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, None).of(subject));
    }
}
