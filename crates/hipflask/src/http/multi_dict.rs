//! A list of keys and values in which a key may stand more than once.

use serde::de::DeserializeOwned;

use crate::http::pairs;
use crate::{HttpError, Result};

/// Keys and values in the order they came, a key perhaps more than once: a query string or a form.
/// Werkzeug's `ImmutableMultiDict`.
///
/// ```
/// use hipflask::MultiDict;
///
/// let args: MultiDict = [("tag", "a"), ("tag", "b"), ("page", "2")].into_iter().collect();
/// assert_eq!(args.get("tag"), Some("a"));
/// assert_eq!(args.getlist("tag").collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(args.get_as::<u32>("page"), Some(2));
/// assert_eq!(args.get_as::<u32>("tag"), None); // Flask's get(key, type=int) swallows it too
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiDict {
    pairs: Vec<(String, String)>,
}

impl MultiDict {
    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// The first value of `key` as a `T`; `None` if there is none or it cannot be one.
    pub fn get_as<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// The first value of `key`; its absence is the client's mistake. Flask's `form["key"]`.
    ///
    /// # Errors
    ///
    /// A 400 that names the key.
    #[track_caller]
    pub fn require(&self, key: &str) -> Result<&str> {
        match self.get(key) {
            Some(value) => Ok(value),
            None => Err(HttpError::new(400).description(format!("The field `{key}` is missing.")).into()),
        }
    }

    /// Every value of `key`, in order.
    pub fn getlist<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Every pair, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Reads the pairs into a struct: a field a key, a `Vec` field takes every value of its key, an
    /// `Option` may be absent.
    ///
    /// # Errors
    ///
    /// A 400 that names the key that is missing or has a value of the wrong type.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        pairs::from_pairs(&self.pairs)
    }

    pub(crate) fn push(&mut self, key: String, value: String) {
        self.pairs.push((key, value));
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for MultiDict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> MultiDict {
        MultiDict { pairs: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }
}
