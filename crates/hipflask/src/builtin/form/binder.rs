//! Reads the fields of one form.

use crate::builtin::form::error::{Errors, FieldError};
use crate::builtin::form::field::Field;
use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::{Lookup, Sent, full_name, is_blank};
use crate::builtin::form::values::FieldValues;
use crate::context::Context;

/// Reads the fields of one form and collects the errors.
#[derive(Debug)]
pub struct Binder<'a> {
    pub(super) data: &'a Lookup<'a>,
    ctx: Option<&'a Context>,
    /// What comes before the names of the form that is read, if it is inside another: `address-`.
    pub(super) prefix: String,
    trimmed: &'static [&'static str],
    errors: Errors,
}

impl<'a> Binder<'a> {
    pub(super) fn new(data: &'a Lookup<'a>, ctx: Option<&'a Context>) -> Binder<'a> {
        Binder { data, ctx, prefix: String::new(), trimmed: &[], errors: Vec::new() }
    }

    /// The errors of the fields.
    pub(super) fn into_errors(self) -> Errors {
        self.errors
    }

    /// The fields whose values are read without the white space around them: those with `#[field(trim)]`. To be said
    /// before they are read.
    pub fn trim(&mut self, names: &'static [&'static str]) {
        self.trimmed = names;
    }

    /// The fields that show a value and take none: those with `#[field(readonly)]`. What is sent for one is an error until
    /// [`Form::prefill`](crate::Form::prefill) or [`Form::fill`](crate::Form::fill) says that it is what was shown.
    pub fn read_only(&mut self, names: &[&'static str]) {
        self.refuse_sent(names, &FieldError::ReadOnly);
    }

    /// The fields whose choices are not known yet: those with `#[field(choices)]`. What is sent for one is an error until
    /// [`Form::set_choices`](crate::Form::set_choices) tells them.
    pub fn choices_later(&mut self, names: &[&'static str]) {
        self.refuse_sent(names, &FieldError::NoChoices);
    }

    fn refuse_sent(&mut self, names: &[&'static str], error: &FieldError) {
        for name in names {
            let sent = self.data.texts(&full_name(&self.prefix, name));
            if sent.into_iter().any(|text| !is_blank(text)) {
                self.error(name, error.clone());
            }
        }
    }

    /// The field `name` as a `V`, if it is one and keeps every rule. Otherwise the first error is noted.
    pub fn field<V: FromField>(&mut self, name: &'static str, rules: &[&dyn FieldRule<V>]) -> Option<V> {
        let value = V::from_field(&self.sent(name));
        self.checked(name, value, rules)
    }

    /// The value, if there is one and it keeps every rule. Otherwise the first error is noted.
    pub(super) fn checked<V>(
        &mut self,
        name: &'static str,
        value: Result<V, FieldError>,
        rules: &[&dyn FieldRule<V>],
    ) -> Option<V> {
        let sent = self.sent(name);
        let keeps = |value: &V| rules.iter().try_for_each(|rule| rule.check(value, &sent));
        match value.and_then(|value| keeps(&value).map(|()| value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(name, error);
                None
            }
        }
    }

    /// Reads a form inside this one. A form is read again in the form around it, so what belongs to that is kept.
    pub(super) fn within<V>(
        &mut self,
        name: &str,
        entry: Option<u32>,
        bind: impl FnOnce(&mut Binder<'_>) -> Option<V>,
    ) -> Option<V> {
        let around = (self.prefix.len(), self.trimmed, self.errors.len());
        self.prefix.push_str(name);
        self.prefix.push('-');
        if let Some(entry) = entry {
            self.prefix.push_str(&format!("{entry}-"));
        }
        let value = bind(self);
        self.prefix.truncate(around.0);
        self.trimmed = around.1;
        // A form that notes an error may return its values all the same.
        value.filter(|_| self.errors.len() == around.2)
    }

    fn sent<'s>(&'s self, name: &'s str) -> Sent<'s> {
        Sent { name, prefix: &self.prefix, data: self.data, ctx: self.ctx, trimmed: self.trimmed, one: None }
    }

    /// Notes an error of the field `name`.
    pub fn error(&mut self, name: &'static str, error: impl Into<FieldError>) {
        self.errors.push((full_name(&self.prefix, name), error.into()));
    }
}

/// A type that a field of a form can have. Implement it for your own types.
///
/// ```
/// use hipflask::form::{FieldError, FieldValues, FromField, Sent};
///
/// struct Slug(String);
///
/// impl FromField for Slug {
///     fn from_field(sent: &Sent<'_>) -> Result<Slug, FieldError> {
///         let text = String::from_field(sent)?;
///         let plain = text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
///         if plain { Ok(Slug(text)) } else { Err("Use small letters and hyphens only.".into()) }
///     }
///
///     fn to_field(&self, values: &mut FieldValues) {
///         values.text(&self.0);
///     }
/// }
/// ```
///
/// An `Option` of it may be left empty, and a `Vec` of it is a list. A struct with `#[derive(Form)]` is one too: a form
/// inside a form.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a form",
    label = "not a form field",
    note = "a field is a `String`, a number, `bool`, `DateTime`, `Date` and the other times of `hipflask::form`, an IP address, `Upload`, an enum with `#[derive(Choices)]`, another form, an `Option` or a `Vec` of these, or a type that implements `hipflask::form::FromField`"
)]
pub trait FromField: Sized {
    /// The widget that suits it.
    const WIDGET: &'static str = "text";
    /// Whether it must be filled in.
    const REQUIRED: bool = true;

    /// The value.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    fn from_field(sent: &Sent<'_>) -> Result<Self, FieldError>;

    /// The other way: what the field shows of a value.
    fn to_field(&self, values: &mut FieldValues);

    /// Completes a field of this type by its choices and attributes. What the form says itself is there already.
    fn describe(field: &mut Field) {
        let _ = field;
    }

    /// [`Binder::field`], under a name that makes the compiler report a type that is not a field as it does for
    /// [`WIDGET`](FromField::WIDGET).
    #[doc(hidden)]
    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Self>]) -> Option<Self> {
        binder.field(name, rules)
    }

    /// The same for an `Option`.
    #[doc(hidden)]
    fn bind_optional(
        binder: &mut Binder<'_>,
        name: &'static str,
        rules: &[&dyn FieldRule<Option<Self>>],
    ) -> Option<Option<Self>> {
        binder.field(name, rules)
    }

    /// The same for a `Vec`.
    #[doc(hidden)]
    fn bind_all(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Vec<Self>>]) -> Option<Vec<Self>> {
        binder.field(name, rules)
    }

    /// What a field of several of them shows.
    #[doc(hidden)]
    fn to_fields(all: &[Self], values: &mut FieldValues) {
        all.iter().for_each(|one| one.to_field(values));
    }
}
