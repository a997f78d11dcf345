//! The converters that every map knows, Werkzeug's.

use std::collections::BTreeMap;
use std::sync::Arc;

use hipflask_rule::{Arguments, Literal};

use crate::http::url::{PATH_SAFE, quote};
use crate::routing::converter::{Converter, Factory, Reader};
use crate::routing::numbers::{Float, Int};

/// The converters that every map knows.
pub(super) fn builtin() -> BTreeMap<String, Factory> {
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

/// `uuid`: 32 hexadecimal digits in the usual five groups. The view gets them in lower case, as Python prints them.
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

    fn to_value(&self, mut text: String) -> String {
        text.make_ascii_lowercase();
        text
    }
}

#[cfg(test)]
mod tests {
    use hipflask_rule::RuleSyntax;

    use super::*;
    use crate::routing::view_args::FromPath;

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
