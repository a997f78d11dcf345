//! The rules that a field's value must keep.

use crate::builtin::form::error::FieldError;
use crate::builtin::form::sent::{Sent, with_line_feeds};
use crate::http::upload::Upload;

/// A rule that a field's value must keep. `#[field(rule = NotReserved)]` uses a value of your own type as one.
///
/// ```
/// use hipflask::form::{FieldError, FieldRule, Sent};
/// use hipflask::prelude::*;
///
/// /// Not the name of the application itself.
/// struct NotReserved;
///
/// impl FieldRule<String> for NotReserved {
///     fn check(&self, name: &String, sent: &Sent<'_>) -> Result<(), FieldError> {
///         let reserved = sent.ctx().is_some_and(|ctx| ctx.app().name() == name);
///         if reserved { Err("This name is reserved.".into()) } else { Ok(()) }
///     }
/// }
///
/// #[derive(Form)]
/// struct Signup {
///     #[field(length(2..=40), rule = NotReserved)]
///     name: String,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rule for a field of type `{V}`",
    label = "not for `{V}`",
    note = "`length`, `email`, `one_of`, `choices` and `equal_to` are for `String`; `range` is for numbers, and its ends have the field's type (`range(0.0..=1.0)` for `f64`); `file_size` is for `Upload`",
    note = "`check` names a function: `fn(&{V}) -> Result<(), String>`; `rule` gives a value that implements `FieldRule<{V}>`"
)]
pub trait FieldRule<V> {
    /// Checks the value.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    fn check(&self, value: &V, sent: &Sent<'_>) -> Result<(), FieldError>;
}

/// A function as a rule: `#[field(check = not_a_weekend)]`, for a `fn(&V) -> Result<(), String>`.
#[derive(Clone, Copy, Debug)]
pub struct Check<F>(pub F);

#[diagnostic::do_not_recommend]
impl<V, E: Into<FieldError>, F: Fn(&V) -> Result<(), E>> FieldRule<V> for Check<F> {
    fn check(&self, value: &V, _: &Sent<'_>) -> Result<(), FieldError> {
        self.0(value).map_err(Into::into)
    }
}

/// A rule for a field that may be left empty: an empty one keeps every rule.
#[derive(Clone, Copy, Debug)]
pub struct IfGiven<R>(pub R);

#[diagnostic::do_not_recommend]
impl<V, R: FieldRule<V>> FieldRule<Option<V>> for IfGiven<R> {
    fn check(&self, value: &Option<V>, sent: &Sent<'_>) -> Result<(), FieldError> {
        value.as_ref().map_or(Ok(()), |value| self.0.check(value, sent))
    }
}

/// The bounds of a length in characters, both included: `length(1..=80)`.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

impl FieldRule<String> for Length {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        match value.chars().count() {
            length if length < self.min => Err(FieldError::TooShort { min: self.min }),
            length if length > self.max => Err(FieldError::TooLong { max: self.max }),
            _ => Ok(()),
        }
    }
}

/// The most bytes of a file: `file_size(..=2_000_000)`. Flask-WTF's `FileSize`.
#[derive(Clone, Copy, Debug)]
pub struct FileSize {
    /// At most.
    pub max: u64,
}

impl FieldRule<Upload> for FileSize {
    fn check(&self, file: &Upload, _: &Sent<'_>) -> Result<(), FieldError> {
        if file.len() > self.max { Err(FieldError::FileTooLarge { max: self.max }) } else { Ok(()) }
    }
}

/// The bounds of a number, both included: `range(18..=130)`.
#[derive(Clone, Copy, Debug)]
pub struct Range<N> {
    /// At least.
    pub min: Option<N>,
    /// At most.
    pub max: Option<N>,
}

impl<N: PartialOrd + std::fmt::Display> FieldRule<N> for Range<N> {
    fn check(&self, value: &N, _: &Sent<'_>) -> Result<(), FieldError> {
        match (&self.min, &self.max) {
            (Some(min), _) if value < min => Err(FieldError::TooSmall { min: min.to_string() }),
            (_, Some(max)) if value > max => Err(FieldError::TooLarge { max: max.to_string() }),
            _ => Ok(()),
        }
    }
}

/// A text that looks like an e-mail address: one `@`, a name before it, a host with a dot after it.
#[derive(Clone, Copy, Debug)]
pub struct Email;

impl FieldRule<String> for Email {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        let valid = value.split_once('@').is_some_and(|(name, host)| is_mail_name(name) && is_mail_host(host));
        if valid { Ok(()) } else { Err(FieldError::NotAnEmail) }
    }
}

/// Contains nothing that a mail program could take for the end of the address, or for a second address.
fn is_mail_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

fn is_mail_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.contains('.') && host.split('.').all(label)
}

/// One of the listed values: `one_of("draft", "published")`.
#[derive(Clone, Copy, Debug)]
pub struct OneOf(pub &'static [&'static str]);

impl FieldRule<String> for OneOf {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        if self.0.contains(&value.as_str()) { Ok(()) } else { Err(FieldError::NotAChoice) }
    }
}

/// Any number of the listed values.
impl FieldRule<Vec<String>> for OneOf {
    fn check(&self, values: &Vec<String>, sent: &Sent<'_>) -> Result<(), FieldError> {
        values.iter().try_for_each(|value| self.check(value, sent))
    }
}

/// Equal to another field, for a password that is typed twice.
#[derive(Clone, Copy, Debug)]
pub struct EqualTo(pub &'static str);

impl FieldRule<String> for EqualTo {
    fn check(&self, value: &String, sent: &Sent<'_>) -> Result<(), FieldError> {
        let other = sent.other(self.0).map(with_line_feeds);
        if other.as_ref() == Some(value) { Ok(()) } else { Err(FieldError::NotEqual { to: self.0 }) }
    }
}
