//! The converters for numbers.

use std::cmp::Ordering;

use hipflask_rule::Arguments;

use crate::routing::converter::{Converter, Reader};
use crate::routing::view_args::FromPath;

/// `int`: digits; a minus only with `signed=True`.
#[derive(Debug)]
pub(super) struct Int {
    fixed_digits: usize,
    min: Option<i64>,
    max: Option<i64>,
    signed: bool,
}

/// No number that means something has more.
const MOST_DIGITS: usize = 1_000;

impl Int {
    pub(super) fn new(arguments: &Arguments) -> Result<Int, String> {
        let reader = Reader::new(arguments, &["fixed_digits", "min", "max", "signed"])?;
        let fixed_digits = reader.length("fixed_digits")?.unwrap_or(0);
        if fixed_digits > MOST_DIGITS {
            return Err(format!("the converter's argument `fixed_digits` is more than {MOST_DIGITS}"));
        }
        Ok(Int { fixed_digits, min: reader.int("min")?, max: reader.int("max")?, signed: reader.flag("signed")? })
    }

    fn digits<'a>(&self, text: &'a str) -> &'a str {
        if self.signed { text.strip_prefix('-').unwrap_or(text) } else { text }
    }
}

/// The sign and the digits without leading zeros, so that numbers of any length compare.
fn magnitude(text: &str) -> (bool, &str) {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let digits = digits.trim_start_matches('0');
    (negative && !digits.is_empty(), digits)
}

fn compare_integers(a: &str, b: &str) -> Ordering {
    let ((a_negative, a), (b_negative, b)) = (magnitude(a), magnitude(b));
    let by_size = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    match (a_negative, b_negative) {
        (false, false) => by_size,
        (true, true) => by_size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

impl Converter for Int {
    fn matches(&self, text: &str) -> bool {
        is_digits(self.digits(text))
    }

    fn accepts(&self, text: &str) -> bool {
        (self.fixed_digits == 0 || text.len() == self.fixed_digits)
            && self.min.is_none_or(|min| compare_integers(text, &min.to_string()).is_ge())
            && self.max.is_none_or(|max| compare_integers(text, &max.to_string()).is_le())
    }

    fn to_url(&self, value: &str) -> Result<String, String> {
        let (sign, digits) = split_sign(value);
        if !is_digits(digits) {
            return Err(format!("'{value}' is not an integer"));
        }
        let (sign, digits) = match digits.trim_start_matches('0') {
            "" => ("", "0"),
            digits => (sign, digits),
        };
        Ok(format!("{sign}{digits:0>width$}", width = self.fixed_digits.saturating_sub(sign.len())))
    }

    fn weight(&self) -> i32 {
        50
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A minus, if there is one, and what follows it.
fn split_sign(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with('-')))
}

/// `float`: digits, a point, digits. It is a number of the double precision that every language has: digits beyond that
/// are rounded, but what would become infinite, or zero, is not its value.
#[derive(Debug)]
pub(super) struct Float {
    min: Option<f64>,
    max: Option<f64>,
    signed: bool,
}

impl Float {
    pub(super) fn new(arguments: &Arguments) -> Result<Float, String> {
        let reader = Reader::new(arguments, &["min", "max", "signed"])?;
        Ok(Float { min: reader.float("min")?, max: reader.float("max")?, signed: reader.flag("signed")? })
    }
}

impl Converter for Float {
    fn matches(&self, text: &str) -> bool {
        let text = if self.signed { split_sign(text).1 } else { text };
        text.split_once('.').is_some_and(|(whole, fraction)| is_digits(whole) && is_digits(fraction))
    }

    fn accepts(&self, text: &str) -> bool {
        let Some(value) = f64::from_path(text) else { return false };
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    /// Plain decimals with a digit on each side of the point: what [`matches`](Converter::matches) reads, and every
    /// digit of the value. Werkzeug writes `1e+20`, which its own rule does not match.
    fn to_url(&self, value: &str) -> Result<String, String> {
        let (sign, digits) = split_sign(value);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if is_digits(whole) && is_digits(fraction) {
            return Ok(plain(sign, whole, fraction));
        }
        // Another spelling of a number, for instance with an exponent.
        match value.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                let text = value.abs().to_string();
                let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
                Ok(plain(if value < 0.0 { "-" } else { "" }, whole, fraction))
            }
            _ => Err(format!("'{value}' is not a number")),
        }
    }

    fn weight(&self) -> i32 {
        50
    }
}

/// A number without zeros that say nothing.
fn plain(sign: &str, whole: &str, fraction: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
    format!("{sign}{}.{}", or_zero(whole), or_zero(fraction))
}
