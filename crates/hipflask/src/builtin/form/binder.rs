//! Reads the fields of one form.

use crate::builtin::form::error::FieldError;
use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::Sent;
use crate::context::Context;
use crate::http::upload::FormData;

/// Reads the fields of one form and collects the errors.
#[derive(Debug)]
pub struct Binder<'a> {
    data: &'a FormData,
    ctx: Option<&'a Context>,
    trimmed: &'static [&'static str],
    errors: Vec<(&'static str, FieldError)>,
}

impl<'a> Binder<'a> {
    pub(super) fn new(data: &'a FormData, ctx: Option<&'a Context>) -> Binder<'a> {
        Binder { data, ctx, trimmed: &[], errors: Vec::new() }
    }

    /// The errors of the fields.
    pub(super) fn into_errors(self) -> Vec<(&'static str, FieldError)> {
        self.errors
    }

    /// The fields whose values are read without the white space around them: those with `#[field(trim)]`. To be said
    /// before they are read.
    pub fn trim(&mut self, names: &'static [&'static str]) {
        self.trimmed = names;
    }

    /// The field `name` as a `V`, if it is one and keeps every rule. Otherwise the first error is noted.
    pub fn field<V: FromField>(&mut self, name: &'static str, rules: &[&dyn FieldRule<V>]) -> Option<V> {
        let sent = Sent { name, data: self.data, ctx: self.ctx, trimmed: self.trimmed };
        let keeps = |value: &V| rules.iter().try_for_each(|rule| rule.check(value, &sent));
        match V::from_field(&sent).and_then(|value| keeps(&value).map(|()| value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(name, error);
                None
            }
        }
    }

    /// Notes an error of the field `name`.
    pub fn error(&mut self, name: &'static str, error: impl Into<FieldError>) {
        self.errors.push((name, error.into()));
    }
}

/// A type that a field of a form can have. Implement it for your own types.
///
/// ```
/// use hipflask::form::{FieldError, FromField, Sent};
///
/// struct Slug(String);
///
/// impl FromField for Slug {
///     fn from_field(sent: &Sent<'_>) -> Result<Slug, FieldError> {
///         let text = String::from_field(sent)?;
///         let plain = text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
///         if plain { Ok(Slug(text)) } else { Err("Use small letters and hyphens only.".into()) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a form",
    label = "not a form field",
    note = "a field is a `String`, a number, `bool`, `Upload`, `Vec<String>`, an `Option` of these, or a type that implements `hipflask::form::FromField`"
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

    /// [`Binder::field`], under a name that makes the compiler report a type that is not a field as it does for
    /// [`WIDGET`](FromField::WIDGET).
    #[doc(hidden)]
    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Self>]) -> Option<Self> {
        binder.field(name, rules)
    }
}
