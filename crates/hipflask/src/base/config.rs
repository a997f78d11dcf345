//! Configuration: Flask's keys and defaults, from a mapping, a file or the environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

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
    values: Arc<BTreeMap<String, Value>>,
}

/// The keys that the core knows, and their defaults. The book's page "From Flask" lists the defaults that are
/// stricter than Flask's.
fn defaults() -> [(&'static str, Value); 48] {
    [
        ("ACCESS_LOG", Value::Null),
        ("APPLICATION_ROOT", json!("/")),
        ("CONTENT_SECURITY_POLICY", Value::Null),
        ("DEBUG", json!(cfg!(debug_assertions))),
        ("EXPLAIN_TEMPLATE_LOADING", json!(false)),
        ("LOG_LEVEL", json!("info")),
        ("MAX_CONNECTIONS", json!(10_000)),
        ("MAX_CONTENT_LENGTH", json!(2 * 1024 * 1024)),
        ("MAX_COOKIE_SIZE", json!(4093)),
        ("MAX_FORM_MEMORY_SIZE", json!(500_000)),
        ("MAX_FORM_PARTS", json!(1000)),
        ("PERMANENT_SESSION_LIFETIME", json!(31 * 24 * 60 * 60)),
        ("PREFERRED_URL_SCHEME", json!("http")),
        ("PROPAGATE_EXCEPTIONS", Value::Null),
        ("PROVIDE_AUTOMATIC_OPTIONS", json!(true)),
        ("SECRET_KEY", Value::Null),
        ("SECRET_KEY_FALLBACKS", Value::Null),
        ("SECURITY_HEADERS", json!(true)),
        ("SEND_FILE_MAX_AGE_DEFAULT", Value::Null),
        ("SERVER_BODY_TIMEOUT", json!(60)),
        ("SERVER_GRACEFUL_TIMEOUT", json!(30)),
        ("SERVER_HEADER_TIMEOUT", json!(30)),
        ("SERVER_KEEP_ALIVE_TIMEOUT", json!(75)),
        ("SERVER_NAME", Value::Null),
        ("SERVER_WRITE_TIMEOUT", json!(60)),
        ("SESSION_COOKIE_DOMAIN", Value::Null),
        ("SESSION_COOKIE_HTTPONLY", json!(true)),
        ("SESSION_COOKIE_NAME", json!("session")),
        ("SESSION_COOKIE_PARTITIONED", json!(false)),
        ("SESSION_COOKIE_PATH", Value::Null),
        ("SESSION_COOKIE_SAMESITE", json!("Lax")),
        ("SESSION_COOKIE_SECURE", Value::Null),
        ("SESSION_REFRESH_EACH_REQUEST", json!(true)),
        ("STATIC_PRECOMPRESSED", json!(false)),
        ("TEMPLATES_AUTO_RELOAD", Value::Null),
        ("TESTING", json!(false)),
        ("TRAP_BAD_REQUEST_ERRORS", Value::Null),
        ("TRAP_HTTP_EXCEPTIONS", json!(false)),
        ("TRUSTED_HOSTS", Value::Null),
        ("USE_X_SENDFILE", json!(false)),
        ("VIEW_QUEUE", json!(1024)),
        ("VIEW_THREADS", json!(256)),
        ("WTF_CSRF_ENABLED", json!(true)),
        ("WTF_CSRF_FIELD_NAME", json!("csrf_token")),
        ("WTF_CSRF_HEADERS", json!(["X-CSRFToken", "X-CSRF-Token"])),
        ("WTF_CSRF_TIME_LIMIT", json!(3600)),
        ("WTF_CSRF_TRUSTED_ORIGINS", json!([])),
        ("X_ACCEL_REDIRECT", Value::Null),
    ]
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
        let Some(value) = self.values.get(key) else {
            return Err(Error::msg(format!(
                "the configuration key `{key}` is not set; set it or give it a default with `config_default`"
            )));
        };
        match T::deserialize(value) {
            Ok(value) => Ok(value),
            Err(_) if Config::is_secret(key) => Err(Error::msg(format!(
                "the configuration key `{key}` has a value of the wrong type, which is not shown because it is secret"
            ))),
            Err(error) => Err(Error::msg(format!("the configuration key `{key}` is {value}: {error}"))),
        }
    }

    /// The value of `key`, or `None` if it is not set or `null`.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`.
    #[track_caller]
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.get(key).map(Some),
        }
    }

    /// The keys, in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The keys that begin with `prefix`, without it and in lower case, with their values. Flask's
    /// `get_namespace`.
    pub fn namespace<T: DeserializeOwned>(&self, prefix: &str) -> Result<BTreeMap<String, T>> {
        let keys = self.values.keys().filter_map(|key| Some((key, key.strip_prefix(prefix)?)));
        keys.map(|(key, short)| Ok((short.to_ascii_lowercase(), self.get(key)?))).collect()
    }

    /// A value as it is, for templates.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
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
                Err(Error::msg(format!("the configuration key `{key}` is {seconds}; give a number of seconds from 0")))
            }
        }
    }

    /// Whether the application is being developed.
    pub fn debug(&self) -> bool {
        self.value("DEBUG").is_some_and(is_truthy)
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

    /// Whether the value of `key` must stay out of pages and logs: its name says that it is a secret.
    ///
    /// ```
    /// assert!(hipflask::Config::is_secret("MAIL_PASSWORD") && !hipflask::Config::is_secret("MAIL_SERVER"));
    /// ```
    pub fn is_secret(key: &str) -> bool {
        key.contains("SECRET") || key.contains("PASSWORD")
    }
}

