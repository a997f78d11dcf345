//! Policies: as text, or as directives with their values.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A policy of a browser: the text of its header, or its directives with their values.
///
/// It is made from either: `"default-src 'self'"`, `[("default-src", "'self'"), ("img-src", "'self' data:")]`. In a
/// configuration a value may also be a list. An empty one is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Text(String),
    Directives(Vec<(String, String)>),
}

impl From<&str> for Policy {
    fn from(text: &str) -> Policy {
        Policy(Form::Text(text.to_owned()))
    }
}

impl From<String> for Policy {
    fn from(text: String) -> Policy {
        Policy(Form::Text(text))
    }
}

impl<N: Into<String>, V: Into<String>, const LEN: usize> From<[(N, V); LEN]> for Policy {
    fn from(directives: [(N, V); LEN]) -> Policy {
        Policy::from(Vec::from(directives))
    }
}

impl<N: Into<String>, V: Into<String>> From<Vec<(N, V)>> for Policy {
    fn from(directives: Vec<(N, V)>) -> Policy {
        let directives = directives.into_iter().map(|(name, value)| (name.into(), value.into()));
        Policy(Form::Directives(directives.collect()))
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            One(String),
            Several(Vec<String>),
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Directives(BTreeMap<String, Value>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Text(text) => Policy::from(text),
            Written::Directives(directives) => {
                Policy::from(Vec::from_iter(directives.into_iter().map(|(name, value)| match value {
                    Value::One(value) => (name, value),
                    Value::Several(values) => (name, values.join(" ")),
                })))
            }
        })
    }
}

impl Policy {
    /// As `Content-Security-Policy` is written: `default-src 'self'; img-src *`.
    pub(super) fn as_content_security(&self) -> Result<ContentSecurity, String> {
        let directives = match &self.0 {
            Form::Text(text) => {
                let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
                let parts = parts.map(|part| part.split_once(' ').unwrap_or((part, "")));
                parts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
            }
            Form::Directives(directives) => {
                let is_name =
                    |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                let wrong = directives.iter().find(|(name, value)| !is_name(name) || value.contains([';', ',']));
                if let Some((name, value)) = wrong {
                    return Err(format!("`{name} {value}` is not a directive of a content security policy"));
                }
                directives.clone()
            }
        };
        Ok(ContentSecurity(directives))
    }

    /// As structured headers are written (RFC 8941): `camera=(), microphone=(self)`.
    pub(super) fn as_structured(&self) -> String {
        match &self.0 {
            Form::Text(text) => text.clone(),
            Form::Directives(directives) => {
                let parts: Vec<String> = directives.iter().map(|(name, value)| format!("{name}={value}")).collect();
                parts.join(", ")
            }
        }
    }
}

/// The directives of a content security policy.
#[derive(Clone)]
pub(super) struct ContentSecurity(Vec<(String, String)>);

impl ContentSecurity {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Adds a directive, unless there is one of that name.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        if self.value(name).is_none() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The same with `source` added to the directives `names`; one that is missing is added as a copy of `default-src`,
    /// which it would otherwise replace.
    pub(super) fn with_source(mut self, names: &[String], source: &str) -> ContentSecurity {
        let fallback = self.value("default-src").unwrap_or("'self'").to_owned();
        for name in names {
            self.add(name, &fallback);
            for (_, value) in self.0.iter_mut().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
                // `'none'` holds only alone.
                let others = value.as_str();
                *value = if matches!(others, "" | "'none'") { source.to_owned() } else { format!("{others} {source}") };
            }
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let parts = self.0.iter().map(|(name, value)| format!("{name} {value}").trim_end().to_owned());
        parts.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_goes_where_scripts_and_styles_are_governed() {
        let with_nonce = |policy: &str| {
            let policy = Policy::from(policy).as_content_security().expect("it is well formed");
            policy.with_source(&["script-src".to_owned(), "style-src".to_owned()], "'nonce-x'").text()
        };
        assert_eq!(
            with_nonce("default-src 'self'; script-src 'self' https://cdn.example; img-src *"),
            "default-src 'self'; script-src 'self' https://cdn.example 'nonce-x'; img-src *; style-src 'self' 'nonce-x'"
        );
        assert_eq!(
            with_nonce("default-src 'none'; script-src"),
            "default-src 'none'; script-src 'nonce-x'; style-src 'nonce-x'"
        );
    }

    #[test]
    fn policies_are_texts_or_maps() {
        let read = |json: serde_json::Value| serde_json::from_value::<Policy>(json).expect("it is one");
        let text = |policy: Policy| policy.as_content_security().expect("it is well formed").text();
        let map = serde_json::json!({ "img-src": ["*", "data:"], "default-src": "'self'", "sandbox": "" });
        assert_eq!(text(read(map)), "default-src 'self'; img-src * data:; sandbox");
        assert_eq!(text(read("default-src  'self' ;; img-src *;".into())), "default-src 'self'; img-src *");
        assert_eq!(
            Policy::from([("camera", "()"), ("geolocation", "(self)")]).as_structured(),
            "camera=(), geolocation=(self)"
        );
        for wrong in [[("", "'self'")], [("img-src", "*; script-src *")], [("img src", "*")]] {
            assert!(Policy::from(wrong).as_content_security().is_err(), "{wrong:?}");
        }
    }
}
