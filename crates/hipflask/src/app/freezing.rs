//! What handlers and extensions see while the application is frozen.

use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use crate::app::finished::{Finished, OnFinished};
use crate::app::folder::{EmbeddedFile, Folder, RootFolder, embedded};
use crate::app::setup_error::SetupError;
use crate::app::url_rule::UrlRule;
use crate::base::config::Config;
use crate::base::type_map::TypeMap;
use crate::routing::map::Map;

/// An application while it is frozen: everything was registered, nothing runs yet. Extensions check here
/// what they need ([`App::on_freeze`](crate::App::on_freeze)).
pub struct Freezing<'a> {
    pub(crate) name: &'a str,
    pub(crate) root_path: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) map: &'a Map,
    pub(crate) rules: &'a [UrlRule<'a>],
    pub(crate) embedded: &'a [(&'static str, &'static [EmbeddedFile])],
    pub(crate) state: &'a mut TypeMap,
    /// What the sessions need and do not find, as far as it is known.
    pub(crate) sessions: Result<(), String>,
    pub(crate) on_finished: &'a mut Vec<OnFinished>,
    pub(crate) problems: &'a mut Vec<SetupError>,
    /// The line that added the extension whose function runs.
    pub(crate) place: Option<&'static Location<'static>>,
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

    /// The files of a folder of the application, if they are inside the binary.
    pub fn embedded(&self, folder: &str) -> Option<&'static [EmbeddedFile]> {
        embedded(self.embedded, folder)
    }

    /// A folder of the application.
    pub fn folder(&self, name: &str) -> Folder {
        RootFolder::default().find(name, self.root_path, self.embedded)
    }

    /// Whether a rule has the name `endpoint`.
    pub fn has_endpoint(&self, endpoint: &str) -> bool {
        self.map.has_endpoint(endpoint)
    }

    /// Every rule with its options, so that an extension can check at the start what it would only find in a
    /// request. Of a mounted application only its own extensions see the rules.
    ///
    /// ```
    /// use hipflask::Rule;
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

    /// Whether a URL for `endpoint` can be built from values with these names: what a template engine asks of the URLs
    /// that its templates build.
    ///
    /// # Errors
    ///
    /// Says which endpoint was meant, or which values are missing.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".").add_url_rule(Rule::new("/<int:id>").endpoint("show"), async || "post");
    /// let app = app.on_freeze(|freezing| {
    ///     assert_eq!(freezing.check_url("show", &["id"]), Ok(()));
    ///     assert!(freezing.check_url("show", &[]).unwrap_err().contains("`id`"));
    ///     assert!(freezing.check_url("shwo", &["id"]).unwrap_err().contains("show"));
    /// });
    /// # app.freeze().unwrap();
    /// ```
    pub fn check_url(&self, endpoint: &str, names: &[&str]) -> Result<(), String> {
        if !self.map.has_endpoint(endpoint) {
            return Err(self.map.no_such_endpoint(endpoint).to_string());
        }
        let missing = |missing: Vec<String>| format!("a value for `{}` is missing", missing.join("`, `"));
        self.map.expects(endpoint, names).map_err(missing)
    }

    /// Whether there can be sessions: whether a cookie can be signed, or what an interface of the application's own says
    /// ([`SessionInterface::check`](crate::sessions::SessionInterface::check)). That one is made after the functions of
    /// [`on_freeze`](crate::App::on_freeze), which it passes.
    ///
    /// # Errors
    ///
    /// Says what is missing, and what to do.
    pub fn require_session(&self) -> Result<(), String> {
        self.sessions.clone()
    }

    /// Whether there is a secret key, for what is signed: the session, a token.
    ///
    /// # Errors
    ///
    /// Says that none is set, and how to set one.
    pub fn require_secret_key(&self) -> Result<(), String> {
        if self.config.value("SECRET_KEY").is_some_and(|key| !key.is_null()) {
            return Ok(());
        }
        let told = "the session is signed, but no secret key is set; set `SECRET_KEY` (the environment's \
                    FLASK_SECRET_KEY) to 32 random bytes or more, for instance from `openssl rand -hex 32`";
        Err(told.to_owned())
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

    /// Reports something that keeps the application from starting, with the line that added the extension. Say what was
    /// found and what to do.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// fn mail(app: App) -> App {
    ///     app.on_freeze(|freezing| {
    ///         if freezing.config().find::<String>("MAIL_SERVER").ok().flatten().is_none() {
    ///             freezing.problem("mail needs a server; set `MAIL_SERVER`");
    ///         }
    ///     })
    /// }
    ///
    /// let errors = App::new("doc", ".").extend(mail).freeze().unwrap_err();
    /// let error = errors.iter().next().unwrap();
    /// assert_eq!(error.message(), "mail needs a server; set `MAIL_SERVER`");
    /// assert!(error.location().is_some()); // the line of `.extend(mail)`
    /// ```
    pub fn problem(&mut self, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, self.place));
    }

    /// Reports something that keeps the application from starting, with the line that it comes from:
    /// [`UrlRule::location`].
    pub fn problem_at(&mut self, location: &'static Location<'static>, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, Some(location)));
    }

    /// Reports what is wrong with `subject`, something outside the program's code: `the template page.html:3`. What is
    /// wrong with several is said once.
    pub fn problem_of(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.problems.push(SetupError::new(message, None).of(subject));
    }
}

impl std::fmt::Debug for Freezing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Freezing").field("name", &self.name).field("problems", &self.problems).finish_non_exhaustive()
    }
}
