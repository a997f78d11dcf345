//! JSON whose integers are never rounded in silence: one beyond 64 bits is read by a type that can hold it, or as a float
//! by a type that is one, and is refused where it would become a float because nothing else is left.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Reads `json`.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    if !has_long_number(json) {
        return serde_json::from_slice(json);
    }
    let rounded = rounded_integers(json);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(Exact { inner: &mut deserializer, rounded: &rounded, any: false })?;
    deserializer.end()?;
    Ok(value)
}

/// The digits of the shortest integers that may not fit into 64 bits, those below zero.
const LONG: usize = 19;

/// Whether there are so many digits in a row, found by a look at every nineteenth byte.
fn has_long_number(json: &[u8]) -> bool {
    let mut at = LONG - 1;
    while at < json.len() {
        let before = json[..=at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
        if before >= LONG {
            return true;
        }
        // The digits that end here may begin a long number that goes on.
        at += LONG - before;
    }
    false
}

/// The floats that integers of `json` would become, though they are not these. A float that a script has written without
/// a point, `123456789012345680000`, is the shortest text for itself and means just that float.
fn rounded_integers(json: &[u8]) -> Vec<f64> {
    let (mut rounded, mut rest) = (Vec::new(), json);
    while let Some(at) = rest.iter().position(|b| matches!(b, b'"' | b'-' | b'0'..=b'9')) {
        rest = &rest[at..];
        if rest[0] == b'"' {
            rest = after_string(rest);
            continue;
        }
        let is_number = |b: &&u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let (number, after) = rest.split_at(rest.iter().take_while(is_number).count());
        rounded.extend(rounded_integer(number));
        rest = after;
    }
    rounded
}

fn rounded_integer(number: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(number).ok()?;
    let is_integer = text.bytes().skip(1).all(|b| b.is_ascii_digit());
    if !is_integer || text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return None;
    }
    text.parse::<f64>().ok().filter(|float| float.to_string() != text)
}

fn after_string(text: &[u8]) -> &[u8] {
    let mut at = 1;
    while let Some(b) = text.get(at) {
        match b {
            b'"' => return &text[at + 1..],
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    &[]
}

/// What reads, visits, or is read, with the floats that must not come out of it.
struct Exact<'r, T> {
    inner: T,
    rounded: &'r [f64],
    /// A visitor takes whatever comes.
    any: bool,
}

impl<'r, T> Exact<'r, T> {
    fn with<U>(&self, inner: U) -> Exact<'r, U> {
        Exact { inner, rounded: self.rounded, any: false }
    }
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.with(visitor);
            self.inner.$method($($argument,)* visitor)
        })*
    };
}

type Names = &'static [&'static str];

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Exact<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Exact { any: true, ..self.with(visitor) };
        self.inner.deserialize_any(visitor)
    }

    forward! {
        deserialize_bool(); deserialize_char(); deserialize_str(); deserialize_string();
        deserialize_i8(); deserialize_i16(); deserialize_i32(); deserialize_i64(); deserialize_i128();
        deserialize_u8(); deserialize_u16(); deserialize_u32(); deserialize_u64(); deserialize_u128();
        deserialize_f32(); deserialize_f64(); deserialize_bytes(); deserialize_byte_buf();
        deserialize_option(); deserialize_unit(); deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str); deserialize_seq(); deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize); deserialize_map();
        deserialize_struct(name: &'static str, fields: Names);
        deserialize_enum(name: &'static str, variants: Names);
        deserialize_identifier(); deserialize_ignored_any();
    }
}

