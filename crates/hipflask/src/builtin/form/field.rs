//! What a field of a form is.

/// What a field of a form is: its name, how it looks, and what it wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The name in the form.
    pub name: &'static str,
    /// What stands beside it.
    pub label: &'static str,
    /// `text`, `textarea`, `select`, `checkbox`, `file`, or another type of `<input>`.
    pub widget: &'static str,
    /// What explains it, if anything does.
    pub description: &'static str,
    /// Whether it may not be empty.
    pub required: bool,
    /// The choices of a `select`: value and label.
    pub choices: Vec<(&'static str, &'static str)>,
    /// Further attributes of its HTML: `maxlength`, `autocomplete`.
    pub attributes: Vec<(&'static str, String)>,
}
