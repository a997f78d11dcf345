//! The values that a rule took from the path, and their conversion to arguments.

use std::str::FromStr;
use std::sync::Arc;

use crate::base::error::{Error, HttpError, Result};

/// The values of a rule's variables, and its defaults, by name. Flask's `request.view_args`.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::prelude::*;
/// use hipflask::routing::ViewArgs;
///
/// async fn show(args: ViewArgs) -> Result<String> {
///     let id: i64 = args.get("id")?;
///     Ok(format!("post {id}"))
/// }
///
/// let app = App::new("doc", ".").add_url_rule(Rule::new("/posts/<int:id>"), show);
/// assert_eq!(app.test_client().get("/posts/7").send_blocking().text(), "post 7");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewArgs {
    pairs: Vec<(Arc<str>, String)>,
}

impl ViewArgs {
    pub(crate) fn new(pairs: Vec<(Arc<str>, String)>) -> ViewArgs {
        ViewArgs { pairs }
    }

    /// The value of `name` as a `T`.
    ///
    /// # Errors
    ///
    /// A 404 if the text in the path cannot be a `T`, for instance because the number is too large. An error (500)
    /// if the rule has no variable `name`, which is a mistake in the program.
    #[track_caller]
    pub fn get<T: FromPath>(&self, name: &str) -> Result<T> {
        match self.text(name) {
            Some(text) => match T::from_path(text) {
                Some(value) => Ok(value),
                None => Err(HttpError::new(404).into()),
            },
            None => Err(Error::msg(format!("the rule has no variable `{name}` and no default for it"))),
        }
    }

    /// The text of `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.as_str())
    }

    /// Sets `name` to `value`.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.pairs.retain(|(key, _)| &**key != name);
        self.pairs.push((Arc::from(name), value.to_string()));
    }

    /// Removes `name`, so that the view does not get it.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(key, _)| &**key == name)?;
        Some(self.pairs.remove(at).1)
    }

    /// Names and values, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (&**key, value.as_str()))
    }

    pub(crate) fn to_values(&self) -> Vec<(String, String)> {
        self.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// A type for a view's argument that comes from the path. Implement it for your own types: an `enum` of the words
/// of `<any(a, b):x>`, a slug.
///
/// ```
/// use hipflask::routing::FromPath;
///
/// enum Kind { Post, Page }
///
/// impl FromPath for Kind {
///     fn from_path(text: &str) -> Option<Kind> {
///         match text {
///             "post" => Some(Kind::Post),
///             "page" => Some(Kind::Page),
///             _ => None, // answered with 404
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a path",
    label = "not a path value",
    note = "a value of the path is a `String`, a number, `bool`, or a type of your own that implements `hipflask::routing::FromPath`"
)]
pub trait FromPath: Sized {
    /// The value that `text` represents; `None` is answered with 404.
    fn from_path(text: &str) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl FromPath for String {
    fn from_path(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

macro_rules! from_path {
    ($($number:ty),*) => {
        $(#[diagnostic::do_not_recommend] impl FromPath for $number {
            fn from_path(text: &str) -> Option<$number> {
                FromStr::from_str(text).ok()
            }
        })*
    };
}

from_path!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, bool, char);

macro_rules! float_from_path {
    ($($float:ty),*) => {
        $(#[diagnostic::do_not_recommend] impl FromPath for $float {
            /// What the type cannot hold, because it would be infinite or become zero, is no value.
            fn from_path(text: &str) -> Option<$float> {
                let value: $float = text.parse().ok()?;
                let is_zero = !text.split(['e', 'E']).next()?.contains(|c| matches!(c, '1'..='9'));
                (value.is_finite() && (value != 0.0 || is_zero)).then_some(value)
            }
        })*
    };
}

float_from_path!(f32, f64);
