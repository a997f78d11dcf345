//! A field of a form, and its name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A field of a form: its name, how it looks, and what it requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The name in the form.
    pub name: &'static str,
    /// The text beside it.
    pub label: &'static str,
    /// `text`, `textarea`, `select`, `radio`, `checkboxes`, `checkbox`, `file`, another type of `<input>`, or `form`.
    pub widget: &'static str,
    /// A text that explains it; may be empty.
    pub description: &'static str,
    /// Whether it must be filled in.
    pub required: bool,
    /// The choices of a `select`, of `radio` or `checkboxes`.
    pub choices: Vec<Choice>,
    /// The label of the empty choice, if the form has one of its own.
    pub empty: Option<&'static str>,
    /// Further attributes of its HTML: `maxlength`, `autocomplete`. An empty one is written as its bare name.
    pub attributes: Vec<(&'static str, String)>,
    /// Whether it has several values.
    pub is_list: bool,
    /// How many of a list there are at least.
    pub min_entries: usize,
    /// How many of a list there are at most.
    pub max_entries: Option<usize>,
    /// The fields of a form inside the form.
    pub fields: Vec<Field>,
}

impl Field {
    /// Adds an attribute, unless it has one of that name.
    pub fn set_default(&mut self, name: &'static str, value: impl Into<String>) {
        if !self.has(name) {
            self.attributes.push((name, value.into()));
        }
    }

    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|(name, _)| *name == attribute)
    }
}

/// One of the choices of a field: what is sent, what is shown, and under which heading.
///
/// ```
/// use hipflask::form::Choice;
///
/// let choices = [Choice::new("hake", "Hake").in_group("Fish"), Choice::new("corn", "Corn")];
/// assert_eq!(choices[0].label, "Hake");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// What is sent.
    pub value: Cow<'static, str>,
    /// What is shown.
    pub label: Cow<'static, str>,
    /// The heading that it is shown under, if it has one.
    pub group: Option<Cow<'static, str>>,
}

impl Choice {
    /// A choice without a heading.
    pub fn new(value: impl Into<Cow<'static, str>>, label: impl Into<Cow<'static, str>>) -> Choice {
        Choice { value: value.into(), label: label.into(), group: None }
    }

    /// The same under a heading; what follows under the same one is beside it.
    #[must_use]
    pub fn in_group(self, group: impl Into<Cow<'static, str>>) -> Choice {
        Choice { group: Some(group.into()), ..self }
    }
}

/// A value and its label, from a database for instance.
impl<V: ToString, L: Into<Cow<'static, str>>> From<(V, L)> for Choice {
    fn from((value, label): (V, L)) -> Choice {
        Choice::new(value.to_string(), label)
    }
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

    /// A field of the form that this field is: `Order::ADDRESS.inner(Address::STREET)`.
    pub fn inner<U>(self, field: FieldName<U>) -> FieldPath<T> {
        FieldPath { name: format!("{}-{}", self.name, field.name).into(), form: PhantomData }
    }

    /// A field of one of the forms that this field is a list of: `Order::LINES.entry(0, Line::AMOUNT)`. They are counted as
    /// they were sent.
    pub fn entry<U>(self, entry: usize, field: FieldName<U>) -> FieldPath<T> {
        FieldPath { name: format!("{}-{entry}-{}", self.name, field.name).into(), form: PhantomData }
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

/// The way to a field of the form `T`: its [`FieldName`], or one in a form inside it.
pub struct FieldPath<T> {
    pub(super) name: Cow<'static, str>,
    form: PhantomData<fn() -> T>,
}

impl<T> From<FieldName<T>> for FieldPath<T> {
    fn from(field: FieldName<T>) -> FieldPath<T> {
        FieldPath { name: field.name.into(), form: PhantomData }
    }
}

impl<T> fmt::Debug for FieldPath<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({:?})", self.name)
    }
}
