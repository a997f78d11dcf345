//! Values that a form shows before it is submitted.

use crate::builtin::form::binder::FromField;
use crate::builtin::form::values::FieldValues;

/// What [`Form::prefill`](crate::Form::prefill) can show: any type that a field can have, and `str`.
#[diagnostic::on_unimplemented(
    message = "a field cannot show `{Self}`",
    label = "not the value of a field",
    note = "it is lent a type that a field can have, `&post.title`, or a `&str`"
)]
pub trait ToField {
    #[doc(hidden)]
    fn show(&self, values: &mut FieldValues);
}

#[diagnostic::do_not_recommend]
impl<V: FromField> ToField for V {
    fn show(&self, values: &mut FieldValues) {
        self.to_field(values);
    }
}

impl ToField for str {
    fn show(&self, values: &mut FieldValues) {
        values.text(self);
    }
}

/// A value as the text that its field would show: the `min` and `max` of an input.
pub fn field_text<V: FromField>(value: &V) -> String {
    shown_by("", value).into_iter().map(|(_, text)| text).next().unwrap_or_default()
}

/// What the field `name` shows of a value.
pub(super) fn shown_by<V: ToField + ?Sized>(name: &'static str, value: &V) -> Vec<(String, String)> {
    let mut values = FieldValues::default();
    value.show(values.at(name));
    values.into_pairs()
}
