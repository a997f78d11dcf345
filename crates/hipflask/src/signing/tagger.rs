//! Writes values as Flask's tagged JSON: a serializer, because only while a value is written does it say whether it is
//! a tuple or a list, text or markup.

use serde::ser::{self, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::base::datetime::DateTime;
use crate::base::html::Html;
use crate::http::headers::http_date;
use crate::signing::base64;
use crate::signing::tagged_json::{object, one, tuple};

/// A value in the form that it has in a session: tuples, bytes, markup and moments have their tags.
pub(crate) fn tagged<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Value> {
    value.serialize(Tagger)
}

/// Writes values with their tags.
struct Tagger;

type Written = serde_json::Result<Value>;

macro_rules! as_json {
    ($($method:ident($kind:ty);)*) => {
        $(fn $method(self, value: $kind) -> Written {
            serde_json::value::Serializer.$method(value)
        })*
    };
}

impl Serializer for Tagger {
    type Ok = Value;
    type Error = serde_json::Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    as_json! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_i128(i128); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
        serialize_u128(u128); serialize_f32(f32); serialize_f64(f64); serialize_char(char); serialize_str(&str);
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        Ok(one(" b", base64::encode_standard(bytes).into()))
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Written {
        let inner = value.serialize(self)?;
        Ok(match name {
            Html::SERDE_NAME => one(" m", inner),
            DateTime::SERDE_NAME => match inner.as_str().and_then(|text| text.parse::<DateTime>().ok()) {
                Some(moment) => one(" d", http_date(moment.into()).into()),
                None => inner,
            },
            _ => inner,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Ok(object(Map::from_iter([(variant.to_owned(), value.serialize(self)?)])))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, Self::Error> {
        Ok(Items { items: Vec::with_capacity(len.unwrap_or_default()), of: Of::List })
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, Self::Error> {
        Ok(Items { items: Vec::with_capacity(len), of: Of::Tuple })
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items, Self::Error> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items, Self::Error> {
        Ok(Items { items: Vec::with_capacity(len), of: Of::Variant(variant) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, Self::Error> {
        Ok(Entries { map: Map::new(), key: String::new(), variant: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries, Self::Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries, Self::Error> {
        Ok(Entries { map: Map::new(), key: String::new(), variant: Some(variant) })
    }
}

/// A list or a tuple as it is written.
struct Items {
    items: Vec<Value>,
    of: Of,
}

enum Of {
    List,
    Tuple,
    /// An enum's variant, which has a list.
    Variant(&'static str),
}

macro_rules! items {
    ($($of:ident $method:ident;)*) => {
        $(impl ser::$of for Items {
            type Ok = Value;
            type Error = serde_json::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> serde_json::Result<()> {
                self.items.push(tagged(item)?);
                Ok(())
            }

            fn end(self) -> Written {
                Ok(match self.of {
                    Of::List => Value::Array(self.items),
                    Of::Tuple => tuple(self.items),
                    Of::Variant(name) => object(Map::from_iter([(name.to_owned(), Value::Array(self.items))])),
                })
            }
        })*
    };
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

/// A dict as it is written.
struct Entries {
    map: Map<String, Value>,
    key: String,
    variant: Option<&'static str>,
}

impl Entries {
    fn add<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> serde_json::Result<()> {
        self.map.insert(key, tagged(value)?);
        Ok(())
    }

    fn finish(self) -> Written {
        Ok(match self.variant {
            None => object(self.map),
            Some(name) => object(Map::from_iter([(name.to_owned(), object(self.map))])),
        })
    }
}

impl ser::SerializeMap for Entries {
    type Ok = Value;
    type Error = serde_json::Error;

    /// The keys of JSON are texts; numbers become some, as in Python.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> serde_json::Result<()> {
        self.key = match serde_json::to_value(key)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => return Err(ser::Error::custom("key must be a string")),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> serde_json::Result<()> {
        let key = std::mem::take(&mut self.key);
        self.add(key, value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}

macro_rules! fields {
    ($($of:ident;)*) => {
        $(impl ser::$of for Entries {
            type Ok = Value;
            type Error = serde_json::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> serde_json::Result<()> {
                self.add(key.to_owned(), value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        })*
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::signing::tagged_json::{SessionValue, untag};

    #[test]
    fn plain_values_come_back() {
        for value in [
            json!(null),
            json!([1, {"a": [true]}]),
            json!({" t": 1}),
            json!({" t": {" b": "x"}}),
            json!({" t": 1, "a": 2}),
        ] {
            assert_eq!(untag(&tagged(&value).expect("JSON")), Some(value));
        }
        assert_eq!(tagged(&json!({" t": 1})).expect("JSON"), json!({" di": {" t__": 1}}));
    }

    #[test]
    fn what_json_does_not_know_is_tagged() {
        struct Raw;
        impl Serialize for Raw {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(b"\xff\0")
            }
        }
        #[derive(serde::Serialize)]
        enum Kind {
            Two(u8, u8),
            Named { at: DateTime },
        }
        let moment: DateTime = "2020-01-02T03:04:05.5Z".parse().expect("a moment");
        let of = |value: &dyn Fn() -> serde_json::Result<Value>| value().expect("JSON");
        let date = json!({" d": "Thu, 02 Jan 2020 03:04:05 GMT"});
        assert_eq!(of(&|| tagged(&(1, "a"))), json!({" t": [1, "a"]}));
        assert_eq!(of(&|| tagged(&vec![(1, 2)])), json!([{" t": [1, 2]}]));
        assert_eq!(of(&|| tagged(&Raw)), json!({" b": "/wA="}));
        assert_eq!(of(&|| tagged(&Html::new("<b>"))), json!({" m": "<b>"}));
        assert_eq!(of(&|| tagged(&Some(moment))), date);
        assert_eq!(of(&|| tagged(&BTreeMap::from([(7, 1)]))), json!({"7": 1}));
        assert_eq!(of(&|| tagged(&Kind::Two(1, 2))), json!({"Two": [1, 2]}));
        assert_eq!(of(&|| tagged(&Kind::Named { at: moment })), json!({"Named": {"at": date}}));
        assert!(tagged(&BTreeMap::from([(vec![1], 1)])).is_err());
    }

    #[test]
    fn types_outlive_a_session() {
        let moment: DateTime = "2020-01-02T03:04:05Z".parse().expect("a moment");
        let value = ("<b>", Html::new("<b>"), moment, json!({" t": [1]}));
        let kept = tagged(&value).expect("JSON");
        assert_eq!(tagged(&SessionValue(kept.clone())).expect("JSON"), kept);
    }
}
