//! A serde deserializer from pairs of strings: query strings and forms into structs.

use std::cell::Cell;
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
            None => groups.push((key, Values { key, values: vec![value], any: Any::Guessed })),
        }
    }
    read(&groups).map_err(|Invalid(message)| HttpError::new(400).description(message).into())
}

/// With `#[serde(flatten)]` serde asks for any value and looks for its type later. Then what looks like a number or a
/// truth value is read as one, if the text does not do.
fn read<T: DeserializeOwned>(groups: &[(&str, Values<'_>)]) -> Result<T, Invalid> {
    let is_any_asked = Cell::new(false);
    let read = |any| {
        let values = groups.iter().map(|(key, values)| (*key, Values { any, ..values.clone() }));
        T::deserialize(MapDeserializer::new(values))
    };
    match read(Any::Text(&is_any_asked)) {
        Err(Invalid(message)) if is_any_asked.get() => read(Any::Guessed)
            .map_err(|_| Invalid(format!("{message} (a flattened struct takes texts, or numbers, not both)"))),
        read => read,
    }
}

/// What a type gets that asks for any value.
#[derive(Clone, Copy)]
enum Any<'a> {
    /// The text; the cell tells that it was asked for.
    Text(&'a Cell<bool>),
    /// What the text looks like.
    Guessed,
}

/// All values of one key. A field takes the first, a sequence takes all.
#[derive(Clone)]
struct Values<'a> {
    key: &'a str,
    values: Vec<&'a str>,
    any: Any<'a>,
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

macro_rules! texts {
    ($($method:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
            visitor.visit_borrowed_str(self.first())
        })*
    };
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

    texts! {
        deserialize_str, deserialize_string, deserialize_bytes, deserialize_byte_buf, deserialize_identifier,
        deserialize_unit,
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
        let text = self.first();
        match self.any {
            Any::Text(is_asked) => is_asked.set(true),
            Any::Guessed if let Ok(number) = text.parse() => return visitor.visit_u64(number),
            Any::Guessed if let Ok(number) = text.parse() => return visitor.visit_i64(number),
            Any::Guessed if let Ok(number) = text.parse() => return visitor.visit_f64(number),
            Any::Guessed if let Ok(value) = text.parse() => return visitor.visit_bool(value),
            Any::Guessed => {}
        }
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        let one = |value| Values { key: self.key, values: vec![value], any: self.any };
        visitor.visit_seq(SeqDeserializer::new(self.values.iter().copied().map(one)))
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
        unit_struct tuple_struct map struct ignored_any
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
    fn a_flattened_struct_is_read_too() {
        #[derive(Deserialize, Debug, PartialEq)]
        struct Page {
            page: u32,
            exact: Option<bool>,
        }
        #[derive(Deserialize, Debug, PartialEq)]
        struct Listed {
            q: String,
            #[serde(flatten)]
            page: Page,
        }
        let read = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<MultiDict>().deserialize::<Listed>();
        let listed = read(&[("q", "7"), ("page", "3"), ("exact", "true")]).expect("valid");
        assert_eq!(listed, Listed { q: "7".into(), page: Page { page: 3, exact: Some(true) } });
        let error = read(&[("q", ""), ("page", "two")]).expect_err("no number");
        assert!(error.to_string().contains("flattened"), "{error}");
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
