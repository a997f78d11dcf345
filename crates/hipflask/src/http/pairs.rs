//! A serde deserializer from pairs of strings: query strings and forms into structs.

use std::collections::HashMap;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::base::error::{HttpError, Result};

/// Reads `pairs` into a struct or a map.
pub(crate) fn from_pairs<'a, T: DeserializeOwned>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<T> {
    let mut groups: Vec<Values<'_>> = Vec::new();
    // Half a megabyte can contain so many keys that searching all of them for each one would take seconds.
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (key, value) in pairs {
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.values.push(value),
            None => groups.push(Values { key, values: vec![value], any: Any::default() }),
        }
    }
    read(groups).map_err(|error| HttpError::new(400).description(error.message).into())
}

/// So many fields of flattened structs are read as what they are asked for, each after a failure that names it.
const MOST_FAILURES: usize = 32;

/// With `#[serde(flatten)]` serde asks for any value, keeps it, and looks for its type later. A text that was no use then is
/// told by its place in memory; so its field is known, and what it must be. The struct is read again with that.
fn read<T: DeserializeOwned>(mut groups: Vec<Values<'_>>) -> Result<T, Invalid> {
    let mut changed: Option<Invalid> = None;
    for _ in 0..MOST_FAILURES {
        let error = match attempt(&groups) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let Some((group, text)) = error.place.and_then(|place| find(&mut groups, place)) else {
            // A number where another one is wanted: the field is the one that was changed last.
            return match changed {
                Some(named) if error.is_of_type => Err(named),
                Some(_) => Err(error),
                None => read_guessed(groups).map_err(|_| error),
            };
        };
        let named = Invalid::message(must_be(group.key, wanted(&error.wanted), text));
        if !group.any.change(&error.wanted) {
            return Err(named);
        }
        changed = Some(named);
    }
    read_guessed(groups)
}

fn attempt<T: DeserializeOwned>(groups: &[Values<'_>]) -> Result<T, Invalid> {
    T::deserialize(MapDeserializer::new(groups.iter().map(|group| (group.key, group.clone()))))
}

/// The field that has the text at this place.
fn find<'g, 'a>(groups: &'g mut [Values<'a>], place: usize) -> Option<(&'g mut Values<'a>, &'a str)> {
    groups.iter_mut().find_map(|group| {
        let text = group.values.iter().copied().find(|text| text.as_ptr() as usize == place)?;
        Some((group, text))
    })
}

/// For types that do not say which field was no use, such as untagged enums: what looks like a number or a truth value is
/// read as one.
fn read_guessed<T: DeserializeOwned>(mut groups: Vec<Values<'_>>) -> Result<T, Invalid> {
    groups.iter_mut().for_each(|group| group.any.one = One::Guessed);
    attempt(&groups)
}

/// What a type gets that asks for any value.
#[derive(Clone, Copy, Default)]
struct Any {
    one: One,
    is_list: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum One {
    #[default]
    Text,
    Number,
    Bool,
    /// What the text looks like.
    Guessed,
}

impl Any {
    /// Changes it to what a field wanted, in serde's words. Whether that was new.
    fn change(&mut self, wanted: &str) -> bool {
        let is_list = self.is_list || wanted.contains("sequence") || wanted.contains("tuple");
        let one = match wanted {
            _ if is_list != self.is_list => self.one,
            "a boolean" => One::Bool,
            _ => One::Number,
        };
        let is_new = is_list != self.is_list || self.one == One::Text && one != One::Text;
        *self = Any { one, is_list };
        is_new
    }
}

/// What a field wanted, in our words.
fn wanted(in_serdes: &str) -> &str {
    match in_serdes {
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a positive integer",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        other => other,
    }
}

fn must_be(key: &str, wanted: &str, text: &str) -> String {
    format!("The field `{key}` must be {wanted}, not `{text}`.")
}

/// All values of one key. A field takes the first, a sequence takes all.
#[derive(Clone)]
struct Values<'a> {
    key: &'a str,
    values: Vec<&'a str>,
    any: Any,
}

impl<'a> Values<'a> {
    fn first(&self) -> &'a str {
        self.values.first().copied().unwrap_or_default()
    }

    fn parse<T: std::str::FromStr>(&self, wanted: &str) -> Result<T, Invalid> {
        let text = self.first();
        text.trim().parse().map_err(|_| Invalid::message(must_be(self.key, wanted, text)))
    }
}

#[derive(Debug)]
pub(crate) struct Invalid {
    message: String,
    /// Where the text is that was no use.
    place: Option<usize>,
    /// What was wanted instead, in serde's words.
    wanted: String,
    /// Whether a value had the wrong type.
    is_of_type: bool,
}

