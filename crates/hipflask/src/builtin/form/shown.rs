//! A form as templates and JSON see it: its fields with what was typed and with the errors.

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use crate::builtin::form::field::Field;

/// The name by which a template recognizes a form.
pub(crate) const FORM_MARKER: &str = "$hipflask::Form";

/// A field with what the client sent for it.
pub(super) struct BoundField<'a> {
    pub(super) field: Field,
    pub(super) values: Vec<&'a str>,
    pub(super) errors: Vec<String>,
}

impl Serialize for BoundField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Field", 9)?;
        out.serialize_field("name", self.field.name)?;
        out.serialize_field("label", self.field.label)?;
        out.serialize_field("widget", self.field.widget)?;
        out.serialize_field("description", self.field.description)?;
        out.serialize_field("required", &self.field.required)?;
        out.serialize_field("choices", &Pairs(&self.field.choices))?;
        out.serialize_field("attributes", &Pairs(&self.field.attributes))?;
        out.serialize_field("values", &self.values)?;
        out.serialize_field("errors", &self.errors)?;
        out.end()
    }
}

struct Pairs<'a, V>(&'a [(&'static str, V)]);

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|pair| out.serialize_element(pair))?;
        out.end()
    }
}
