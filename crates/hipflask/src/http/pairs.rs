//! A serde deserializer from pairs of strings: query strings and forms into structs.

use std::collections::HashMap;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::base::error::{HttpError, Result};

/// Reads `pairs` into a struct or a map.
pub(crate) fn from_pairs<'a, T: DeserializeOwned>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<T> {
    let mut groups: Vec<(&str, Values<'_>)> = Vec::new();
    // Half a megabyte can contain so many keys that searching all of them for each one would take seconds.
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (key, value) in pairs {
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, values)) => values.values.push(value),
            None => groups.push((key, Values { key, values: vec![value] })),
        }
    }
    T::deserialize(MapDeserializer::new(groups.into_iter()))
        .map_err(|Invalid(message)| HttpError::new(400).description(message).into())
}

/// All values of one key. A field takes the first, a sequence takes all.
struct Values<'a> {
    key: &'a str,
    values: Vec<&'a str>,
}

impl<'a> Values<'a> {
    fn first(&self) -> &'a str {
        self.values.first().copied().unwrap_or_default()
    }

    fn parse<T: std::str::FromStr>(&self, wanted: &str) -> Result<T, Invalid> {
        let text = self.first();
        text.trim().parse().map_err(|_| Invalid(format!("The field `{}` must be {wanted}, not `{text}`.", self.key)))
    }
}

#[derive(Debug)]
pub(crate) struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl de::Error for Invalid {
    fn custom<T: fmt::Display>(message: T) -> Invalid {
        Invalid(message.to_string())
    }

    fn missing_field(field: &'static str) -> Invalid {
        Invalid(format!("The field `{field}` is missing."))
    }
}

impl<'de> IntoDeserializer<'de, Invalid> for Values<'de> {
    type Deserializer = Values<'de>;

    fn into_deserializer(self) -> Values<'de> {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $wanted:literal),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
            visitor.$visit(self.parse($wanted)?)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Values<'de> {
    type Error = Invalid;

    numbers! {
        deserialize_i8 visit_i8 "an integer", deserialize_i16 visit_i16 "an integer",
        deserialize_i32 visit_i32 "an integer", deserialize_i64 visit_i64 "an integer",
        deserialize_i128 visit_i128 "an integer",
        deserialize_u8 visit_u8 "a positive integer", deserialize_u16 visit_u16 "a positive integer",
        deserialize_u32 visit_u32 "a positive integer", deserialize_u64 visit_u64 "a positive integer",
        deserialize_u128 visit_u128 "a positive integer",
        deserialize_f32 visit_f32 "a number", deserialize_f64 visit_f64 "a number",
        deserialize_char visit_char "one character",
    }

    /// A checkbox sends `on`, a script `true` or `1`; an unticked box sends nothing at all.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.first() {
            "on" | "true" | "True" | "1" | "y" | "yes" => visitor.visit_bool(true),
            "off" | "false" | "False" | "0" | "n" | "no" | "" => visitor.visit_bool(false),
            _ => self.parse("true or false").and_then(|value| visitor.visit_bool(value)),
        }
    }

    /// An empty field counts as absent.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.first() {
            "" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        visitor.visit_borrowed_str(self.first())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        let key = self.key;
        visitor
            .visit_seq(SeqDeserializer::new(self.values.into_iter().map(|value| Values { key, values: vec![value] })))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Invalid> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        let (key, name) = (self.key, self.first());
        if names.contains(&name) {
            visitor.visit_enum(name.into_deserializer())
        } else {
            Err(Invalid(format!("The field `{key}` must be one of {}, not `{name}`.", names.join(", "))))
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Invalid> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::http::multi_dict::MultiDict;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        New,
        Old,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Search {
        q: String,
        page: u32,
        #[serde(default)]
        tag: Vec<i8>,
        exact: Option<bool>,
        order: Order,
    }

    fn read(pairs: &[(&str, &str)]) -> crate::base::error::Result<Search> {
        pairs.iter().copied().collect::<MultiDict>().deserialize()
    }

    #[test]
    fn a_struct_takes_values_by_name_and_type() {
        let search =
            read(&[("q", "x"), ("tag", "1"), ("tag", "-2"), ("page", " 3 "), ("exact", "on"), ("order", "old")]);
        let expected = Search { q: "x".into(), page: 3, tag: vec![1, -2], exact: Some(true), order: Order::Old };
        assert_eq!(search.expect("valid"), expected);
        assert_eq!(read(&[("q", ""), ("page", "1"), ("exact", ""), ("order", "new")]).expect("valid").exact, None);
    }

    #[test]
    fn what_is_wrong_is_a_400_that_names_the_field() {
        let message = |pairs: &[(&str, &str)]| {
            let error = read(pairs).expect_err("invalid");
            assert_eq!(error.status(), 400);
            error.http().expect("http").text().to_owned()
        };
        assert_eq!(message(&[("q", "x"), ("page", "two")]), "The field `page` must be a positive integer, not `two`.");
        assert_eq!(message(&[("page", "1")]), "The field `q` is missing.");
        assert_eq!(
            message(&[("q", ""), ("page", "1"), ("order", "x")]),
            "The field `order` must be one of new, old, not `x`."
        );
    }
}
