//! Rust values as template values.
//!
//! It is a serde serializer of our own: it knows the names under which [`Html`],
//! [`DateTime`] and forms are serialized, and gives a struct's fields a lookup without hashing.

use std::fmt::Display;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, Value};
use minijinja::{Error, ErrorKind};
use serde::ser::{self, Serialize};

use crate::base::dates::Date;
use crate::base::datetime::DateTime;
use crate::base::html::Html;
use crate::builtin::form::FORM_MARKER;
use crate::builtin::templating::dict::dict;
use crate::builtin::templating::forms;
use crate::builtin::templating::iterated::{ITERATED, iterated};
use crate::builtin::templating::moments;

/// `value` as a template sees it. A value that cannot be serialized raises its error where the template uses it.
pub(super) fn to_value<T: Serialize + ?Sized>(value: &T) -> Value {
    try_to_value(value).unwrap_or_else(Value::from)
}

/// `value` as a template sees it, or why it cannot be serialized.
pub(super) fn try_to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    value.serialize(ToValue).map_err(|Unserializable(message)| Error::new(ErrorKind::BadSerialization, message))
}

#[derive(Debug)]
pub(super) struct Unserializable(String);

impl Display for Unserializable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unserializable {}

impl ser::Error for Unserializable {
    fn custom<T: Display>(message: T) -> Unserializable {
        Unserializable(message.to_string())
    }
}

type Converted = Result<Value, Unserializable>;

struct ToValue;

macro_rules! plain {
    ($($method:ident $source:ty as $target:ty),* $(,)?) => {
        $(fn $method(self, value: $source) -> Converted {
            Ok(Value::from(<$target>::from(value)))
        })*
    };
}

impl ser::Serializer for ToValue {
    type Ok = Value;
    type Error = Unserializable;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    plain! {
        serialize_bool bool as bool,
        serialize_i8 i8 as i64, serialize_i16 i16 as i64, serialize_i32 i32 as i64, serialize_i64 i64 as i64,
        serialize_i128 i128 as i128, serialize_u128 u128 as u128,
        serialize_u8 u8 as u64, serialize_u16 u16 as u64, serialize_u32 u32 as u64, serialize_u64 u64 as u64,
        serialize_f32 f32 as f64, serialize_f64 f64 as f64,
        serialize_char char as char,
    }

    fn serialize_str(self, value: &str) -> Converted {
        Ok(Value::from(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Converted {
        Ok(Value::from_bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Converted {
        Ok(Value::from(()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Converted {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Converted {
        Ok(Value::from(()))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Converted {
        Ok(Value::from(()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Converted {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Converted {
        let inner = value.serialize(ToValue)?;
        Ok(match name {
            Html::SERDE_NAME => Value::from_safe_string(inner.as_str().unwrap_or_default().to_owned()),
            DateTime::SERDE_NAME => moments::moment(inner),
            Date::SERDE_NAME => moments::day(inner),
            FORM_MARKER => forms::form(&inner),
            _ => inner,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Converted {
        match (name, variant) {
            // The values that a function for templates may return.
            ("Result", "Ok") => value.serialize(ToValue),
            ("Result", "Err") => Err(Unserializable(value.serialize(ToValue)?.to_string())),
            _ => Ok(Value::from_object(Record { fields: vec![(variant, to_value(value))] })),
        }
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, Unserializable> {
        Ok(Items { variant: None, items: Vec::with_capacity(len.unwrap_or_default()) })
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, Unserializable> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items, Unserializable> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items, Unserializable> {
        Ok(Items { variant: Some(variant), items: Vec::with_capacity(len) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, Unserializable> {
        Ok(Entries { key: None, entries: Vec::new() })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields, Unserializable> {
        let is_iterated = name == ITERATED;
        Ok(Fields { variant: None, is_iterated, fields: Vec::with_capacity(len) })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Fields, Unserializable> {
        Ok(Fields { variant: Some(variant), is_iterated: false, fields: Vec::with_capacity(len) })
    }
}

/// The externally tagged form that serde gives an enum's variant.
fn tagged(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::from_object(Record { fields: vec![(variant, value)] }),
        None => value,
    }
}

struct Items {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

macro_rules! items {
    ($($trait:ident $method:ident),*) => {
        $(impl ser::$trait for Items {
            type Ok = Value;
            type Error = Unserializable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
                self.items.push(value.serialize(ToValue)?);
                Ok(())
            }

            fn end(self) -> Converted {
                Ok(tagged(self.variant, Value::from(self.items)))
            }
        })*
    };
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

struct Entries {
    key: Option<Value>,
    entries: Vec<(Value, Value)>,
}

impl ser::SerializeMap for Entries {
    type Ok = Value;
    type Error = Unserializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unserializable> {
        self.key = Some(key.serialize(ToValue)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        if let Some(key) = self.key.take() {
            self.entries.push((key, value.serialize(ToValue)?));
        }
        Ok(())
    }

    fn end(self) -> Converted {
        Ok(dict(self.entries))
    }
}

struct Fields {
    variant: Option<&'static str>,
    is_iterated: bool,
    fields: Vec<(&'static str, Value)>,
}

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Fields {
            type Ok = Value;
            type Error = Unserializable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unserializable> {
                self.fields.push((name, value.serialize(ToValue)?));
                Ok(())
            }

            fn end(self) -> Converted {
                if self.is_iterated {
                    return Ok(iterated(self.fields));
                }
                Ok(tagged(self.variant, Value::from_object(Record { fields: self.fields })))
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

/// A struct: a handful of fields, found by comparing names.
#[derive(Debug)]
struct Record {
    fields: Vec<(&'static str, Value)>,
}

impl Object for Record {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    /// Called for `{{ row.name }}`; the default would first make a value of the name.
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|record| Box::new(record.fields.iter().map(|(name, _)| Value::from(*name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_flattened_structs_have_their_keys() {
        #[derive(serde::Serialize)]
        struct Inner {
            name: &'static str,
        }
        #[derive(serde::Serialize)]
        struct Outer {
            known: bool,
            #[serde(flatten)]
            inner: Option<Inner>,
        }
        let value = to_value(&Outer { known: true, inner: Some(Inner { name: "Ada" }) });
        assert_eq!(value.get_attr("known").expect("it is a map"), Value::from(true));
        assert_eq!(value.get_attr("name").expect("it is a map").as_str(), Some("Ada"));
    }
}