/// Keeps the values out of logs and panics: a secret key is among them.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off"),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// A configuration under construction: the values that were set, over the defaults.
#[derive(Clone, Debug)]
pub(crate) struct ConfigBuilder {
    set: Map<String, Value>,
    defaults: Map<String, Value>,
}

impl Default for ConfigBuilder {
    fn default() -> ConfigBuilder {
        let defaults = defaults().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        ConfigBuilder { set: Map::new(), defaults }
    }
}

impl ConfigBuilder {
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), String> {
        let value =
            serde_json::to_value(value).map_err(|error| format!("the value of `{key}` cannot be kept: {error}"))?;
        self.set_value(key, value)
    }

    fn set_value(&mut self, key: &str, value: Value) -> Result<(), String> {
        if is_key(key) {
            self.set.insert(key.to_owned(), value);
            Ok(())
        } else {
            Err(format!("`{key}` is not a configuration key; keys are written in upper case"))
        }
    }

    pub(crate) fn set_default<T: Serialize>(&mut self, key: &str, value: &T) -> Result<(), String> {
        let value =
            serde_json::to_value(value).map_err(|error| format!("the default of `{key}` cannot be kept: {error}"))?;
        self.defaults.entry(key).or_insert(value);
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.set.get(key).or_else(|| self.defaults.get(key))
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.get("DEBUG").is_some_and(is_truthy)
    }

    /// Every upper-case key of a table; like Flask, it ignores the others.
    pub(crate) fn extend(&mut self, table: Map<String, Value>) {
        self.set.extend(table.into_iter().filter(|(key, _)| is_key(key)));
    }

    /// Reads a file with `load`. A missing file is an error unless `silent`.
    pub(crate) fn load_file<E: std::fmt::Display>(
        &mut self,
        path: &Path,
        load: impl FnOnce(&str) -> Result<Map<String, Value>, E>,
    ) -> Result<(), String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("unable to load configuration file {}: {error}", path.display()))?;
        let table =
            load(&text).map_err(|error| format!("configuration file {} cannot be read: {error}", path.display()))?;
        self.extend(table);
        Ok(())
    }

    /// Takes every variable `PREFIX_KEY`: its value as JSON, or as text if it is not JSON; `__` leads into a
    /// table. Flask's `from_prefixed_env`.
    pub(crate) fn load_env(&mut self, prefix: &str, variables: impl Iterator<Item = (String, String)>) {
        let prefix = format!("{prefix}_");
        let mut found: Vec<(String, String)> =
            variables.filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), value))).collect();
        found.sort();
        for (name, text) in found {
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let mut path = name.split("__");
            let key = path.next().unwrap_or_default();
            if is_key(key) {
                insert_nested(self.set.entry(key).or_insert(Value::Null), path, value);
            }
        }
    }

    /// The keys that were set and are unknown, but resemble a known one.
    pub(crate) fn misspelt(&self) -> Vec<(String, String)> {
        let unknown = self.set.keys().filter(|key| !self.defaults.contains_key(*key));
        unknown
            .filter_map(|key| Some((key.clone(), self.defaults.keys().find(|known| is_near(key, known))?.clone())))
            .collect()
    }

    pub(crate) fn build(self) -> Config {
        let mut values: BTreeMap<String, Value> = self.defaults.into_iter().collect();
        values.extend(self.set);
        Config { values: Arc::new(values) }
    }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn insert_nested<'a>(slot: &mut Value, mut path: impl Iterator<Item = &'a str>, value: Value) {
    let Some(key) = path.next() else {
        *slot = value;
        return;
    };
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Value::Object(table) = slot {
        insert_nested(table.entry(key).or_insert(Value::Null), path, value);
    }
}

