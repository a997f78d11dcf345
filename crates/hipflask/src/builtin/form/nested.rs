//! Forms inside forms, and lists of them.

use crate::builtin::form::binder::{Binder, FromField};
use crate::builtin::form::error::FieldError;
use crate::builtin::form::field::Field;
use crate::builtin::form::model::FormModel;
use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::Sent;
use crate::builtin::form::values::FieldValues;

/// Of a list of forms no more than so many are read, whatever its rule allows: each costs time, and a client may send
/// a hundred thousand.
const MOST_ENTRIES: usize = 1_000;

impl Binder<'_> {
    /// The form `name` inside this one.
    fn form<V: FormModel>(&mut self, name: &'static str, rules: &[&dyn FieldRule<V>]) -> Option<V> {
        let value = self.within(name, None, V::bind)?;
        self.checked(name, Ok(value), rules)
    }

    /// The same, if anything of it was filled in.
    fn optional_form<V: FormModel>(
        &mut self,
        name: &'static str,
        rules: &[&dyn FieldRule<Option<V>>],
    ) -> Option<Option<V>> {
        let is_there = self.data.has_under(&format!("{}{name}-", self.prefix));
        let value = if is_there { Some(self.within(name, None, V::bind)?) } else { None };
        self.checked(name, Ok(value), rules)
    }

    /// The forms `name-0`, `name-1` … inside this one. Those that are blank are left out.
    fn forms<V: FormModel>(&mut self, name: &'static str, rules: &[&dyn FieldRule<Vec<V>>]) -> Option<Vec<V>> {
        let entries = self.data.entries(&format!("{}{name}-", self.prefix));
        if entries.len() > MOST_ENTRIES {
            return self.checked(name, Err(FieldError::TooMany { max: MOST_ENTRIES }), rules);
        }
        // Each is read, for its errors, even if one before it is wrong.
        let read: Vec<Option<V>> = entries.into_iter().map(|entry| self.within(name, Some(entry), V::bind)).collect();
        let values = read.into_iter().collect::<Option<Vec<V>>>()?;
        self.checked(name, Ok(values), rules)
    }
}

/// A form inside a form: the names of its fields follow its own, `address-street`, and in a list its number,
/// `lines-0-amount`. WTForms' `FormField` and `FieldList`.
#[diagnostic::do_not_recommend]
impl<T: FormModel> FromField for T {
    const WIDGET: &'static str = "form";

    fn from_field(sent: &Sent<'_>) -> Result<T, FieldError> {
        let mut binder = Binder::new(sent.data, sent.ctx);
        binder.prefix = format!("{}{}-", sent.prefix, sent.name);
        let value = T::bind(&mut binder);
        match (value, binder.into_errors().into_iter().next()) {
            (Some(value), None) => Ok(value),
            (_, error) => Err(error.map_or(FieldError::Required, |(_, error)| error)),
        }
    }

    fn to_field(&self, values: &mut FieldValues) {
        values.within(None, |values| self.write(values));
    }

    fn describe(field: &mut Field) {
        field.fields = T::fields();
    }

    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<T>]) -> Option<T> {
        binder.form(name, rules)
    }

    fn bind_optional(
        binder: &mut Binder<'_>,
        name: &'static str,
        rules: &[&dyn FieldRule<Option<T>>],
    ) -> Option<Option<T>> {
        binder.optional_form(name, rules)
    }

    fn bind_all(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Vec<T>>]) -> Option<Vec<T>> {
        binder.forms(name, rules)
    }

    fn to_fields(all: &[T], values: &mut FieldValues) {
        for (entry, one) in all.iter().enumerate() {
            values.within(Some(entry), |values| one.write(values));
        }
    }
}
