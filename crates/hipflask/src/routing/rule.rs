//! One URL rule: its path, and how it is matched.

use std::panic::Location;

use hipflask_rule::{RuleSyntax, SyntaxError};
use http::Method;

use crate::base::options::Options;

/// A URL rule: `/user/<int:id>` and its options. Werkzeug's `Rule`, and the options of Flask's `route`.
///
/// Mistakes in it are reported by [`App::freeze`](crate::App::freeze), with the line of `new`.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::prelude::*;
///
/// let rule = Rule::new("/posts/<int:id>").endpoint("post").methods([GET, PUT]);
/// let page = Rule::new("/posts/").endpoint("posts").default("page", 1);
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) text: String,
    pub(crate) endpoint: Option<String>,
    /// `None` until methods are given: then the default is GET.
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) defaults: Vec<(String, String)>,
    pub(crate) strict_slashes: Option<bool>,
    pub(crate) merge_slashes: Option<bool>,
    pub(crate) build_only: bool,
    pub(crate) automatic_options: Option<bool>,
    pub(crate) options: Options,
    pub(crate) location: &'static Location<'static>,
}

impl Rule {
    /// A rule for `text`, for GET until [`methods`](Rule::methods) says otherwise.
    #[track_caller]
    pub fn new(text: impl Into<String>) -> Rule {
        Rule {
            text: text.into(),
            endpoint: None,
            methods: None,
            defaults: Vec::new(),
            strict_slashes: None,
            merge_slashes: None,
            build_only: false,
            automatic_options: None,
            options: Options::default(),
            location: Location::caller(),
        }
    }

    /// The name that URLs are built by; the view's own name unless it is given.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Rule {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The methods that it answers. GET includes HEAD; OPTIONS is answered automatically.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Rule {
        self.methods = Some(methods.into_iter().collect());
        self
    }

    /// A value for an argument that the path does not name. If another rule of the endpoint names it, the longer
    /// URL with exactly this value is redirected to this one.
    #[must_use]
    pub fn default(mut self, name: impl Into<String>, value: impl ToString) -> Rule {
        self.defaults.push((name.into(), value.to_string()));
        self
    }

    /// Whether `/x` is redirected to a rule `/x/` (the default) or answered by it.
    #[must_use]
    pub fn strict_slashes(mut self, strict: bool) -> Rule {
        self.strict_slashes = Some(strict);
        self
    }

    /// Whether `/a//b` is redirected to a rule `/a/b`; it is by default.
    #[must_use]
    pub fn merge_slashes(mut self, merge: bool) -> Rule {
        self.merge_slashes = Some(merge);
        self
    }

    /// Never matches; only for building URLs, for instance of files that another server delivers.
    #[must_use]
    pub fn build_only(mut self) -> Rule {
        self.build_only = true;
        self
    }

    /// Whether OPTIONS is answered automatically; if not set, the configuration decides
    /// (`PROVIDE_AUTOMATIC_OPTIONS`).
    #[must_use]
    pub fn provide_automatic_options(mut self, provide: bool) -> Rule {
        self.automatic_options = Some(provide);
        self
    }

    /// Gives the rule an option: a value that an extension reads before the view runs, by its type
    /// ([`Context::option`](crate::Context::option)). A rule can have several, of one type too.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    /// use hipflask::security::CsrfExempt;
    ///
    /// let hook = Rule::new("/webhook").methods([POST]).with(CsrfExempt);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with<T: Send + Sync + 'static>(mut self, option: T) -> Rule {
        self.options.push(option);
        self
    }

    pub(crate) fn syntax(&self) -> Result<RuleSyntax, SyntaxError> {
        RuleSyntax::parse(&self.text)
    }

    /// The rule under a blueprint's prefix; an empty rule is the prefix itself.
    pub(crate) fn under(mut self, prefix: &str) -> Rule {
        self.text = match (prefix.trim_end_matches('/'), self.text.as_str()) {
            (_, "") => prefix.to_owned(),
            ("", text) => text.to_owned(),
            (prefix, text) => format!("{prefix}/{}", text.trim_start_matches('/')),
        };
        self
    }
}

/// How a macro identifies a view: its name, for messages, and its place, which no other view shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewId {
    /// The function's name.
    pub name: &'static str,
    /// `file:line:column` of its attribute.
    pub place: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_join_with_one_slash() {
        for (prefix, text, joined) in [
            ("/blog", "/x", "/blog/x"),
            ("/blog/", "/x", "/blog/x"),
            ("/blog", "x", "/blog/x"),
            ("/blog", "", "/blog"),
            ("/blog/", "", "/blog/"),
            ("/blog", "/", "/blog/"),
            ("", "/x", "/x"),
            ("/", "/x", "/x"),
        ] {
            assert_eq!(Rule::new(text).under(prefix).text, joined);
        }
    }
}