/// Whether `a` becomes `b` by changing, adding, removing or swapping one or two letters.
pub(crate) fn is_near(a: &str, b: &str) -> bool {
    a != b && a.len().abs_diff(b.len()) <= 2 && distance(a.as_bytes(), b.as_bytes()) <= 2
}

/// The optimal string alignment distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [vec![0; b.len() + 1], vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        rows.rotate_left(1);
        let [before, last, row] = &mut rows;
        // After the turn: `before` is row i-2, `last` is row i-1, `row` is to be filled.
        row[0] = i;
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
    }
    rows[2][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Config {
        let mut builder = ConfigBuilder::default();
        builder.load_env("FLASK", pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        builder.build()
    }

    #[test]
    fn the_environment_is_json_or_text() {
        let config = env(&[
            ("FLASK_DEBUG", "1"),
            ("FLASK_SECRET_KEY", "not json"),
            ("FLASK_MYAPI__credentials__user", "me"),
            ("FLASK_MYAPI__port", "80"),
            ("OTHER_DEBUG", "0"),
            ("FLASK_lower", "1"),
        ]);
        assert!(config.debug());
        assert_eq!(config.get::<String>("SECRET_KEY").expect("text"), "not json");
        assert_eq!(config.value("MYAPI"), Some(&json!({"credentials": {"user": "me"}, "port": 80})));
        assert!(config.find::<u8>("lower").expect("absent").is_none());
    }

    #[test]
    fn a_misspelt_key_is_found() {
        let mut builder = ConfigBuilder::default();
        builder.set("SECRT_KEY", "x").expect("a key");
        builder.set("SESSION_COOKIE_NMAE", "x").expect("a key");
        builder.set("MY_OWN", &1).expect("a key");
        assert_eq!(
            builder.misspelt(),
            [
                ("SECRT_KEY".to_owned(), "SECRET_KEY".to_owned()),
                ("SESSION_COOKIE_NMAE".to_owned(), "SESSION_COOKIE_NAME".to_owned())
            ]
        );
        assert!(builder.set("lower", &1).is_err());
    }

    #[test]
    fn errors_name_the_key_and_what_it_is() {
        let config = env(&[("FLASK_PORT", "many")]);
        assert_eq!(
            config.get::<u16>("PORT").expect_err("text").to_string(),
            "the configuration key `PORT` is \"many\": invalid type: string \"many\", expected u16"
        );
        assert!(config.get::<u16>("NOTHING").expect_err("absent").to_string().contains("config_default"));
        assert!(!format!("{config:?}").contains("many"), "values stay out of Debug");
    }

    #[test]
    fn a_namespace_is_trimmed() {
        let mut builder = ConfigBuilder::default();
        builder.set("STORE_PATH", "a").expect("a key");
        builder.set("STORE_URL", "b").expect("a key");
        let found = builder.build().namespace::<String>("STORE_").expect("text");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("path".into(), "a".into()), ("url".into(), "b".into())]);
    }
}
