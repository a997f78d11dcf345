//! The types that a field of a form can have.

use crate::builtin::form::binder::FromField;
use crate::builtin::form::sent::{Sent, with_line_feeds};
use crate::http::upload::Upload;

const REQUIRED: &str = "This field is required.";

#[diagnostic::do_not_recommend]
impl FromField for String {
    fn from_field(sent: &Sent<'_>) -> Result<String, String> {
        match sent.text() {
            Some(text) if !is_blank(text) => Ok(with_line_feeds(text)),
            _ => Err(REQUIRED.to_owned()),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

macro_rules! number_fields {
    ($($number:ty)*; $wanted:literal, |$value:ident| $valid:expr) => {
        $(#[diagnostic::do_not_recommend] impl FromField for $number {
            const WIDGET: &'static str = "number";

            fn from_field(sent: &Sent<'_>) -> Result<$number, String> {
                let text = sent.text().unwrap_or_default().trim();
                match text.is_empty() {
                    true => Err(REQUIRED.to_owned()),
                    false => text.parse().ok().filter(|$value: &$number| $valid).ok_or_else(|| $wanted.to_owned()),
                }
            }
        })*
    };
}

number_fields!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize; "This must be a whole number.", |_number| true);
// Not a number is neither below nor above any bound, so no range would keep it out.
number_fields!(f32 f64; "This must be a number.", |number| number.is_finite());

/// A checkbox: ticked or not.
#[diagnostic::do_not_recommend]
impl FromField for bool {
    const WIDGET: &'static str = "checkbox";
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<bool, String> {
        Ok(sent.text().is_some_and(|text| !matches!(text, "" | "false" | "False" | "0" | "off")))
    }
}

#[diagnostic::do_not_recommend]
impl FromField for Upload {
    const WIDGET: &'static str = "file";

    fn from_field(sent: &Sent<'_>) -> Result<Upload, String> {
        sent.file().cloned().ok_or_else(|| "Choose a file, please.".to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl FromField for Vec<String> {
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Vec<String>, String> {
        Ok(sent.texts().map(str::to_owned).collect())
    }
}

/// May be left empty.
#[diagnostic::do_not_recommend]
impl<V: FromField> FromField for Option<V> {
    const WIDGET: &'static str = V::WIDGET;
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Option<V>, String> {
        let empty = sent.text().is_none_or(is_blank) && sent.file().is_none();
        match empty {
            true => Ok(None),
            false => V::from_field(sent).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::form::binder::{Binder, FromField};
    use crate::builtin::form::rules::{Email, EqualTo, FieldRule, IfGiven, Length, Range};
    use crate::http::upload::FormData;

    fn data(pairs: &[(&str, &str)]) -> FormData {
        FormData { fields: pairs.iter().copied().collect(), files: Vec::new() }
    }

    fn bind<V: FromField>(pairs: &[(&str, &str)], rules: &[&dyn FieldRule<V>]) -> Result<V, String> {
        let data = data(pairs);
        let mut binder = Binder { data: &data, errors: Vec::new() };
        let value = binder.field("x", rules);
        value.ok_or_else(|| binder.errors.remove(0).1)
    }

    #[test]
    fn types_say_what_they_want() {
        assert_eq!(bind::<String>(&[("x", "a\r\nb")], &[]).as_deref(), Ok("a\nb"));
        assert_eq!(bind::<String>(&[("x", "  ")], &[]).expect_err("blank"), REQUIRED);
        assert_eq!(bind::<Option<u8>>(&[("x", "")], &[]), Ok(None));
        assert_eq!(bind::<Option<u8>>(&[("x", "300")], &[]).expect_err("large"), "This must be a whole number.");
        assert_eq!(bind::<bool>(&[("x", "on")], &[]), Ok(true));
        assert_eq!(bind::<bool>(&[], &[]), Ok(false));
        assert_eq!(bind::<Vec<String>>(&[("x", "a"), ("x", "b")], &[]), Ok(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn rules_are_checked_in_order() {
        let length = Length { min: 1, max: 3 };
        assert_eq!(bind::<String>(&[("x", "four")], &[&length]).expect_err("long"), "At most 3 characters, please.");
        assert_eq!(bind::<Option<String>>(&[("x", "")], &[&IfGiven(length)]), Ok(None));
        let range = Range { min: Some(1), max: None };
        assert_eq!(bind::<i64>(&[("x", "0")], &[&range]).expect_err("small"), "At least 1, please.");
        assert!(bind::<String>(&[("x", "a"), ("y", "b")], &[&EqualTo("y")]).is_err());
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
