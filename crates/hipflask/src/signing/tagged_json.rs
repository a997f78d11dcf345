//! Flask's tagged JSON: how a session distinguishes tuples, bytes and dates from what JSON knows.
//!
//! A tagged value is an object with one key: `{" t": [1, 2]}` is a tuple. An ordinary object that looks like
//! one is wrapped: `{" di": {" t__": …}}`.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, SerializeTuple as _, Serializer};
use serde_json::{Map, Value};

use crate::base::datetime::DateTime;
use crate::base::html::Html;
use crate::signing::base64;

const TAGS: [&str; 6] = [" di", " t", " b", " m", " u", " d"];

/// A tuple of `items`.
pub(crate) fn tuple(items: Vec<Value>) -> Value {
    one(" t", Value::Array(items))
}

/// A whole session as it is written: its only key may look like a tag.
pub(crate) fn wrapped(values: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    match tag_of(values) {
        None => Cow::Borrowed(values),
        Some((tag, inner)) => {
            let inner = Map::from_iter([(format!("{tag}__"), inner.clone())]);
            Cow::Owned(Map::from_iter([(" di".to_owned(), Value::Object(inner))]))
        }
    }
}

/// The inverse of [`wrapped`].
pub(crate) fn unwrapped(mut values: Map<String, Value>) -> Map<String, Value> {
    if values.len() == 1
        && let Some(Value::Object(inner)) = values.get_mut(" di")
        && let Some((key, value)) = inner.iter_mut().next()
        && let Some(key) = key.strip_suffix("__")
    {
        return Map::from_iter([(key.to_owned(), value.take())]);
    }
    values
}

pub(super) fn one(tag: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(tag.to_owned(), value)]))
}

/// An object; one that looks like a tagged value is marked as an ordinary one.
pub(super) fn object(map: Map<String, Value>) -> Value {
    Value::Object(wrapped(&map).into_owned())
}

/// A value in a session as a `T`; `None` if it is not one, or if the content of a tag does not match it.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    match untagged(value)? {
        Cow::Borrowed(plain) => T::deserialize(plain).ok(),
        Cow::Owned(plain) => serde_json::from_value(plain).ok(),
    }
}

/// Most values contain no tag: they are not copied.
fn untagged(value: &Value) -> Option<Cow<'_, Value>> {
    if is_plain(value) { Some(Cow::Borrowed(value)) } else { untag(value).map(Cow::Owned) }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(map) => tag_of(map).is_none() && map.values().all(is_plain),
        _ => true,
    }
}

/// A value in a session as plain JSON: a tuple becomes an array, bytes an array of numbers; dates (as `DateTime` writes
/// them), UUIDs and markup become text. `None` if the content of a tag does not match it.
pub(super) fn untag(value: &Value) -> Option<Value> {
    match value {
        Value::Array(items) => items.iter().map(untag).collect::<Option<_>>().map(Value::Array),
        Value::Object(map) => match tag_of(map) {
            Some((tag, inner)) => untag_one(tag, inner),
            None => map
                .iter()
                .map(|(key, value)| Some((key.clone(), untag(value)?)))
                .collect::<Option<_>>()
                .map(Value::Object),
        },
        value => Some(value.clone()),
    }
}

/// The tag and its content, if `map` is a tagged value.
fn tag_of(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, inner) = map.iter().next()?;
    (map.len() == 1 && TAGS.contains(&key.as_str())).then_some((key, inner))
}

fn untag_one(tag: &str, inner: &Value) -> Option<Value> {
    match (tag, inner) {
        (" di", Value::Object(map)) => {
            let (key, value) = map.iter().next()?;
            Some(Value::Object(Map::from_iter([(key.strip_suffix("__")?.to_owned(), untag(value)?)])))
        }
        (" t", Value::Array(items)) => items.iter().map(untag).collect::<Option<_>>().map(Value::Array),
        (" b", Value::String(text)) => base64::decode_standard(text).map(Value::from),
        (" m", Value::String(_)) => Some(inner.clone()),
        (" u", Value::String(hex)) => Some(hyphenated(hex).into()),
        (" d", Value::String(text)) => match DateTime::from_http(text) {
            Some(moment) => serde_json::to_value(moment).ok(),
            None => Some(inner.clone()),
        },
        _ => None,
    }
}

/// The 32 digits of a UUID as it is usually written.
fn hyphenated(hex: &str) -> String {
    if hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    } else {
        hex.to_owned()
    }
}

/// A value of a session with the types that JSON does not have: markup is safe in a template, a moment has `strftime`.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionValue(pub(crate) Value);

impl Serialize for SessionValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Typed(&self.0).serialize(serializer)
    }
}

struct Typed<'v>(&'v Value);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => serialize_items(items, serializer),
            Value::Object(map) => match tag_of(map) {
                Some((" t", Value::Array(items))) => {
                    let mut tuple = serializer.serialize_tuple(items.len())?;
                    items.iter().try_for_each(|item| tuple.serialize_element(&Typed(item)))?;
                    tuple.end()
                }
                Some((" m", Value::String(html))) => Html::new(html.as_str()).serialize(serializer),
                Some((" d", Value::String(text))) if let Some(moment) = DateTime::from_http(text) => {
                    moment.serialize(serializer)
                }
                Some((" b", Value::String(text))) if let Some(bytes) = base64::decode_standard(text) => {
                    serializer.serialize_bytes(&bytes)
                }
                Some((" u", Value::String(hex))) => serializer.serialize_str(&hyphenated(hex)),
                Some((" di", Value::Object(inner))) => serialize_entries(inner, Some("__"), serializer),
                _ => serialize_entries(map, None, serializer),
            },
            plain => plain.serialize(serializer),
        }
    }
}

fn serialize_items<S: Serializer>(items: &[Value], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(items.len()))?;
    items.iter().try_for_each(|item| list.serialize_element(&Typed(item)))?;
    list.end()
}

fn serialize_entries<S: Serializer>(
    map: &Map<String, Value>,
    suffix: Option<&str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries = serializer.serialize_map(Some(map.len()))?;
    for (key, value) in map {
        let key = suffix.and_then(|suffix| key.strip_suffix(suffix)).unwrap_or(key);
        entries.serialize_entry(key, &Typed(value))?;
    }
    entries.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flasks_types_are_read() {
        assert_eq!(
            untag(&json!({"_flashes": [{" t": ["message", "Hi"]}]})),
            Some(json!({"_flashes": [["message", "Hi"]]}))
        );
        assert_eq!(untag(&json!({" b": "/w=="})), Some(json!([255])));
        assert_eq!(untag(&json!({" d": "Thu, 02 Jan 2020 03:04:05 GMT"})), Some(json!("2020-01-02T03:04:05Z")));
        let uuid = json!({" u": "b1a5c3d00c224d6f9c3c0a1b2c3d4e5f"});
        assert_eq!(untag(&uuid), Some(json!("b1a5c3d0-0c22-4d6f-9c3c-0a1b2c3d4e5f")));
        assert_eq!(untag(&json!({" t": 5})), None);
        assert_eq!(untag(&json!({" b": "!"})), None);
    }

    #[test]
    fn a_session_may_look_like_a_tag() {
        for values in [json!({" t": "x"}), json!({" di": {" t__": 1}}), json!({" t": 1, "a": 2}), json!({"a": 1})] {
            let Value::Object(values) = values else { continue };
            assert_eq!(unwrapped(wrapped(&values).into_owned()), values);
        }
    }
}
