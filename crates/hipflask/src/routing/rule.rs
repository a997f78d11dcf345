//! One URL rule: its path, and how it is matched.

use std::panic::Location;
use std::sync::Arc;

use hipflask_rule::{Piece, RuleSyntax, SyntaxError};
use http::Method;

use crate::base::options::Options;
use crate::routing::redirect::RedirectTo;
use crate::routing::view_args::ViewArgs;

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
    pub(crate) subdomain: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) websocket: bool,
    pub(crate) alias: bool,
    pub(crate) redirect_to: Option<RedirectTo>,
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
            subdomain: None,
            host: None,
            websocket: false,
            alias: false,
            redirect_to: None,
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

    /// The subdomain that it is for, below `SERVER_NAME`; it may have variables: `<user>`. The application says
    /// [`subdomain_matching`](crate::App::subdomain_matching) then. A rule of a blueprint has the blueprint's unless it
    /// has its own.
    #[must_use]
    pub fn subdomain(mut self, subdomain: impl Into<String>) -> Rule {
        self.subdomain = Some(subdomain.into());
        self
    }

    /// The whole host that it is for, with its port unless that is the scheme's own; it may have variables. The
    /// application says [`host_matching`](crate::App::host_matching) then.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Rule {
        self.host = Some(host.into());
        self
    }

    /// Matches only requests for a WebSocket, and its URLs begin with `ws://` or `wss://`. Without it, a rule matches
    /// only requests that are not for a WebSocket. A request of the other kind is answered with 400.
    #[must_use]
    pub fn websocket(mut self, websocket: bool) -> Rule {
        self.websocket = websocket;
        self
    }

    /// Another path of its endpoint: it is redirected to the URL that another rule of the endpoint builds.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".")
    ///     .add_url_rule(Rule::new("/users/").endpoint("users"), async || "users")
    ///     .add_rule(Rule::new("/users/index.html").endpoint("users").alias(true));
    /// let response = app.test_client().get("/users/index.html").send_blocking();
    /// assert_eq!((response.status().as_u16(), response.header("location")), (308, Some("http://localhost/users/")));
    /// ```
    #[must_use]
    pub fn alias(mut self, alias: bool) -> Rule {
        self.alias = alias;
        self
    }

    /// Redirects to `target`, in which `<name>` stands for a value of the path: to a path if it begins with a slash, to
    /// one below the application's root otherwise, or to an address with a scheme. The query is not kept.
    ///
    /// A value fills in its place and does not decide to which site it leads.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".").add_rule(Rule::new("/p/<int:id>").redirect_to("/posts/<id>"));
    /// let response = app.test_client().get("/p/7").send_blocking();
    /// assert_eq!((response.status().as_u16(), response.header("location")), (308, Some("http://localhost/posts/7")));
    /// ```
    #[must_use]
    pub fn redirect_to(mut self, target: impl Into<String>) -> Rule {
        self.redirect_to = Some(RedirectTo::Text(target.into()));
        self
    }

    /// [`redirect_to`](Rule::redirect_to) with a function, which is given the values of the path. What it returns is
    /// trusted, as by [`redirect`](crate::redirect).
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let old = Rule::new("/archive/<int:year>").redirect_with(|args| {
    ///     let year = args.text("year").unwrap_or_default();
    ///     format!("https://archive.example/{year}/")
    /// });
    /// let response = App::new("doc", ".").add_rule(old).test_client().get("/archive/2009").send_blocking();
    /// assert_eq!(response.header("location"), Some("https://archive.example/2009/"));
    /// ```
    #[must_use]
    pub fn redirect_with(mut self, target: impl Fn(&ViewArgs) -> String + Send + Sync + 'static) -> Rule {
        self.redirect_to = Some(RedirectTo::Function(Arc::new(target)));
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
    pub fn build_only(mut self, build_only: bool) -> Rule {
        self.build_only = build_only;
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

    /// The parsed rule; with `merge_slashes`, a run of slashes in it is one.
    pub(super) fn syntax(&self, merge_slashes: bool) -> Result<RuleSyntax, SyntaxError> {
        let mut syntax = RuleSyntax::parse(&self.text)?;
        for piece in &mut syntax.pieces {
            if let Piece::Static(text) = piece
                && merge_slashes
            {
                *text = merged(text);
            }
        }
        Ok(syntax)
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

/// The text with every run of slashes reduced to one.
pub(super) fn merged(text: &str) -> String {
    let mut merged = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    merged
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
