//! The configuration of an application under construction.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map as JsonMap, Value};

use crate::app::App;
use crate::base::error::Result;

impl App {
    /// Sets a key of the configuration.
    #[track_caller]
    pub fn config(mut self, key: &str, value: impl Serialize) -> App {
        let result = self.config.set(key, &value);
        self.note(result)
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
        let result = match serde_json::to_value(mapping) {
            Ok(Value::Object(table)) => {
                self.config.extend(table);
                Ok(())
            }
            Ok(_) => Err("a configuration must be a table of keys and values".to_owned()),
            Err(error) => Err(format!("the configuration cannot be kept: {error}")),
        };
        self.note(result)
    }

    /// Sets every upper-case key of a file that `load` reads, relative to the application's folder. Flask's
    /// `config.from_file`.
    ///
    /// ```no_run
    /// # use hipflask::prelude::*;
    /// let app = App::new("doc", ".").config_from_file("config.json", |text| serde_json::from_str::<serde_json::Value>(text));
    /// ```
    #[track_caller]
    pub fn config_from_file<T: Serialize, E: std::fmt::Display>(
        mut self,
        path: impl AsRef<Path>,
        load: impl FnOnce(&str) -> Result<T, E>,
    ) -> App {
        let path = self.root_path.join(path);
        let load = |text: &str| match load(text).map(serde_json::to_value) {
            Ok(Ok(Value::Object(table))) => Ok::<JsonMap<_, _>, String>(table),
            Ok(Ok(_)) => Err("it is not a table of keys and values".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let result = self.config.load_file(&path, load);
        self.note(result)
    }

    /// Sets a key for every variable `PREFIX_KEY` of the environment. Flask's `config.from_prefixed_env`. The
    /// binary's own command line does it with the prefix `FLASK`.
    pub fn config_from_prefixed_env(mut self, prefix: &str) -> App {
        // `vars` panics if any variable of the environment is not Unicode.
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        self.config.load_env(prefix, std::env::vars_os().filter_map(text));
        self
    }

    /// What the configuration says so far, for an extension that has to decide something early.
    pub fn configured<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.config.get(key)?).ok()
    }

    /// Whether the application is being developed, as far as is known: `DEBUG`.
    pub fn is_debug(&self) -> bool {
        self.config.is_debug()
    }
}
