//! A field of a form, and its name.

use std::fmt;
use std::marker::PhantomData;

/// A field of a form: its name, how it looks, and what it requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The name in the form.
    pub name: &'static str,
    /// The text beside it.
    pub label: &'static str,
    /// `text`, `textarea`, `select`, `checkbox`, `file`, or another type of `<input>`.
    pub widget: &'static str,
    /// A text that explains it; may be empty.
    pub description: &'static str,
    /// Whether it must be filled in.
    pub required: bool,
    /// The choices of a `select`: value and label.
    pub choices: Vec<(&'static str, &'static str)>,
    /// Further attributes of its HTML: `maxlength`, `autocomplete`.
    pub attributes: Vec<(&'static str, String)>,
}

/// The name of a field of the form `T`. `#[derive(Form)]` writes a constant for every field, `Signup::FIRST_NAME`
/// for `first_name`, so that a misspelt name does not compile.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[derive(Form)]
/// struct Signup {
///     #[field(name = "given-name")]
///     first_name: String,
/// }
///
/// let mut form = Form::<Signup>::empty();
/// form.add_error(Signup::FIRST_NAME, "This name is taken.");
/// assert_eq!(form.messages().next(), Some(("given-name", "This name is taken.".to_owned())));
/// ```
pub struct FieldName<T> {
    name: &'static str,
    form: PhantomData<fn() -> T>,
}

impl<T> FieldName<T> {
    /// The name of one of the fields that [`FormModel::fields`](crate::form::FormModel::fields) lists.
    pub const fn new(name: &'static str) -> FieldName<T> {
        FieldName { name, form: PhantomData }
    }

    /// The name in the form.
    pub const fn as_str(self) -> &'static str {
        self.name
    }
}

// Not derived: the name can be copied whatever the form is.
impl<T> Clone for FieldName<T> {
    fn clone(&self) -> FieldName<T> {
        *self
    }
}

impl<T> Copy for FieldName<T> {}

impl<T> fmt::Debug for FieldName<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldName({:?})", self.name)
    }
}
