//! Converters: what a variable of a rule may be, and how a value is written into a URL.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hipflask_rule::{Arguments, Literal};

use crate::http::url::{PATH_SAFE, quote};
use crate::routing::view_args::FromPath;

/// What a variable of a rule may be. Werkzeug's `BaseConverter`.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::prelude::*;
/// use hipflask::routing::{Converter, ViewArgs};
///
/// /// `<upper:code>`: capital letters.
/// #[derive(Debug)]
/// struct Upper;
///
/// impl Converter for Upper {
///     fn matches(&self, text: &str) -> bool {
///         !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase())
///     }
/// }
///
/// async fn airport(args: ViewArgs) -> Result<String> {
///     args.get("code")
/// }
///
/// let app = App::new("doc", ".").url_converter("upper", |_| Ok(Upper)).add_url_rule(Rule::new("/<upper:code>"), airport);
/// let client = app.test_client();
/// assert_eq!(client.get("/FRA").send_blocking().text(), "FRA");
/// assert_eq!(client.get("/fra").send_blocking().status(), 404);
/// ```
pub trait Converter: fmt::Debug + Send + Sync + 'static {
    /// Whether `text` has the right shape for the variable; Werkzeug has a regular expression for this. The text
    /// contains no slash unless [`part_isolating`](Converter::part_isolating) is false.
    fn matches(&self, text: &str) -> bool;

    /// Whether a text of the right shape is a value. If not, the URL is answered with 404 and no other rule
    /// is tried. Werkzeug's `to_python`.
    fn accepts(&self, text: &str) -> bool {
        let _ = text;
        true
    }

    /// A value as it is written in a URL.
    ///
    /// # Errors
    ///
    /// Says why `value` cannot be written.
    fn to_url(&self, value: &str) -> Result<String, String> {
        Ok(quote(value, PATH_SAFE).into_owned())
    }

    /// Rules with lower weights are tried first: 100 for text, 50 for numbers, 200 for paths.
    fn weight(&self) -> i32 {
        100
    }

    /// Whether a value stays within one segment. `path` does not.
    fn part_isolating(&self) -> bool {
        true
    }

    /// Whether it takes the shortest text that fits instead of the longest.
    fn lazy(&self) -> bool {
        false
    }
}

/// Makes a converter from the arguments in a rule.
pub(crate) type Factory = Arc<dyn Fn(&Arguments) -> Result<Arc<dyn Converter>, String> + Send + Sync>;

/// The converters that every map knows.
pub(crate) fn builtin() -> BTreeMap<String, Factory> {
    fn entry<C: Converter>(
        name: &str,
        make: impl Fn(&Arguments) -> Result<C, String> + Send + Sync + 'static,
    ) -> (String, Factory) {
        (name.to_owned(), Arc::new(move |arguments| Ok(Arc::new(make(arguments)?))))
    }
    BTreeMap::from([
        entry("default", Text::new),
        entry("string", Text::new),
        entry("any", Any::new),
        entry("path", Path::new),
        entry("int", Int::new),
        entry("float", Float::new),
        entry("uuid", Uuid::new),
    ])
}

/// The arguments of a converter, read by name; unused ones are an error.
struct Reader<'a> {
    arguments: &'a Arguments,
    names: &'static [&'static str],
}

impl<'a> Reader<'a> {
    fn new(arguments: &'a Arguments, names: &'static [&'static str]) -> Result<Reader<'a>, String> {
        if let Some((name, _)) = arguments.named.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            return Err(format!("the converter takes no argument `{name}`; it takes {}", list(names)));
        }
        if arguments.positional.len() > names.len() {
            Err(format!("the converter takes at most {} arguments: {}", names.len(), list(names)))
        } else {
            Ok(Reader { arguments, names })
        }
    }

    fn literal(&self, name: &str) -> Option<&'a Literal> {
        let position = self.names.iter().position(|n| *n == name)?;
        let named = self.arguments.named.iter().find(|(n, _)| n == name).map(|(_, literal)| literal);
        named.or_else(|| self.arguments.positional.get(position)).filter(|literal| **literal != Literal::None)
    }

    fn int(&self, name: &str) -> Result<Option<i64>, String> {
        match self.literal(name) {
            None => Ok(None),
            Some(Literal::Int(value)) => Ok(Some(*value)),
            Some(other) => Err(format!("the converter's argument `{name}` must be an integer, not {other:?}")),
        }
    }

    fn float(&self, name: &str) -> Result<Option<f64>, String> {
        match self.literal(name) {
            None => Ok(None),
            Some(Literal::Float(value)) => Ok(Some(*value)),
            Some(Literal::Int(value)) => Ok(Some(*value as f64)),
            Some(other) => Err(format!("the converter's argument `{name}` must be a number, not {other:?}")),
        }
    }

