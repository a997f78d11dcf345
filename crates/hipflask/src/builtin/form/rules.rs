//! The rules that a field's value must keep.

use crate::builtin::form::error::FieldError;
use crate::builtin::form::sent::{One, Sent, is_blank, with_line_feeds};

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
    note = "`length`, `none_of`, `email`, `url`, `uuid` and `mac_address` are for `String`; `range` is for numbers, dates and times, and its ends have the field's type (`range(0.0..=1.0)` for `f64`); `file_size` and `file_types` are for `Upload`; `entries` is for `Vec`; `ticked` is for `bool`",
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

/// A rule for each value of a field that has several.
#[derive(Clone, Copy, Debug)]
pub struct Each<R>(pub R);

#[diagnostic::do_not_recommend]
impl<V, R: FieldRule<V>> FieldRule<Vec<V>> for Each<R> {
    fn check(&self, values: &Vec<V>, sent: &Sent<'_>) -> Result<(), FieldError> {
        let (texts, files): (Vec<_>, Vec<_>) =
            (sent.texts().filter(|text| !is_blank(text)).collect(), sent.files().collect());
        values.iter().enumerate().try_for_each(|(index, value)| {
            let text = texts.get(index).map(|text| One::Text(text));
            let one = text.or_else(|| files.get(index).map(|file| One::File(file)));
            self.0.check(value, &one.map_or(*sent, |one| sent.with(one)))
        })
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

/// How many values a list has, both ends included: `entries(1..=3)`.
#[derive(Clone, Copy, Debug)]
pub struct Entries {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

impl<V> FieldRule<Vec<V>> for Entries {
    fn check(&self, values: &Vec<V>, _: &Sent<'_>) -> Result<(), FieldError> {
        match values.len() {
            0 if self.min > 0 => Err(FieldError::Required),
            count if count < self.min => Err(FieldError::TooFew { min: self.min }),
            count if count > self.max => Err(FieldError::TooMany { max: self.max }),
            _ => Ok(()),
        }
    }
}

/// One of the listed values, or any number of them for a `Vec`: `one_of("draft", "published")`. It compares what was
/// sent, so it is for fields of every type. WTForms' `AnyOf`.
#[derive(Clone, Copy, Debug)]
pub struct OneOf(pub &'static [&'static str]);

impl<V> FieldRule<V> for OneOf {
    fn check(&self, _: &V, sent: &Sent<'_>) -> Result<(), FieldError> {
        let is_listed = |text: &str| is_blank(text) || self.0.contains(&text);
        if sent.texts().all(is_listed) { Ok(()) } else { Err(FieldError::NotAChoice) }
    }
}

/// None of the listed values, in any case: `none_of("admin", "root")`.
#[derive(Clone, Copy, Debug)]
pub struct NoneOf(pub &'static [&'static str]);

impl FieldRule<String> for NoneOf {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        let value = value.trim().to_lowercase();
        let is_listed = self.0.iter().any(|listed| listed.to_lowercase() == value);
        if is_listed { Err(FieldError::NotAllowed) } else { Ok(()) }
    }
}

/// Equal to another field, for a password that is typed twice. It compares what was sent, so it is for fields of every
/// type.
#[derive(Clone, Copy, Debug)]
pub struct EqualTo(pub &'static str);

impl<V> FieldRule<V> for EqualTo {
    fn check(&self, _: &V, sent: &Sent<'_>) -> Result<(), FieldError> {
        let text = |text: Option<&str>| text.map(with_line_feeds).unwrap_or_default();
        if text(sent.text()) == text(sent.other(self.0)) { Ok(()) } else { Err(FieldError::NotEqual { to: self.0 }) }
    }
}

/// A box that must be ticked: `ticked`. WTForms' `BooleanField` with `DataRequired`.
#[derive(Clone, Copy, Debug)]
pub struct Ticked;

impl FieldRule<bool> for Ticked {
    fn check(&self, value: &bool, _: &Sent<'_>) -> Result<(), FieldError> {
        if *value { Ok(()) } else { Err(FieldError::NotTicked) }
    }
}

/// A field that is shown and takes nothing: `disabled`. A browser sends nothing for it, so its type can be empty. WTForms'
/// `Disabled`.
#[derive(Clone, Copy, Debug)]
pub struct Disabled;

impl<V> FieldRule<V> for Disabled {
    fn check(&self, _: &V, sent: &Sent<'_>) -> Result<(), FieldError> {
        let is_empty = sent.texts().next().is_none() && sent.file().is_none();
        if is_empty { Ok(()) } else { Err(FieldError::Disabled) }
    }
}
