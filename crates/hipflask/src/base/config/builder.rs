//! A configuration under construction.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::config::keys::{defaults, is_key, nearest};
use crate::base::config::source::{Entry, Source};
use crate::base::config::{Config, is_truthy, secret};
use crate::base::environment::Variable;
use crate::base::error::Result;

/// The values that were set, over the defaults.
#[derive(Clone, Debug)]
pub(crate) struct ConfigBuilder {
    set: BTreeMap<String, Entry>,
    defaults: BTreeMap<String, Value>,
}

/// A key that is not known, but resembles one that is.
#[derive(Debug, PartialEq)]
pub(crate) struct Misspelt {
    pub(crate) message: String,
    pub(crate) source: Source,
}

impl Default for ConfigBuilder {
    fn default() -> ConfigBuilder {
        let defaults = defaults().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        ConfigBuilder { set: BTreeMap::new(), defaults }
    }
}

impl ConfigBuilder {
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T, source: Source) -> Result<(), String> {
        let value =
            serde_json::to_value(value).map_err(|error| format!("the value of `{key}` cannot be kept: {error}"))?;
        if is_key(key) {
            self.insert(key, value, source)
        } else {
            Err(format!("`{key}` is not a configuration key; keys are written in upper case"))
        }
    }

    /// Keeps a value; of `SECRET_KEY_FILE` what is in the file, as `SECRET_KEY`.
    fn insert(&mut self, key: &str, value: Value, source: Source) -> Result<(), String> {
        let (key, value, source) = match self.secret_of(key) {
            // A variable that was never filled in.
            Some(_) if value.is_null() || value == "" => return Ok(()),
            Some(secret) => {
                let (value, source) = secret::read(key, &value, &source)?;
                (secret, value, source)
            }
            None => (key, value, source),
        };
        self.set.insert(key.to_owned(), Entry { value, source });
        Ok(())
    }

    /// The secret that `key` names the file of, unless it is a key of its own.
    fn secret_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        secret::named_by(key).filter(|_| !self.defaults.contains_key(key))
    }

    pub(crate) fn set_default<T: Serialize>(&mut self, key: &str, value: &T) -> Result<(), String> {
        let value =
            serde_json::to_value(value).map_err(|error| format!("the default of `{key}` cannot be kept: {error}"))?;
        self.defaults.entry(key.to_owned()).or_insert(value);
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.set.get(key).map(|entry| &entry.value).or_else(|| self.defaults.get(key))
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.get("DEBUG").is_some_and(is_truthy)
    }

    /// Every upper-case key of a table; like Flask, it ignores the others. Returns what is wrong.
    pub(crate) fn extend(&mut self, table: Map<String, Value>, source: &Source) -> Vec<String> {
        let keys = table.into_iter().filter(|(key, _)| is_key(key));
        keys.filter_map(|(key, value)| self.insert(&key, value, source.clone()).err()).collect()
    }

    /// Every key of the file at `path`, which `load` reads.
    pub(crate) fn load_file<E: Display>(
        &mut self,
        path: &Path,
        load: impl FnOnce(&str) -> Result<Map<String, Value>, E>,
    ) -> Vec<String> {
        let text = std::fs::read_to_string(path);
        let path = path.display();
        let text = text.map_err(|error| {
            format!("unable to load configuration file {path}: {error}; create it, or correct the path")
        });
        let table = text
            .and_then(|text| load(&text).map_err(|error| format!("configuration file {path} cannot be read: {error}")));
        match table {
            Ok(table) => self.extend(table, &Source::Named(path.to_string())),
            Err(problem) => vec![problem],
        }
    }

    /// Takes every variable `PREFIX_KEY`: its value as JSON, or as text if it is not JSON; `__` leads into a
    /// table. Flask's `from_prefixed_env`. Returns what is wrong.
    pub(crate) fn load_env(&mut self, prefix: &str, variables: Vec<Variable>) -> Vec<String> {
        let prefix = format!("{prefix}_");
        let mut found: Vec<Variable> = variables;
        found.retain(|variable| variable.name.starts_with(&prefix));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let mut problems = Vec::new();
        let chosen: Vec<&Variable> = found.iter().filter(|one| self.counts(one, &found, &mut problems)).collect();
        for variable in chosen {
            problems.extend(self.load_variable(&variable.name[prefix.len()..], variable).err());
        }
        problems
    }

    /// Whether a variable counts: of `X_SECRET` and `X_SECRET_FILE` that of the process does, not that of a file. Both in
    /// one place are a mistake.
    fn counts(&self, variable: &Variable, all: &[Variable], problems: &mut Vec<String>) -> bool {
        let with = |name: &str| all.iter().find(|other| other.name == name && !other.value.is_empty());
        let of_file = |name: &str| with(&format!("{name}_FILE")).filter(|file| self.secret_of(&file.name).is_some());
        let other = self.secret_of(&variable.name).map_or_else(|| of_file(&variable.name), with);
        let Some(other) = other else { return true };
        match (variable.rank(), other.rank()) {
            (own, others) if own != others => own < others,
            _ => {
                let (a, b) = (&variable.name, &other.name);
                if a < b {
                    problems
                        .push(format!("{a} ({}) and {b} ({}) are both set; remove one", variable.set_in, other.set_in));
                }
                false
            }
        }
    }

    fn load_variable(&mut self, name: &str, variable: &Variable) -> Result<(), String> {
        let source = Source::Named(format!("{} in {}", variable.name, variable.set_in));
        let mut path = name.split("__");
        let key = path.next().filter(|key| is_key(key));
        let Some(key) = key else { return Ok(()) };
        let path: Vec<&str> = path.collect();
        let (last, value, source) = match path.last().copied().and_then(|last| Some((last, secret::named_by(last)?))) {
            Some(_) if variable.value.is_empty() => return Ok(()),
            Some((last, secret)) => {
                let (value, source) = secret::read(last, &Value::from(variable.value.as_str()), &source)?;
                (Some(secret), value, source)
            }
            None => {
                let is_path = path.is_empty() && self.secret_of(key).is_some();
                let text = || Value::String(variable.value.clone());
                let value =
                    if is_path { text() } else { serde_json::from_str(&variable.value).unwrap_or_else(|_| text()) };
                (path.last().copied(), value, source)
            }
        };
        let Some(last) = last else { return self.insert(key, value, source) };
        let entry = self.set.entry(key.to_owned()).or_insert(Entry { value: Value::Null, source: Source::Default });
        entry.source = source;
        let between = path[..path.len() - 1].iter().copied();
        insert_nested(&mut entry.value, between.chain([last]), value);
        Ok(())
    }

    /// The keys that were set and are unknown, but resemble a known one.
    pub(crate) fn misspelt(&self) -> Vec<Misspelt> {
        let files: Vec<String> =
            self.known().filter(|key| Config::is_secret(key)).map(|key| format!("{key}_FILE")).collect();
        let unknown = self.set.iter().filter(|(key, _)| !self.defaults.contains_key(*key));
        let misspelt = unknown.filter_map(|(key, Entry { source, .. })| {
            let known = nearest(key, self.known().chain(files.iter().map(String::as_str)))?;
            let set_by = source.location().map_or_else(|| format!(" ({source})"), |_| String::new());
            let message = format!("unknown configuration key `{key}`{set_by}; did you mean `{known}`?");
            Some(Misspelt { message, source: source.clone() })
        });
        misspelt.collect()
    }

    fn known(&self) -> impl Iterator<Item = &str> {
        self.defaults.keys().map(String::as_str)
    }

    pub(crate) fn build(self) -> Config {
        let default = |(key, value)| (key, Entry { value, source: Source::Default });
        let mut values: BTreeMap<String, Entry> = self.defaults.into_iter().map(default).collect();
        values.extend(self.set);
        let debug = values.get("DEBUG").is_some_and(|entry| is_truthy(&entry.value));
        Config { values: Arc::new(values), debug }
    }
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;
    use crate::base::environment::SetIn;

    fn variables(pairs: &[(&str, &str)], set_in: &SetIn) -> Vec<Variable> {
        let variable = |(name, value): &(&str, &str)| Variable {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            set_in: set_in.clone(),
        };
        pairs.iter().map(variable).collect()
    }

    fn env(pairs: &[(&str, &str)]) -> Config {
        let mut builder = ConfigBuilder::default();
        assert!(builder.load_env("FLASK", variables(pairs, &SetIn::Process)).is_empty());
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
        let mut set = |key: &str| builder.set(key, "x", Source::Named("here".to_owned()));
        for key in ["SECRT_KEY", "SESSION_COOKIE_NMAE", "MY_OWN", "SECRT_KEY_FILE"] {
            set(key).expect("a key");
        }
        assert!(set("lower").is_err());
        let found: Vec<String> = builder.misspelt().into_iter().map(|misspelt| misspelt.message).collect();
        assert_eq!(
            found,
            [
                "unknown configuration key `SECRT_KEY` (here); did you mean `SECRET_KEY`?",
                "unknown configuration key `SECRT_KEY_FILE` (here); did you mean `SECRET_KEY_FILE`?",
                "unknown configuration key `SESSION_COOKIE_NMAE` (here); did you mean `SESSION_COOKIE_NAME`?",
            ]
        );
    }

    #[test]
    fn errors_name_the_key_and_what_it_is() {
        let config = env(&[("FLASK_PORT", "many")]);
        assert_eq!(
            config.get::<u16>("PORT").expect_err("text").to_string(),
            "the configuration key `PORT` (FLASK_PORT in the environment) is \"many\": invalid type: string \"many\", \
             expected u16"
        );
        assert!(config.get::<u16>("NOTHING").expect_err("absent").to_string().contains("config_default"));
        assert!(config.get::<u16>("PROT").expect_err("absent").to_string().ends_with("not set; did you mean `PORT`?"));
        assert!(!format!("{config:?}").contains("many"), "values stay out of Debug");
    }

    #[test]
    fn of_a_secret_and_its_file_that_of_the_process_counts() {
        let folder = std::env::temp_dir().join(format!("hipflask-secret-{}", std::process::id()));
        std::fs::write(&folder, "from the file\n").expect("a file for the test");
        let file = folder.to_str().expect("text");
        let dotenv = SetIn::File { path: PathBuf::from(".env"), line: 3 };
        let of = |process: &[(&str, &str)], below: &[(&str, &str)]| {
            let mut builder = ConfigBuilder::default();
            let all = variables(process, &SetIn::Process).into_iter().chain(variables(below, &dotenv));
            let problems = builder.load_env("FLASK", all.collect());
            (builder.get("SECRET_KEY").cloned().unwrap_or_default(), builder.get("M").cloned(), problems.join("\n"))
        };
        let (own, by_file) = (("FLASK_SECRET_KEY", "own"), ("FLASK_SECRET_KEY_FILE", file));
        assert_eq!(of(&[own], &[by_file]), (json!("own"), None, String::new()));
        assert_eq!(of(&[by_file], &[own]), (json!("from the file"), None, String::new()));
        let both = "FLASK_SECRET_KEY (.env:3) and FLASK_SECRET_KEY_FILE (.env:3) are both set; remove one";
        assert_eq!(of(&[], &[own, by_file]), (Value::Null, None, both.to_owned()));
        assert_eq!(of(&[own, ("FLASK_SECRET_KEY_FILE", "")], &[]), (json!("own"), None, String::new()));
        let nested = of(&[("FLASK_M__PASSWORD_FILE", file), ("FLASK_M__HOST", "h")], &[]);
        assert_eq!(nested.1, Some(json!({"HOST": "h", "PASSWORD": "from the file"})));
        std::fs::remove_file(folder).expect("it is ours");
    }
}
