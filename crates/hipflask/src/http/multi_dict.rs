//! A list of keys and values in which a key may occur more than once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::string::FromUtf8Error;

use serde::de::DeserializeOwned;

use crate::base::error::{HttpError, Result};
use crate::http::{pairs, url};

/// Keys and values in the order in which they were sent, possibly with repeated keys: a query string or a form.
/// Werkzeug's `ImmutableMultiDict`.
///
/// ```
/// use hipflask::http::MultiDict;
///
/// let args: MultiDict = [("tag", "a"), ("tag", "b"), ("page", "2")].into_iter().collect();
/// assert_eq!(args.get("tag"), Some("a"));
/// assert_eq!(args.getlist("tag").collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(args.get_as::<u32>("page"), Some(2));
/// assert_eq!(args.get_as::<u32>("tag"), None); // Flask's get(key, type=int) swallows it too
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MultiDict {
    /// All keys and values, one after another, so a form costs two allocations however many fields it has.
    text: String,
    pairs: Vec<Place>,
}

/// Where a pair is in the text: the key up to the value, the value up to the end.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    key: usize,
    value: usize,
    end: usize,
}

impl MultiDict {
    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The first value of `key` as a `T`; `None` if there is none or it is not a `T`.
    pub fn get_as<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// The first value of `key`; a missing key is the client's mistake. Flask's `form["key"]`.
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
    pub fn getlist<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> + Clone {
        self.iter().filter(move |(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Whether it has `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Every pair, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.pairs.iter().map(|at| (&self.text[at.key..at.value], &self.text[at.value..at.end]))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Reads the pairs into a struct with a field for each key. A `Vec` field takes every value of its key, and an
    /// `Option` may be absent.
    ///
    /// # Errors
    ///
    /// A 400 that names the key that is missing or has a value of the wrong type.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        pairs::from_pairs(self.iter())
    }

    /// Every value of `key` that is a `T`. Flask's `getlist(key, type=int)`.
    pub fn getlist_as<'a, T: std::str::FromStr>(&'a self, key: &'a str) -> impl Iterator<Item = T> {
        self.getlist(key).filter_map(|value| value.parse().ok())
    }

    /// Every key once, in the order in which they first occur.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        self.iter().map(|(key, _)| key).filter(move |key| seen.insert(*key))
    }

    /// Every key once, with all its values. Werkzeug's `lists()`.
    ///
    /// ```
    /// use hipflask::http::MultiDict;
    ///
    /// let args: MultiDict = [("tag", "a"), ("page", "2"), ("tag", "b")].into_iter().collect();
    /// assert_eq!(args.lists(), [("tag", vec!["a", "b"]), ("page", vec!["2"])]);
    /// assert_eq!(args.to_dict()["tag"], "a");
    /// ```
    pub fn lists(&self) -> Vec<(&str, Vec<&str>)> {
        let mut lists: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut places = HashMap::new();
        for (key, value) in self.iter() {
            let place = *places.entry(key).or_insert(lists.len());
            match lists.get_mut(place) {
                Some((_, values)) => values.push(value),
                None => lists.push((key, vec![value])),
            }
        }
        lists
    }

    /// Every key with its first value. Werkzeug's `to_dict()`.
    pub fn to_dict(&self) -> BTreeMap<&str, &str> {
        let mut first = BTreeMap::new();
        self.iter().for_each(|(key, value)| _ = first.entry(key).or_insert(value));
        first
    }

    /// Adds a value, and leaves those that its key has already.
    pub fn add(&mut self, key: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(key);
        self.text.push_str(value);
        self.pairs.push(Place { key: start, value: start + key.len(), end: self.text.len() });
    }

    /// The pairs of a query string or a urlencoded body; only `&` separates them.
    pub(crate) fn from_query(query: &[u8]) -> MultiDict {
        let mut bytes = Vec::with_capacity(query.len());
        let pairs = query.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, text) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            let key = bytes.len();
            url::unquote_into(&mut bytes, name, true);
            let value = bytes.len();
            url::unquote_into(&mut bytes, text, true);
            Place { key, value, end: bytes.len() }
        });
        let pairs = pairs.collect();
        MultiDict::from_bytes(bytes, pairs)
    }

    /// A byte that is not UTF-8 within its own key or value is written as its percent-escape.
    fn from_bytes(bytes: Vec<u8>, pairs: Vec<Place>) -> MultiDict {
        match String::from_utf8(bytes) {
            // Halves of a character in two values do not make a character.
            Ok(text) if pairs.iter().all(|at| text.is_char_boundary(at.value) && text.is_char_boundary(at.end)) => {
                MultiDict { text, pairs }
            }
            not_utf8 => {
                let bytes = not_utf8.map_or_else(FromUtf8Error::into_bytes, String::into_bytes);
                let text = |place: Range<usize>| url::utf8_or_escaped(bytes[place].to_vec());
                pairs.iter().map(|at| (text(at.key..at.value), text(at.value..at.end))).collect()
            }
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for MultiDict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> MultiDict {
        let mut all = MultiDict::default();
        pairs.into_iter().for_each(|(key, value)| all.add(&key.into(), &value.into()));
        all
    }
}

impl fmt::Debug for MultiDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<(&str, &str)> = self.iter().collect();
        f.debug_struct("MultiDict").field("pairs", &pairs).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &[u8]) -> Vec<(String, String)> {
        MultiDict::from_query(query).iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn pairs_keep_blanks_and_broken_escapes() {
        let expected = [("a", "1"), ("b", ""), ("c", ""), ("a", "%zz A;d=%FF")];
        assert_eq!(pairs(b"a=1&b=&c&a=%zz+%41;d=%ff"), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_character_is_whole_in_its_key_or_value() {
        let halves = [("a".to_owned(), "%C3".to_owned()), ("%A9".to_owned(), "\u{e9}".to_owned())];
        assert_eq!(pairs(b"a=%C3&%A9=%C3%A9"), halves);
        assert_eq!(pairs(b"%C3=%A9"), [("%C3".to_owned(), "%A9".to_owned())]);
    }
}
