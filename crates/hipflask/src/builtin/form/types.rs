//! The types that a field of a form can have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::dates::{Date, Month, Week};
use crate::base::datetime::DateTime;
use crate::base::times::{LocalDateTime, Time};
use crate::builtin::form::binder::{Binder, FromField};
use crate::builtin::form::error::FieldError;
use crate::builtin::form::field::Field;
use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::{One, Sent, is_blank, with_line_feeds};
use crate::builtin::form::values::FieldValues;
use crate::http::upload::Upload;

#[diagnostic::do_not_recommend]
impl FromField for String {
    fn from_field(sent: &Sent<'_>) -> Result<String, FieldError> {
        match sent.text() {
            Some(text) if !is_blank(text) => Ok(with_line_feeds(text)),
            _ => Err(FieldError::Required),
        }
    }

    fn to_field(&self, values: &mut FieldValues) {
        values.text(self);
    }
}

/// Types that are read from one line and written by their `Display`.
macro_rules! line_fields {
    ($($(#[$doc:meta])* $type:ty, $widget:literal, $error:expr, $read:expr $(, $attribute:literal = $value:literal)?;)*) => {
        $($(#[$doc])* #[diagnostic::do_not_recommend] impl FromField for $type {
            const WIDGET: &'static str = $widget;

            fn from_field(sent: &Sent<'_>) -> Result<$type, FieldError> {
                match sent.text().unwrap_or_default().trim() {
                    "" => Err(FieldError::Required),
                    text => $read(text).ok_or($error),
                }
            }

            fn to_field(&self, values: &mut FieldValues) {
                values.text(self.to_string());
            }

            $(fn describe(field: &mut Field) {
                field.set_default($attribute, $value);
            })?
        })*
    };
}

macro_rules! integer_fields {
    ($($integer:ty)*) => {
        line_fields! { $($integer, "number", FieldError::NotAnInteger, |text: &str| text.parse::<$integer>().ok();)* }
    };
}

integer_fields!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

line_fields! {
    // NaN is neither below nor above any bound, so no range would exclude it.
    f32, "number", FieldError::NotANumber, |text: &str| text.parse().ok().filter(|n: &f32| n.is_finite()), "step" = "any";
    f64, "number", FieldError::NotANumber, |text: &str| text.parse().ok().filter(|n: &f64| n.is_finite()), "step" = "any";
    Date, "date", FieldError::NotADate, |text: &str| text.parse().ok();
    Month, "month", FieldError::NotAMonth, |text: &str| text.parse().ok();
    Week, "week", FieldError::NotAWeek, |text: &str| text.parse().ok();
    IpAddr, "text", FieldError::NotAnIpAddress, |text: &str| text.parse().ok();
    Ipv4Addr, "text", FieldError::NotAnIpAddress, |text: &str| text.parse().ok();
    Ipv6Addr, "text", FieldError::NotAnIpAddress, |text: &str| text.parse().ok();
}

/// Types with a time: without `step` a browser refuses seconds, and it takes three digits after them.
macro_rules! time_fields {
    ($($(#[$doc:meta])* $type:ty, $widget:literal, $error:expr, $read:expr, $written:expr;)*) => {
        $($(#[$doc])* #[diagnostic::do_not_recommend] impl FromField for $type {
            const WIDGET: &'static str = $widget;

            fn from_field(sent: &Sent<'_>) -> Result<$type, FieldError> {
                match sent.text().unwrap_or_default().trim() {
                    "" => Err(FieldError::Required),
                    text => $read(text).ok_or($error),
                }
            }

            fn to_field(&self, values: &mut FieldValues) {
                values.text($written(*self).to_string());
            }

            fn describe(field: &mut Field) {
                field.set_default("step", "any");
            }
        })*
    };
}

time_fields! {
    Time, "time", FieldError::NotATime, |text: &str| text.parse().ok(), Time::to_millis;
    LocalDateTime, "datetime-local", FieldError::NotADateTime, |text: &str| text.parse().ok(), LocalDateTime::to_millis;
    /// As UTC: the input of a browser has no time zone. A program may send one: `2026-11-21T08:30:00+01:00`.
    DateTime, "datetime-local", FieldError::NotADateTime, moment, |moment| LocalDateTime::from_moment(moment, 0).to_millis();
}

fn moment(text: &str) -> Option<DateTime> {
    match text.parse::<LocalDateTime>() {
        Ok(local) => Some(local.utc()),
        Err(_) => text.contains(['T', ' ']).then(|| text.parse().ok()).flatten(),
    }
}

/// A checkbox: ticked or not.
#[diagnostic::do_not_recommend]
impl FromField for bool {
    const WIDGET: &'static str = "checkbox";
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<bool, FieldError> {
        Ok(sent.text().is_some_and(is_ticked))
    }

    fn to_field(&self, values: &mut FieldValues) {
        if *self {
            values.text("y");
        }
    }
}

/// What a box that is ticked sends.
pub(crate) fn is_ticked(text: &str) -> bool {
    !matches!(text, "" | "false" | "False" | "0" | "off")
}

#[diagnostic::do_not_recommend]
impl FromField for Upload {
    const WIDGET: &'static str = "file";

    fn from_field(sent: &Sent<'_>) -> Result<Upload, FieldError> {
        sent.file().cloned().ok_or(FieldError::NoFile)
    }

    /// Nothing: no page can put a file into a form.
    fn to_field(&self, _: &mut FieldValues) {}
}

/// Several values, of which those that are blank do not count: a `select` with `multiple`, several files, or a list of
/// inputs.
#[diagnostic::do_not_recommend]
impl<V: FromField> FromField for Vec<V> {
    const WIDGET: &'static str = V::WIDGET;
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Vec<V>, FieldError> {
        let texts = sent.texts().filter(|text| !is_blank(text)).map(One::Text);
        texts.chain(sent.files().map(One::File)).map(|one| V::from_field(&sent.with(one))).collect()
    }

    fn to_field(&self, values: &mut FieldValues) {
        V::to_fields(self, values);
    }

    fn describe(field: &mut Field) {
        V::describe(field);
        field.is_list = true;
    }

    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Vec<V>>]) -> Option<Vec<V>> {
        V::bind_all(binder, name, rules)
    }
}

/// May be left empty.
#[diagnostic::do_not_recommend]
impl<V: FromField> FromField for Option<V> {
    const WIDGET: &'static str = V::WIDGET;
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Option<V>, FieldError> {
        let empty = sent.text().is_none_or(is_blank) && sent.file().is_none();
        if empty { Ok(None) } else { V::from_field(sent).map(Some) }
    }

    fn to_field(&self, values: &mut FieldValues) {
        if let Some(value) = self {
            value.to_field(values);
        }
    }

    fn describe(field: &mut Field) {
        V::describe(field);
    }

    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Option<V>>]) -> Option<Option<V>> {
        V::bind_optional(binder, name, rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::form::binder::Binder;
    use crate::builtin::form::rules::{Check, EqualTo, FieldRule, IfGiven, Length, OneOf, Range};
    use crate::builtin::form::sent::Lookup;
    use crate::builtin::form::text_rules::Email;
    use crate::http::upload::FormData;

    fn bind<V: FromField>(pairs: &[(&str, &str)], rules: &[&dyn FieldRule<V>]) -> Result<V, FieldError> {
        let data = FormData { fields: pairs.iter().copied().collect(), files: Vec::new() };
        let lookup = Lookup::of(&data);
        let mut binder = Binder::new(&lookup, None);
        let value = binder.field("x", rules);
        let mut errors = binder.into_errors().into_iter();
        let first = errors.next().map(|(_, error)| error);
        assert_eq!(errors.next(), None, "the first error of a field is its only one");
        value.ok_or_else(|| first.expect("without a value there is an error"))
    }

    #[test]
    fn types_say_what_they_want() {
        assert_eq!(bind::<String>(&[("x", "a\r\nb")], &[]).as_deref(), Ok("a\nb"));
        assert_eq!(bind::<String>(&[("x", "  ")], &[]), Err(FieldError::Required));
        assert_eq!(bind::<Option<u8>>(&[("x", "")], &[]), Ok(None));
        assert_eq!(bind::<Option<u8>>(&[("x", "300")], &[]), Err(FieldError::NotAnInteger));
        assert_eq!(bind::<bool>(&[("x", "on")], &[]), Ok(true));
        assert_eq!(bind::<bool>(&[], &[]), Ok(false));
        assert_eq!(bind::<Vec<String>>(&[("x", "a"), ("x", "b")], &[]), Ok(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn rules_are_checked_in_order() {
        let short = Length { min: 1, max: 3 };
        let listed = OneOf(&["a", "b"]);
        let (too_long, not_listed) = (Err(FieldError::TooLong { max: 3 }), Err(FieldError::NotAChoice));
        let four = [("x", "four")];
        assert_eq!(bind::<String>(&four, &[&short, &listed]), too_long, "both fail, the first is told");
        assert_eq!(bind::<String>(&four, &[&listed, &short]), not_listed);
        assert_eq!(bind::<String>(&[("x", "c")], &[&short, &listed]), not_listed, "the second fails alone");
        let never = Check(|_: &String| -> Result<(), String> { panic!("a rule behind one that fails is not asked") });
        assert_eq!(bind::<String>(&four, &[&short, &never]), too_long);
        assert_eq!(bind::<u8>(&[("x", "y")], &[&Range { min: Some(1), max: None }]), Err(FieldError::NotAnInteger));
    }

    #[test]
    fn rules_say_what_they_want() {
        let length = Length { min: 1, max: 3 };
        assert_eq!(bind::<Option<String>>(&[("x", "")], &[&IfGiven(length)]), Ok(None));
        let range = Range { min: Some(1), max: None };
        assert_eq!(bind::<i64>(&[("x", "0")], &[&range]), Err(FieldError::TooSmall { min: "1".to_owned() }));
        let differ = [("x", "a"), ("y", "b")];
        assert_eq!(bind::<String>(&differ, &[&EqualTo("y")]), Err(FieldError::NotEqual { to: "y" }));
        for (address, valid) in [
            ("a@b.example", true),
            ("a.b+c@d-e.f", true),
            ("a@b", false),
            ("@b.c", false),
            ("a b@c.d", false),
            ("a@.c", false),
            ("a@b@c.d", false),
        ] {
            assert_eq!(bind::<String>(&[("x", address)], &[&Email]).is_ok(), valid, "{address}");
        }
    }
}
