//! What handlers and extensions meet while the application is frozen.

use std::path::Path;
use std::sync::Arc;

use crate::app::finished::{Finished, OnFinished};
use crate::app::setup_error::SetupError;
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
pub struct Freezing<'a> {
    pub(crate) name: &'a str,
    pub(crate) root_path: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) map: &'a Map,
    pub(crate) embedded: &'a [(&'static str, &'static [EmbeddedFile])],
    pub(crate) state: &'a mut TypeMap,
    pub(crate) on_finished: &'a mut Vec<OnFinished>,
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

    /// Adds an [`on_finished`](crate::App::on_finished) function, where the configuration says whether there is one.
    pub fn on_finished(&mut self, f: impl Fn(&Finished<'_>) + Send + Sync + 'static) {
        self.on_finished.push(Arc::new(f));
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

impl std::fmt::Debug for Freezing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Freezing").field("name", &self.name).field("problems", &self.problems).finish_non_exhaustive()
    }
}