    fn length(&self, name: &str) -> Result<Option<usize>, String> {
        let value = self.int(name)?;
        value
            .map(|v| usize::try_from(v).map_err(|_| format!("the converter's argument `{name}` is negative")))
            .transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.literal(name) {
            None => Ok(false),
            Some(Literal::Bool(value)) => Ok(*value),
            Some(other) => Err(format!("the converter's argument `{name}` must be True or False, not {other:?}")),
        }
    }
}

fn list(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// `default` and `string`: any text without a slash, optionally of a given length.
#[derive(Debug)]
struct Text {
    min: usize,
    max: Option<usize>,
}

impl Text {
    fn new(arguments: &Arguments) -> Result<Text, String> {
        let reader = Reader::new(arguments, &["minlength", "maxlength", "length"])?;
        Ok(match reader.length("length")? {
            Some(length) => Text { min: length, max: Some(length) },
            None => Text { min: reader.length("minlength")?.unwrap_or(1), max: reader.length("maxlength")? },
        })
    }
}

impl Converter for Text {
    fn matches(&self, text: &str) -> bool {
        let length = || text.chars().count();
        let long_enough = if self.min <= 1 { text.len() >= self.min } else { length() >= self.min };
        long_enough && self.max.is_none_or(|max| length() <= max)
    }
}

/// `any(a, b)`: one of the words.
#[derive(Debug)]
struct Any {
    words: Vec<String>,
}

impl Any {
    fn new(arguments: &Arguments) -> Result<Any, String> {
        if !arguments.named.is_empty() || arguments.positional.is_empty() {
            return Err("the converter `any` needs a list of words: `<any(about, help):page>`".to_owned());
        }
        let word = |literal: &Literal| match literal {
            Literal::Str(word) => word.clone(),
            Literal::Int(value) => value.to_string(),
            Literal::Float(value) => value.to_string(),
            Literal::Bool(true) => "True".to_owned(),
            Literal::Bool(false) => "False".to_owned(),
            Literal::None => "None".to_owned(),
        };
        Ok(Any { words: arguments.positional.iter().map(word).collect() })
    }
}

impl Converter for Any {
    fn matches(&self, text: &str) -> bool {
        self.words.iter().any(|word| word == text)
    }

    fn to_url(&self, value: &str) -> Result<String, String> {
        if self.matches(value) {
            Ok(quote(value, PATH_SAFE).into_owned())
        } else {
            let words: Vec<String> = self.words.iter().map(|word| format!("'{word}'")).collect();
            Err(format!("'{value}' is not one of {}", words.join(", ")))
        }
    }
}

/// `path`: any text that does not begin with a slash.
#[derive(Debug)]
struct Path;

impl Path {
    fn new(arguments: &Arguments) -> Result<Path, String> {
        Reader::new(arguments, &[]).map(|_| Path)
    }
}

impl Converter for Path {
    fn matches(&self, text: &str) -> bool {
        !text.is_empty() && !text.starts_with('/')
    }

    fn weight(&self) -> i32 {
        200
    }

    fn part_isolating(&self) -> bool {
        false
    }

    fn lazy(&self) -> bool {
        true
    }
}

/// `int`: digits; a minus only with `signed=True`.
#[derive(Debug)]
struct Int {
    fixed_digits: usize,
    min: Option<i64>,
    max: Option<i64>,
    signed: bool,
}

/// No number that means something has more.
const MOST_DIGITS: usize = 1_000;

impl Int {
    fn new(arguments: &Arguments) -> Result<Int, String> {
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

fn compare_integers(a: &str, b: &str) -> std::cmp::Ordering {
    let ((a_negative, a), (b_negative, b)) = (magnitude(a), magnitude(b));
    let by_size = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    match (a_negative, b_negative) {
        (false, false) => by_size,
        (true, true) => by_size.reverse(),
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
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
struct Float {
    min: Option<f64>,
    max: Option<f64>,
    signed: bool,
}

impl Float {
    fn new(arguments: &Arguments) -> Result<Float, String> {
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

/// `uuid`: 32 hexadecimal digits in the usual five groups.
#[derive(Debug)]
struct Uuid;

impl Uuid {
    fn new(arguments: &Arguments) -> Result<Uuid, String> {
        Reader::new(arguments, &[]).map(|_| Uuid)
    }
}

impl Converter for Uuid {
    fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        bytes.len() == 36
            && bytes.iter().enumerate().all(|(at, b)| match at {
                8 | 13 | 18 | 23 => *b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
    }
}

#[cfg(test)]
mod tests {
    use hipflask_rule::RuleSyntax;

    use super::*;

    fn converter(variable: &str) -> Result<Arc<dyn Converter>, String> {
        let rule = RuleSyntax::parse(&format!("/<{variable}:x>")).map_err(|error| error.to_string())?;
        let variable = rule.variables().next().expect("a variable").clone();
        builtin()[&variable.converter](&variable.arguments)
    }

    fn takes(variable: &str, text: &str) -> bool {
        let converter = converter(variable).expect(variable);
        converter.matches(text) && converter.accepts(text)
    }

    #[test]
    fn shapes_and_bounds() {
        let (large, beyond) = (format!("{}.0", "9".repeat(300)), format!("{}.0", "9".repeat(400)));
        for (variable, good, bad) in [
            ("string", vec!["a", "é b"], vec![""]),
            ("string(length=2)", vec!["ab", "éé"], vec!["a", "abc"]),
            ("string(2, 3)", vec!["ab", "abc"], vec!["a", "abcd"]),
            ("int", vec!["0", "007", "99999999999999999999999"], vec!["", "-1", "1.0", "٣", "+1"]),
            ("int(signed=True, min=-5, max=10)", vec!["-5", "10", "010"], vec!["-6", "11", "99999999999999999999999"]),
            ("int(fixed_digits=4)", vec!["0042"], vec!["42"]),
            ("float", vec!["1.0", "0.5", "0.0", "00.10"], vec!["1", "1.", ".5", "1e5", "-1.0", "inf", "nan"]),
            ("float(max=1.5)", vec!["1.5"], vec!["1.6"]),
            ("float", vec![&large], vec![&beyond]),
            ("any(a, 'b c')", vec!["a", "b c"], vec!["b"]),
            ("path", vec!["a/b", "a//b/"], vec!["/a", ""]),
            ("uuid", vec!["01234567-89ab-CDEF-0123-456789abcdef"], vec!["0123456789abcdef0123456789abcdef"]),
        ] {
            good.iter().for_each(|text| assert!(takes(variable, text), "{variable} takes {text}"));
            bad.iter().for_each(|text| assert!(!takes(variable, text), "{variable} refuses {text}"));
        }
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        let url = |variable, value| converter(variable).expect("valid").to_url(value);
        assert_eq!(url("int(fixed_digits=4)", "42").as_deref(), Ok("0042"));
        assert_eq!(url("float", "1").as_deref(), Ok("1.0"));
        assert_eq!(url("int(fixed_digits=4, signed=True)", "-5").as_deref(), Ok("-005"));
        assert_eq!((url("int", "007"), url("int", "-0")), (Ok("7".into()), Ok("0".into())));
        assert_eq!(url("float", "100000000000000000000").as_deref(), Ok("100000000000000000000.0"));
        for (value, written) in [
            ("1e20", "100000000000000000000.0"),
            ("-1.5e-3", "-0.0015"),
            ("01.50", "1.5"),
            ("-0.0", "0.0"),
            ("0.1234567890123456789012", "0.1234567890123456789012"),
            ("1e-320", "0.00000"),
        ] {
            let url = url("float", value).expect("a number");
            assert!(url.starts_with(written) && takes("float(signed=True)", &url), "{value}: {url}");
        }
        assert_eq!(url("string", "a/b c?").as_deref(), Ok("a/b%20c%3F"));
        assert_eq!(url("any(a, b)", "x"), Err("'x' is not one of 'a', 'b'".into()));
        assert!(url("int", "x").is_err() && url("float", "nan").is_err() && url("float", "1e999").is_err());
    }

    /// Flask gives the view `inf`, and 0.0.
    #[test]
    fn what_a_float_cannot_hold_is_none() {
        let of = |digits: usize| format!("{}.0", "9".repeat(digits));
        assert!(takes("float", &of(308)) && !takes("float", &of(309)));
        let tiny = |zeros: usize| format!("0.{}1", "0".repeat(zeros));
        assert!(takes("float", &tiny(300)) && !takes("float", &tiny(400)));
        assert!(takes("float", &format!("0.{}", "0".repeat(400))), "this is zero");
        assert_eq!((f32::from_path(&of(39)), f32::from_path("0.5")), (None, Some(0.5)));
        assert_eq!((f64::from_path("inf"), f64::from_path("NaN"), f64::from_path("1e5")), (None, None, Some(1e5)));
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert!(
            converter("int(mni=1)").expect_err("misspelt").contains("`mni`; it takes fixed_digits, min, max, signed")
        );
        assert!(converter("int(min=x)").expect_err("a word").contains("must be an integer"));
        assert!(converter("any").expect_err("empty").contains("needs a list of words"));
        assert!(converter("int(fixed_digits=100000)").expect_err("too many").contains("more than 1000"));
        assert!(converter("uuid(1)").expect_err("too many").contains("at most 0"));
    }
}
