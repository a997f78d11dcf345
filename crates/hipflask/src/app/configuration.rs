//! The configuration of an application under construction.

use std::fmt::Display;
use std::panic::Location;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map as JsonMap, Value};

use crate::app::App;
use crate::app::setup_error::SetupError;
use crate::base::config::source::Source;
use crate::base::environment;
use crate::base::error::Result;

/// A name, and what it adds to the configuration.
type Profile<'a> = (&'a str, fn(App) -> App);

impl App {
    /// Sets a key of the configuration.
    #[track_caller]
    pub fn config(mut self, key: &str, value: impl Serialize) -> App {
        let result = self.config.set(key, &value, Source::Code(Location::caller()));
        self.note(result)
    }

    /// Sets a key that something other than the program's code gives the value of.
    pub(crate) fn config_by(mut self, key: &str, value: impl Serialize, source: &str) -> App {
        let problem = self.config.set(key, &value, Source::Named(source.to_owned())).err();
        self.note_all(problem, None)
    }

    /// Sets the default of a key. This is how an extension declares its keys.
    #[track_caller]
    pub fn config_default(mut self, key: &str, value: impl Serialize) -> App {
        let result = self.config.set_default(key, &value);
        self.note(result)
    }

    /// Sets every upper-case key of a table. Flask's `config.from_mapping`.
    #[track_caller]
    pub fn config_from_mapping(mut self, mapping: impl Serialize) -> App {
        let caller = Location::caller();
        let problems = match to_table(mapping) {
            Ok(table) => self.config.extend(table, &Source::Code(caller)),
            Err(why) => vec![format!("the configuration cannot be kept: {why}")],
        };
        self.note_all(problems, Some(caller))
    }

