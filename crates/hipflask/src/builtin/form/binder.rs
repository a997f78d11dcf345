//! Reads the fields of one form.

use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::Sent;
use crate::http::upload::FormData;

/// Reads the fields of one form and collects what is wrong with them.
#[derive(Debug)]
pub struct Binder<'a> {
    pub(super) data: &'a FormData,
    pub(super) errors: Vec<(&'static str, String)>,
}

impl Binder<'_> {
    /// The field `name` as a `V`, if it is one and every rule holds. The first thing that is wrong is noted.
    pub fn field<V: FromField>(&mut self, name: &'static str, rules: &[&dyn FieldRule<V>]) -> Option<V> {
        let sent = Sent { name, data: self.data };
        let value = match V::from_field(&sent) {
            Ok(value) => value,
            Err(error) => {
                self.error(name, error);
                return None;
            }
        };
        for rule in rules {
            if let Err(error) = rule.check(&value, &sent) {
                self.error(name, error);
                return None;
            }
        }
        Some(value)
    }

    /// Notes an error of the field `name`.
    pub fn error(&mut self, name: &'static str, error: impl Into<String>) {
        self.errors.push((name, error.into()));
    }
}

/// What a field of a form can be. Implement it for types of your own.
///
/// ```
/// use hipflask::form::{FromField, Sent};
///
/// struct Slug(String);
///
/// impl FromField for Slug {
///     fn from_field(sent: &Sent<'_>) -> Result<Slug, String> {
///         let text = String::from_field(sent)?;
///         match text.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
///             true => Ok(Slug(text)),
///             false => Err("Small letters and hyphens, please.".into()),
///         }
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
    fn from_field(sent: &Sent<'_>) -> Result<Self, String>;

    /// [`Binder::field`], by a name that reports a type that is no field as [`WIDGET`](FromField::WIDGET) does.
    #[doc(hidden)]
    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Self>]) -> Option<Self> {
        binder.field(name, rules)
    }
}