impl Invalid {
    fn message(message: String) -> Invalid {
        Invalid { message, place: None, wanted: String::new(), is_of_type: false }
    }

    fn of_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Invalid {
        let place = match unexpected {
            Unexpected::Str(text) => Some(text.as_ptr() as usize),
            _ => None,
        };
        let message = format!("invalid value: {unexpected}, expected {expected}");
        Invalid { message, place, wanted: expected.to_string(), is_of_type: true }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}

impl de::Error for Invalid {
    fn custom<T: fmt::Display>(message: T) -> Invalid {
        Invalid::message(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Invalid {
        Invalid::of_type(unexpected, expected)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Invalid {
        Invalid::of_type(unexpected, expected)
    }

    fn missing_field(field: &'static str) -> Invalid {
        Invalid::message(format!("The field `{field}` is missing."))
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

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Invalid> {
        if self.any.is_list {
            self.any.is_list = false;
            return self.deserialize_seq(visitor);
        }
        let (text, is_guess) = (self.first(), self.any.one == One::Guessed);
        match self.any.one {
            One::Text => visitor.visit_borrowed_str(text),
            // An empty field counts as absent.
            One::Number | One::Bool if text.is_empty() => visitor.visit_unit(),
            One::Bool => self.deserialize_bool(visitor),
            One::Number | One::Guessed => match text.trim() {
                number if let Ok(number) = number.parse() => visitor.visit_u64(number),
                number if let Ok(number) = number.parse() => visitor.visit_i64(number),
                number if let Ok(number) = number.parse() => visitor.visit_f64(number),
                value if is_guess && let Ok(value) = value.parse() => visitor.visit_bool(value),
                _ => visitor.visit_borrowed_str(text),
            },
        }
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
            Err(Invalid::message(must_be(key, &format!("one of {}", names.join(", ")), name)))
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
        let message =
            |pairs: &[(&str, &str)]| read(pairs).expect_err("invalid").http().expect("http").text().to_owned();
        for (page, exact, told) in [
            ("two", "true", "The field `page` must be a positive integer, not `two`."),
            ("-1", "true", "The field `page` must be a positive integer, not `-1`."),
            ("", "true", "The field `page` must be a positive integer, not ``."),
            ("1", "maybe", "The field `exact` must be true or false, not `maybe`."),
        ] {
            assert_eq!(message(&[("q", ""), ("page", page), ("exact", exact)]), told);
        }
        assert_eq!(message(&[("q", ""), ("exact", "on")]), "The field `page` is missing.");
    }

    /// Texts that look like numbers, numbers, truth values and lists in one flattened struct, in another.
    #[test]
    fn flattened_structs_mix_their_types() {
        #[derive(Deserialize, Debug, PartialEq)]
        struct Inner {
            code: String,
            page: u32,
            exact: bool,
            none: Option<u8>,
            ids: Vec<i64>,
            words: Vec<String>,
        }
        #[derive(Deserialize, Debug, PartialEq)]
        struct Middle {
            text: String,
            #[serde(flatten)]
            inner: Inner,
        }
        #[derive(Deserialize, Debug, PartialEq)]
        struct Outer {
            number: f64,
            #[serde(flatten)]
            middle: Middle,
        }
        let pairs = [
            ("number", "1.5"),
            ("text", "7"),
            ("code", "7"),
            ("page", "7"),
            ("exact", "on"),
            ("none", ""),
            ("ids", "7"),
            ("ids", "-8"),
            ("words", "7"),
        ];
        let read = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<MultiDict>().deserialize::<Outer>();
        let inner =
            Inner { code: "7".into(), page: 7, exact: true, none: None, ids: vec![7, -8], words: vec!["7".into()] };
        let middle = Middle { text: "7".into(), inner };
        assert_eq!(read(&pairs).expect("valid"), Outer { number: 1.5, middle });
        let wrong: Vec<_> = pairs.map(|(key, text)| (key, if text == "-8" { "x" } else { text })).into();
        let error = read(&wrong).expect_err("not a number").http().expect("http").text().to_owned();
        assert_eq!(error, "The field `ids` must be an integer, not `x`.");
    }

    #[test]
    fn an_untagged_enum_gets_what_the_text_looks_like() {
        #[derive(Deserialize, Debug, PartialEq)]
        #[serde(untagged)]
        enum By {
            Id { id: u32 },
            Name { name: String },
        }
        let read = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<MultiDict>().deserialize::<By>();
        assert_eq!(read(&[("id", "3")]).expect("valid"), By::Id { id: 3 });
        assert_eq!(read(&[("name", "3")]).expect("valid"), By::Name { name: "3".into() });
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