macro_rules! visit {
    ($($method:ident($kind:ty);)*) => {
        $(fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

macro_rules! visit_inside {
    ($($method:ident($bound:ident);)*) => {
        $(fn $method<A: $bound<'de>>(self, inside: A) -> Result<V::Value, A::Error> {
            let inside = self.with(inside);
            self.inner.$method(inside)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Exact<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        if self.any && self.rounded.contains(&value) {
            Err(E::custom("an integer has more than 64 bits and would be rounded"))
        } else {
            self.inner.visit_f64(value)
        }
    }

    visit! {
        visit_bool(bool); visit_i64(i64); visit_i128(i128); visit_u64(u64); visit_u128(u128); visit_char(char);
        visit_str(&str); visit_borrowed_str(&'de str); visit_string(String);
        visit_bytes(&[u8]); visit_borrowed_bytes(&'de [u8]); visit_byte_buf(Vec<u8>);
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    visit_inside! {
        visit_some(Deserializer); visit_newtype_struct(Deserializer);
        visit_seq(SeqAccess); visit_map(MapAccess); visit_enum(EnumAccess);
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Exact<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Exact<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.with(seed);
        self.inner.next_element_seed(seed)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Exact<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.next_value_seed(seed)
    }
}

impl<'de, 'r, A: EnumAccess<'de>> EnumAccess<'de> for Exact<'r, A> {
    type Error = A::Error;
    type Variant = Exact<'r, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Exact { inner: variant, rounded: self.rounded, any: false }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Exact<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: Names, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Typed {
        large: u128,
        float: f64,
        list: Vec<Option<i64>>,
        kind: Kind,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    enum Kind {
        Of(u128),
        In { value: Value },
    }

    fn value(text: &str) -> Result<Value, String> {
        from_slice(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn floats_are_read_to_the_last_bit() {
        for text in ["0.17149029618786193", "5e-324", "1.7976931348623157e308", "123456789012345680000", "1e20"] {
            assert_eq!(value(text), Ok(json!(text.parse::<f64>().expect("a float"))), "{text}");
        }
    }

    #[test]
    fn an_integer_is_exact_or_refused() {
        assert_eq!(value("18446744073709551615"), Ok(json!(u64::MAX)));
        assert_eq!(value("-9223372036854775808"), Ok(json!(i64::MIN)));
        assert_eq!(value("\"18446744073709551616\""), Ok(json!("18446744073709551616")));
        assert_eq!(
            value("{\"a\\\"12345678901234567890123\": 1e300}"),
            Ok(json!({"a\"12345678901234567890123": 1e300}))
        );
        for text in ["18446744073709551616", "[1, {\"a\": -9223372036854775809}]", "123456789012345678901234567890"] {
            let error = value(text).expect_err(text);
            assert!(error.starts_with("an integer has more than 64 bits"), "{error}");
        }
    }

    #[test]
    fn a_type_that_can_hold_it_gets_it() {
        let number = "123456789012345678901234567890";
        let read = |kind: &str| {
            let text = format!("{{\"large\": {number}, \"float\": {number}, \"list\": [null, 1], \"kind\": {kind}}}");
            from_slice::<Typed>(text.as_bytes())
        };
        let typed = |kind| Typed {
            large: 123_456_789_012_345_678_901_234_567_890,
            float: 1.234_567_890_123_456_8e29,
            list: vec![None, Some(1)],
            kind,
        };
        let large = 123_456_789_012_345_678_901_234_567_890;
        assert_eq!(read(&format!("{{\"Of\": {number}}}")).expect("it fits"), typed(Kind::Of(large)));
        assert_eq!(read("{\"In\": {\"value\": 1}}").expect("it fits"), typed(Kind::In { value: json!(1) }));
        assert!(read(&format!("{{\"In\": {{\"value\": {number}}}}}")).is_err());
        assert!(from_slice::<BTreeMap<String, i64>>(format!("{{\"a\": {number}}}").as_bytes()).is_err());
        assert!(from_slice::<Value>(format!("[{number}] x").as_bytes()).is_err());
    }

    #[test]
    fn long_numbers_are_found_wherever_they_are() {
        for before in 0..40 {
            let digits = |count: usize| [" ".repeat(before), "7".repeat(count), " ".repeat(40)].concat();
            assert!(has_long_number(digits(19).as_bytes()) && !has_long_number(digits(18).as_bytes()), "{before}");
        }
    }
}
