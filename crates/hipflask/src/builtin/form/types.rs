//! The types that a field of a form can have.

use crate::builtin::form::binder::FromField;
use crate::builtin::form::error::FieldError;
use crate::builtin::form::sent::{Sent, with_line_feeds};
use crate::http::upload::Upload;

#[diagnostic::do_not_recommend]
impl FromField for String {
    fn from_field(sent: &Sent<'_>) -> Result<String, FieldError> {
        match sent.text() {
            Some(text) if !is_blank(text) => Ok(with_line_feeds(text)),
            _ => Err(FieldError::Required),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

macro_rules! number_fields {
    ($($number:ty)*; $error:expr, |$value:ident| $valid:expr) => {
        $(#[diagnostic::do_not_recommend] impl FromField for $number {
            const WIDGET: &'static str = "number";

            fn from_field(sent: &Sent<'_>) -> Result<$number, FieldError> {
                match sent.text().unwrap_or_default().trim() {
                    "" => Err(FieldError::Required),
                    text => text.parse().ok().filter(|$value: &$number| $valid).ok_or($error),
                }
            }
        })*
    };
}

number_fields!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize; FieldError::NotAnInteger, |_number| true);
// NaN is neither below nor above any bound, so no range would exclude it.
number_fields!(f32 f64; FieldError::NotANumber, |number| number.is_finite());

/// A checkbox: ticked or not.
#[diagnostic::do_not_recommend]
impl FromField for bool {
    const WIDGET: &'static str = "checkbox";
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<bool, FieldError> {
        Ok(sent.text().is_some_and(|text| !matches!(text, "" | "false" | "False" | "0" | "off")))
    }
}

#[diagnostic::do_not_recommend]
impl FromField for Upload {
    const WIDGET: &'static str = "file";

    fn from_field(sent: &Sent<'_>) -> Result<Upload, FieldError> {
        sent.file().cloned().ok_or(FieldError::NoFile)
    }
}

#[diagnostic::do_not_recommend]
impl FromField for Vec<String> {
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Vec<String>, FieldError> {
        Ok(sent.texts().map(str::to_owned).collect())
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::form::binder::Binder;
    use crate::builtin::form::rules::{Check, Email, EqualTo, FieldRule, IfGiven, Length, OneOf, Range};
    use crate::http::upload::FormData;

    fn bind<V: FromField>(pairs: &[(&str, &str)], rules: &[&dyn FieldRule<V>]) -> Result<V, FieldError> {
        let data = FormData { fields: pairs.iter().copied().collect(), files: Vec::new() };
        let mut binder = Binder::new(&data, None);
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
