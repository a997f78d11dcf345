//! Configuration: Flask's keys and defaults, from a mapping, a file or the environment.

pub(crate) mod builder;
pub(crate) mod keys;
mod ranges;
pub(crate) mod secret;
pub(crate) mod source;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::Value;

use crate::base::config::source::Entry;
use crate::base::error::{Error, Result};

/// The configuration of an application, by upper-case keys. Flask's `app.config`.
///
/// As an argument of a view or a hook it is the running application's.
///
/// ```
/// use hipflask::prelude::*;
///
/// let app = App::new("doc", ".").config("MAINTENANCE", true).config("SECRET_KEY", "a key long enough to be safe, truly");
/// let config = app.freeze()?.config().clone();
/// assert!(config.get::<bool>("MAINTENANCE")?);
/// assert_eq!(config.get::<u32>("MAX_FORM_PARTS")?, 1000); // Flask's default
/// assert!(config.get::<bool>("MAINTENENCE").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Config {
    values: Arc<BTreeMap<String, Entry>>,
    /// Asked for in every request with a form.
    debug: bool,
}

impl Config {
    /// The value of `key` as a `T`.
    ///
    /// # Errors
    ///
    /// If the key is not set, or is not a `T`. Both are the developer's mistake, so the client sees a 500;
    /// give a key a default with [`App::config_default`](crate::App::config_default).
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let Some(Entry { value, .. }) = self.values.get(key) else { return Err(Error::msg(self.not_set(key))) };
        match T::deserialize(value) {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::msg(self.wrong_type(key, value, &error))),
        }
    }

    fn not_set(&self, key: &str) -> String {
        let meant = keys::nearest(key, self.keys()).map(|known| format!("; did you mean `{known}`?"));
        let meant = meant.unwrap_or_else(|| "; set it or give it a default with `config_default`".to_owned());
        format!("the configuration key `{key}` is not set{meant}")
    }

    fn wrong_type(&self, key: &str, value: &Value, error: &serde_json::Error) -> String {
        let origin = self.origin(key).unwrap_or_default();
        if secret::conceals(key, value) {
            format!(
                "the configuration key `{key}` ({origin}) has a value of the wrong type, which is not shown because it \
                 is secret"
            )
        } else {
            format!("the configuration key `{key}` ({origin}) is {value}: {error}")
        }
    }

    /// The value of `key`, or `None` if it is not set or `null`.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`.
    #[track_caller]
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.value(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.get(key).map(Some),
        }
    }

    /// The keys, in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The keys that begin with `prefix`, without it and in lower case: as a struct, or as a map if they all have one
    /// type. Flask's `get_namespace`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Mail {
    ///     server: String,
    ///     port: u16,
    ///     username: Option<String>,
    /// }
    ///
    /// let app = App::new("doc", ".").config_default("MAIL_PORT", 587).config("MAIL_SERVER", "mail.example.org").freeze()?;
    /// let mail: Mail = app.config().namespace("MAIL_")?;
    /// assert_eq!((mail.server.as_str(), mail.port, mail.username), ("mail.example.org", 587, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a value has the wrong type or is missing; the message names its key.
    #[track_caller]
    pub fn namespace<T: DeserializeOwned>(&self, prefix: &str) -> Result<T> {
        let reading = Cell::new(None);
        let found = self.values.iter().filter_map(|(key, entry)| Some((key, key.strip_prefix(prefix)?, &entry.value)));
        let mut fields = found.map(|(key, short, value)| {
            reading.set(Some((key, value)));
            (short.to_ascii_lowercase(), value)
        });
        let read: Result<T, serde_json::Error> = T::deserialize(MapDeserializer::new(&mut fields));
        match read {
            Ok(read) => Ok(read),
            Err(error) => {
                let (last, ended) = (reading.get(), fields.next().is_none());
                Err(Error::msg(self.wrong_namespace(prefix, last.filter(|_| !is_missing(&error) || !ended), &error)))
            }
        }
    }

    /// What is wrong with the key that was read last, or else with all of them together.
    fn wrong_namespace(&self, prefix: &str, last: Option<(&String, &Value)>, error: &serde_json::Error) -> String {
        if let Some((key, value)) = last {
            return self.wrong_type(key, value, error);
        }
        let told = error.to_string();
        match told.split('`').nth(1).filter(|_| is_missing(error)) {
            Some(field) => self.not_set(&format!("{prefix}{}", field.to_ascii_uppercase())),
            None => format!("the configuration has no key that begins with `{prefix}`: {error}"),
        }
    }

    /// A value as it is, for templates.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|entry| &entry.value)
    }

    /// The seconds under `key` as a duration, fractions included; `None` if it is not set or `null`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let app = hipflask::App::new("doc", ".").config("LIMIT", 1.5).config("NO_LIMIT", None::<f64>).freeze()?;
    /// assert_eq!(app.config().seconds("LIMIT")?, Some(Duration::from_millis(1500)));
    /// assert_eq!(app.config().seconds("NO_LIMIT")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the value is no number, or one below 0: that is a mistake, and does not mean that there is no limit.
    #[track_caller]
    pub fn seconds(&self, key: &str) -> Result<Option<Duration>> {
        let Some(seconds) = self.find::<f64>(key)? else { return Ok(None) };
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) => Ok(Some(duration)),
            Err(_) => {
                let origin = self.origin(key).unwrap_or_default();
                let told = "give a number of seconds from 0";
                Err(Error::msg(format!("the configuration key `{key}` ({origin}) is {seconds}; {told}")))
            }
        }
    }

    /// Whether the application is being developed.
    pub fn debug(&self) -> bool {
        self.debug
    }

    /// Whether `key` is on; `otherwise`, where it is not set or `null`. Texts as an environment has them count: `0`,
    /// `false`, `no`, `off` and nothing are off.
    ///
    /// ```
    /// let app = hipflask::App::new("doc", ".").config("SHOUT", "off").freeze()?;
    /// assert!(!app.config().switch("SHOUT", true));
    /// assert!(app.config().switch("WHISPER", true));
    /// # Ok::<(), hipflask::errors::SetupErrors>(())
    /// ```
    pub fn switch(&self, key: &str, otherwise: bool) -> bool {
        self.value(key).filter(|value| !value.is_null()).map_or(otherwise, is_truthy)
    }

    /// Where the value of `key` was set, in words for a message: `src/main.rs:12`, `config.json`, `FLASK_PORT in the
    /// environment`, or `default`. `None` if the key is not set.
    ///
    /// ```
    /// let app = hipflask::App::new("doc", ".").config("PORT", 80).freeze()?;
    /// assert!(app.config().origin("PORT").unwrap().contains(".rs:"));
    /// assert_eq!(app.config().origin("MAX_FORM_PARTS").as_deref(), Some("default"));
    /// # Ok::<(), hipflask::errors::SetupErrors>(())
    /// ```
    pub fn origin(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|entry| entry.source.to_string())
    }

    /// Whether the value of `key` must stay out of pages and logs: its name says that it is a secret.
    ///
    /// ```
    /// assert!(hipflask::Config::is_secret("MAIL_PASSWORD") && !hipflask::Config::is_secret("MAIL_SERVER"));
    /// ```
    pub fn is_secret(key: &str) -> bool {
        secret::is_secret(key)
    }
}

/// Keeps the values out of logs and panics: a secret key is among them.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Whether a struct lacks a field.
fn is_missing(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("missing field `")
}

pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off"),
        Value::Array(_) | Value::Object(_) => true,
    }
}
