//! Which values are secret, how they stay unseen, and how they are read from files of their own.

use serde_json::{Map, Value};

use crate::base::config::source::Source;

/// What a name of a secret contains.
const SECRET: [&str; 9] =
    ["SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "CREDENTIAL", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY"];

const CONCEALED: &str = "(concealed)";

/// Whether the name of a key says that it is a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    SECRET.iter().any(|word| key.contains(word))
}

/// Whether something of this value must not be shown.
pub(crate) fn conceals(key: &str, value: &Value) -> bool {
    shown(key, value) != *value
}

/// The value with what is secret concealed: all of a secret key, in tables too, and the user and password of a URL.
pub(crate) fn shown(key: &str, value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if is_secret(key) && !key.ends_with("_FILE") => CONCEALED.into(),
        Value::String(text) => shown_text(text).into(),
        Value::Array(values) => values.iter().map(|value| shown(key, value)).collect(),
        Value::Object(table) => {
            table.iter().map(|(key, value)| (key.clone(), shown(key, value))).collect::<Map<_, _>>().into()
        }
        Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// `postgres://app:hunter2@db/blog` without `app:hunter2`. A password may contain a slash that should have been quoted, so
/// the last `@` counts.
fn shown_text(text: &str) -> String {
    if is_secret(text) && text.contains('=') {
        return CONCEALED.to_owned();
    }
    let parts = text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    parts.map_or_else(|| text.to_owned(), |(scheme, host)| format!("{scheme}://{CONCEALED}@{host}"))
}

/// The secret key that a file gives the value of: `SECRET_KEY` for `SECRET_KEY_FILE`.
pub(crate) fn named_by(key: &str) -> Option<&str> {
    key.strip_suffix("_FILE").filter(|secret| is_secret(secret))
}

/// Reads the value of a secret key from the file that `key` names, without the line break at its end. Of a key that is
/// a list, each line is a value.
///
/// # Errors
///
/// If there is no such file, or nothing in it.
pub(crate) fn read(key: &str, file: &Value, source: &Source) -> Result<(Value, Source), String> {
    let Some(path) = file.as_str() else {
        return Err(format!("`{key}` ({source}) is {file}; give the path of the file that the secret is in"));
    };
    let wrong = |why: &str| format!("the file `{path}` of `{key}` ({source}) {why}");
    let text = std::fs::read_to_string(path).map_err(|error| {
        wrong(&format!("cannot be read: {error}; correct the path, or let this user read the file"))
    })?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(wrong("is empty; write the secret into it"));
    }
    let is_list = key == "SECRET_KEY_FALLBACKS_FILE";
    let value = if is_list { text.lines().collect() } else { text.into() };
    Ok((value, Source::Named(format!("the file {path}, named by {key} ({source})"))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_concealed_wherever_they_are() {
        for (key, value, seen) in [
            ("SECRET_KEY", json!("hunter2"), json!("(concealed)")),
            ("SECRET_KEY", json!(null), json!(null)),
            ("SECRET_KEY_FALLBACKS", json!(["hunter2"]), json!("(concealed)")),
            ("STRIPE_API_KEY", json!(12), json!("(concealed)")),
            ("DATABASE_URL", json!("postgres://app:hunter2@db/x"), json!("postgres://(concealed)@db/x")),
            ("DATABASE_URL", json!("postgres://app:a/hunter2@db/x"), json!("postgres://(concealed)@db/x")),
            ("DATABASE_URL", json!("postgres://db/x?password=hunter2"), json!("(concealed)")),
            ("DATABASE_URL", json!("host=db password=hunter2"), json!("(concealed)")),
            ("DATABASE_URL", json!("sqlite:app.db"), json!("sqlite:app.db")),
            ("MAIL", json!({"HOST": "a", "password": "hunter2"}), json!({"HOST": "a", "password": "(concealed)"})),
            ("CACHES", json!([{"url": "redis://:hunter2@c"}]), json!([{"url": "redis://(concealed)@c"}])),
            ("MAIL_FROM", json!("a@example.org"), json!("a@example.org")),
            ("WTF_CSRF_FIELD_NAME", json!("csrf_token"), json!("csrf_token")),
            ("MAX_FORM_PARTS", json!(1000), json!(1000)),
        ] {
            assert_eq!(shown(key, &value), seen, "{key} {value}");
        }
    }
}
