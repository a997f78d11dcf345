//! `config`: each key, its value, and where it comes from.

use serde_json::Value;

use crate::base::config::{Config, keys, secret};
use crate::cli::process::Failure;
use crate::cli::table::table;

/// A table of `keys`, or of all; what is secret is concealed.
pub(super) fn config(config: &Config, wanted: &[String]) -> Result<String, Failure> {
    if let Some(unknown) = wanted.iter().find(|key| config.value(key).is_none()) {
        let meant = keys::nearest(unknown, config.keys()).map(|known| format!("; did you mean `{known}`?"));
        let meant = meant.unwrap_or_else(|| "; without a name `config` lists all of them".to_owned());
        return Err(Failure::usage(format!("the configuration key `{unknown}` is not set{meant}")));
    }
    let listed = config.keys().filter(|key| wanted.is_empty() || wanted.iter().any(|wanted| wanted == key));
    let row = |key: &str| {
        let value = secret::shown(key, config.value(key).unwrap_or(&Value::Null));
        [key.to_owned(), value.to_string(), config.origin(key).unwrap_or_default()]
    };
    Ok(table(["Key", "Value", "Source"], listed.map(row).collect()))
}
