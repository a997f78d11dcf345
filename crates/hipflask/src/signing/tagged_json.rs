//! Flask's tagged JSON: how a session distinguishes tuples, bytes and dates from what JSON knows.
//!
//! A tagged value is an object with one key: `{" t": [1, 2]}` is a tuple. An ordinary object that looks like
//! one is wrapped: `{" di": {" t__": …}}`.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

const TAGS: [&str; 6] = [" di", " t", " b", " m", " u", " d"];

/// A plain JSON value in the form that it has in a session.
pub(crate) fn tag(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(tag).collect()),
        Value::Object(map) => {
            let lookalike = map.len() == 1 && map.keys().all(|key| TAGS.contains(&key.as_str()));
            let tagged =
                map.into_iter().map(|(key, value)| (if lookalike { format!("{key}__") } else { key }, tag(value)));
            if lookalike {
                tagged_value(" di", Value::Object(tagged.collect()))
            } else {
                Value::Object(tagged.collect())
            }
        }
        value => value,
    }
}

/// A tuple of `items`.
pub(crate) fn tuple(items: Vec<Value>) -> Value {
    tagged_value(" t", Value::Array(items))
}

fn tagged_value(tag: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(tag.to_owned(), value)]))
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
        Value::Object(map) => tagged(map).is_none() && map.values().all(is_plain),
        _ => true,
    }
}

/// A value in a session as plain JSON: a tuple becomes an array, bytes an array of numbers; dates, UUIDs and
/// markup become text. `None` if the content of a tag does not match it.
fn untag(value: &Value) -> Option<Value> {
    match value {
        Value::Array(items) => items.iter().map(untag).collect::<Option<_>>().map(Value::Array),
        Value::Object(map) => match tagged(map) {
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
fn tagged(map: &Map<String, Value>) -> Option<(&str, &Value)> {
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
        (" b", Value::String(text)) => {
            let url_safe = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
            Some(Value::from(super::base64::decode(&url_safe)?))
        }
        (" m" | " u" | " d", Value::String(_)) => Some(inner.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_values_come_back() {
        for value in [
            json!(null),
            json!([1, {"a": [true]}]),
            json!({" t": 1}),
            json!({" t": {" b": "x"}}),
            json!({" t": 1, "a": 2}),
        ] {
            assert_eq!(untag(&tag(value.clone())), Some(value));
        }
        assert_eq!(tag(json!({" t": 1})), json!({" di": {" t__": 1}}));
    }

    #[test]
    fn flasks_types_are_read() {
        assert_eq!(
            untag(&json!({"_flashes": [{" t": ["message", "Hi"]}]})),
            Some(json!({"_flashes": [["message", "Hi"]]}))
        );
        assert_eq!(untag(&json!({" b": "/w=="})), Some(json!([255])));
        assert_eq!(
            untag(&json!({" d": "Thu, 02 Jan 2020 03:04:05 GMT"})),
            Some(json!("Thu, 02 Jan 2020 03:04:05 GMT"))
        );
        assert_eq!(untag(&json!({" t": 5})), None);
        assert_eq!(untag(&json!({" b": "!"})), None);
    }
}
