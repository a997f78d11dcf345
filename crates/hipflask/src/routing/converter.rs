//! Converters: what a variable of a rule may be, and how a value is written into a URL.

use std::fmt;
use std::sync::Arc;

use hipflask_rule::{Arguments, Literal};

use crate::http::url::{PATH_SAFE, quote};

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

    /// A text that is a value, as the view gets it, where one value can be written in several ways. What
    /// [`to_url`](Converter::to_url) is given may be either.
    fn to_value(&self, text: String) -> String {
        text
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

/// The arguments of a converter, read by name; unused ones are an error.
pub(super) struct Reader<'a> {
    arguments: &'a Arguments,
    names: &'static [&'static str],
}

impl<'a> Reader<'a> {
    pub(super) fn new(arguments: &'a Arguments, names: &'static [&'static str]) -> Result<Reader<'a>, String> {
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

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, String> {
        match self.literal(name) {
            None => Ok(None),
            Some(Literal::Int(value)) => Ok(Some(*value)),
            Some(other) => Err(format!("the converter's argument `{name}` must be an integer, not {other:?}")),
        }
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, String> {
        match self.literal(name) {
            None => Ok(None),
            Some(Literal::Float(value)) => Ok(Some(*value)),
            Some(Literal::Int(value)) => Ok(Some(*value as f64)),
            Some(other) => Err(format!("the converter's argument `{name}` must be a number, not {other:?}")),
        }
    }

    pub(super) fn length(&self, name: &str) -> Result<Option<usize>, String> {
        let value = self.int(name)?;
        value
            .map(|v| usize::try_from(v).map_err(|_| format!("the converter's argument `{name}` is negative")))
            .transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
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