    /// Sets a key for every field of a struct: `MAIL_SERVER` for the field `mail_server`. Flask's `config.from_object`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// struct Settings {
    ///     greeting: &'static str,
    ///     max_form_parts: u32,
    /// }
    ///
    /// let app = App::new("doc", ".").config_from_object(Settings { greeting: "Hello!", max_form_parts: 20 }).freeze()?;
    /// assert_eq!(app.config().get::<String>("GREETING")?, "Hello!");
    /// assert_eq!(app.config().get::<u32>("MAX_FORM_PARTS")?, 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn config_from_object(self, object: impl Serialize) -> App {
        let upper = |table: JsonMap<String, Value>| -> JsonMap<String, Value> {
            table.into_iter().map(|(field, value)| (field.to_ascii_uppercase(), value)).collect()
        };
        match to_table(object) {
            Ok(table) => self.config_from_mapping(upper(table)),
            Err(why) => self.note(Err(format!("the configuration cannot be kept: {why}"))),
        }
    }

    /// Sets every upper-case key of a file that `load` reads, relative to the application's folder. Flask's
    /// `config.from_file`.
    ///
    /// ```no_run
    /// # use hipflask::prelude::*;
    /// let app = App::new("doc", ".").config_from_file("config.json", |text| serde_json::from_str::<serde_json::Value>(text));
    /// ```
    #[track_caller]
    pub fn config_from_file<T: Serialize, E: Display>(
        mut self,
        path: impl AsRef<Path>,
        load: impl FnOnce(&str) -> Result<T, E>,
    ) -> App {
        let path = self.root_path.join(path);
        let load = |text: &str| load(text).map_err(|error| error.to_string()).and_then(to_table);
        let problems = self.config.load_file(&path, load);
        self.note_all(problems, Some(Location::caller()))
    }

    /// [`config_from_file`](App::config_from_file), if there is such a file. Flask's `silent=True`.
    ///
    /// ```
    /// # use hipflask::prelude::*;
    /// let load = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    /// assert!(App::new("doc", ".").config_from_optional_file("not-here.json", load).freeze().is_ok());
    /// ```
    #[track_caller]
    pub fn config_from_optional_file<T: Serialize, E: Display>(
        self,
        path: impl AsRef<Path>,
        load: impl FnOnce(&str) -> Result<T, E>,
    ) -> App {
        match self.root_path.join(&path).try_exists() {
            Ok(false) => self,
            // What keeps it from being looked for keeps it from being read, and is told there.
            Ok(true) | Err(_) => self.config_from_file(path, load),
        }
    }

    /// [`config_from_file`](App::config_from_file) with the file that a variable of the environment names. Flask's
    /// `config.from_envvar`.
    ///
    /// ```
    /// # use hipflask::prelude::*;
    /// let load = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    /// let errors = App::new("doc", ".").config_from_envvar("DOC_SETTINGS", load).freeze().unwrap_err();
    /// assert!(errors.to_string().contains("set DOC_SETTINGS to the path of a configuration file"));
    /// ```
    #[track_caller]
    pub fn config_from_envvar<T: Serialize, E: Display>(
        self,
        variable: &str,
        load: impl FnOnce(&str) -> Result<T, E>,
    ) -> App {
        match environment::variable(variable).filter(|found| !found.value.is_empty()) {
            Some(found) => self.config_from_file(found.value, load),
            None => self.note(Err(format!("set {variable} to the path of a configuration file; it is not set"))),
        }
    }

    /// Sets what one of several profiles says: the one that the environment's `FLASK_PROFILE` names, or else the key
    /// `PROFILE`, or else the first. Flask's users choose a class for `config.from_object` so.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// fn app() -> App {
    ///     App::new("doc", ".").config("SITE", "Flaskr")
    /// }
    ///
    /// fn with_profile(app: App) -> App {
    ///     app.config_profiles([
    ///         ("development", |app| app.config("MAIL_HOST", "localhost")),
    ///         ("production", |app| app.config("MAIL_HOST", "mail.example.org").config("DEBUG", false)),
    ///     ])
    /// }
    ///
    /// let chosen = with_profile(app().config("PROFILE", "production")).freeze()?;
    /// assert_eq!(chosen.config().get::<String>("MAIL_HOST")?, "mail.example.org");
    /// let first = with_profile(app()).freeze()?;
    /// assert_eq!(first.config().get::<String>("MAIL_HOST")?, "localhost");
    /// let wrong = with_profile(app().config("PROFILE", "prod")).freeze().unwrap_err();
    /// assert!(wrong.to_string().contains("the profile `prod` does not exist; there are `development` and `production`"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Variables of the environment count more than a profile, as they do more than the rest of the program.
    #[track_caller]
    pub fn config_profiles<const N: usize>(self, profiles: [Profile<'_>; N]) -> App {
        let named = environment::variable("FLASK_PROFILE").map(|variable| variable.value);
        let named = named.filter(|name| !name.is_empty()).or_else(|| self.configured("PROFILE"));
        let chosen = match &named {
            Some(name) => profiles.iter().find(|(known, _)| known == name),
            None => profiles.first(),
        };
        match (chosen, named) {
            (Some((_, apply)), _) => apply(self),
            (None, None) => self,
            (None, Some(name)) => {
                let known = profiles.map(|(known, _)| format!("`{known}`")).join(" and ");
                self.note(Err(format!("the profile `{name}` does not exist; there are {known}")))
            }
        }
    }

    /// Sets a key for every variable `PREFIX_KEY` of the environment, and of the `.env` files that the command line has
    /// read. Flask's `config.from_prefixed_env`. The binary's own command line does it with the prefix `FLASK`.
    pub fn config_from_prefixed_env(mut self, prefix: &str) -> App {
        let problems = self.config.load_env(prefix, environment::variables());
        self.note_all(problems, None)
    }

    /// What the configuration says so far, for an extension that has to decide something early.
    pub fn configured<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.config.get(key)?).ok()
    }

    /// Whether the application is being developed, as far as is known: `DEBUG`.
    pub fn is_debug(&self) -> bool {
        self.config.is_debug()
    }

    fn note_all(
        mut self,
        problems: impl IntoIterator<Item = String>,
        location: Option<&'static Location<'static>>,
    ) -> App {
        self.problems.extend(problems.into_iter().map(|message| SetupError::new(message, location)));
        self
    }
}

fn to_table(value: impl Serialize) -> Result<JsonMap<String, Value>, String> {
    match serde_json::to_value(value) {
        Ok(Value::Object(table)) => Ok(table),
        Ok(_) => Err("it is not a table of keys and values".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
