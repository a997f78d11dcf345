//! The rules that a field's value must keep.

use crate::builtin::form::sent::{Sent, with_line_feeds};

/// A rule that a field's value must keep.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no rule for a field of type `{V}`",
    label = "not for `{V}`",
    note = "`length`, `email`, `one_of`, `choices` and `equal_to` are for `String`; `range` is for numbers, and its ends have the field's type (`range(0.0..=1.0)` for `f64`)",
    note = "`check` names a function: `fn(&{V}) -> Result<(), String>`"
)]
pub trait FieldRule<V> {
    /// Checks the value.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    fn check(&self, value: &V, sent: &Sent<'_>) -> Result<(), String>;
}

/// A rule of your own: `#[field(check = not_a_weekend)]`, for a `fn(&V) -> Result<(), String>`.
#[derive(Clone, Copy, Debug)]
pub struct Check<F>(pub F);

#[diagnostic::do_not_recommend]
impl<V, F: Fn(&V) -> Result<(), String>> FieldRule<V> for Check<F> {
    fn check(&self, value: &V, _: &Sent<'_>) -> Result<(), String> {
        self.0(value)
    }
}

/// A rule for a field that may be left empty: nothing keeps every rule.
#[derive(Clone, Copy, Debug)]
pub struct IfGiven<R>(pub R);

#[diagnostic::do_not_recommend]
impl<V, R: FieldRule<V>> FieldRule<Option<V>> for IfGiven<R> {
    fn check(&self, value: &Option<V>, sent: &Sent<'_>) -> Result<(), String> {
        value.as_ref().map_or(Ok(()), |value| self.0.check(value, sent))
    }
}

/// Bounds of a length in characters, or of a number; both included. What the macro writes for `length(..)`
/// and `range(..)`.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

impl FieldRule<String> for Length {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), String> {
        match value.chars().count() {
            length if length < self.min => Err(format!("At least {}, please.", characters(self.min))),
            length if length > self.max => Err(format!("At most {}, please.", characters(self.max))),
            _ => Ok(()),
        }
    }
}

fn characters(count: usize) -> String {
    match count {
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}

/// The bounds of a number.
#[derive(Clone, Copy, Debug)]
pub struct Range<N> {
    /// At least.
    pub min: Option<N>,
    /// At most.
    pub max: Option<N>,
}

impl<N: PartialOrd + std::fmt::Display> FieldRule<N> for Range<N> {
    fn check(&self, value: &N, _: &Sent<'_>) -> Result<(), String> {
        match (&self.min, &self.max) {
            (Some(min), _) if value < min => Err(format!("At least {min}, please.")),
            (_, Some(max)) if value > max => Err(format!("At most {max}, please.")),
            _ => Ok(()),
        }
    }
}

/// Something that looks like an e-mail address: one `@`, a name before it, a host with a dot after it.
#[derive(Clone, Copy, Debug)]
pub struct Email;

impl FieldRule<String> for Email {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), String> {
        let valid = value.split_once('@').is_some_and(|(name, host)| {
            let labels = host.split('.');
            let label = |l: &str| {
                !l.is_empty()
                    && l.len() <= 63
                    && l.chars().all(|c| c.is_alphanumeric() || c == '-')
                    && !l.starts_with('-')
                    && !l.ends_with('-')
            };
            !name.is_empty()
                && name.len() <= 64
                // Nothing that a mail program would take for the end of the address, or for a second one.
                && name.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c))
                && host.contains('.')
                && labels.into_iter().all(label)
        });
        if valid { Ok(()) } else { Err("This is no e-mail address.".to_owned()) }
    }
}

/// One of a list.
#[derive(Clone, Copy, Debug)]
pub struct OneOf(pub &'static [&'static str]);

impl FieldRule<String> for OneOf {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), String> {
        if self.0.contains(&value.as_str()) { Ok(()) } else { Err("This is not one of the choices.".to_owned()) }
    }
}

/// Several of the list.
impl FieldRule<Vec<String>> for OneOf {
    fn check(&self, values: &Vec<String>, sent: &Sent<'_>) -> Result<(), String> {
        values.iter().try_for_each(|value| self.check(value, sent))
    }
}

/// The same as another field: a password typed twice.
#[derive(Clone, Copy, Debug)]
pub struct EqualTo(pub &'static str);

impl FieldRule<String> for EqualTo {
    fn check(&self, value: &String, sent: &Sent<'_>) -> Result<(), String> {
        let other = sent.other(self.0).map(with_line_feeds);
        if other.as_ref() == Some(value) { Ok(()) } else { Err("The two are not the same.".to_owned()) }
    }
}
