//! A rule of an application, as `rules()` returns it.

use std::fmt;
use std::panic::Location;

use http::Method;

use crate::base::options::Options;
use crate::routing::map::MapRule;

/// A rule of an application, with everything that its blueprints add to it. Werkzeug's `Rule`, as
/// `app.url_map.iter_rules()` gives it; here [`Frozen::rules`](crate::Frozen::rules) does, and
/// [`Freezing::rules`](crate::extension::Freezing::rules) for an extension that checks at the start.
///
/// ```
/// use hipflask::prelude::*;
///
/// /// What a view is for, in a list for people.
/// struct Summary(&'static str);
///
/// #[get("/<int:id>", with = Summary("one post"))]
/// async fn show(id: i64) -> String {
///     id.to_string()
/// }
///
/// let blog = Blueprint::new("blog").url_prefix("/blog").routes(routes![show]);
/// let app = App::new("doc", ".").reads_option::<Summary>().register_blueprint(blog).freeze()?;
/// let rule = app.rules().find(|rule| rule.endpoint() == "blog.show").expect("it was registered");
/// assert_eq!((rule.text(), rule.blueprint()), ("/blog/<int:id>", Some("blog")));
/// assert_eq!(rule.arguments().collect::<Vec<_>>(), ["id"]);
/// assert_eq!(rule.methods().map(|method| method.as_str()).collect::<Vec<_>>(), ["GET", "HEAD", "OPTIONS"]);
/// assert_eq!(rule.option::<Summary>().map(|summary| summary.0), Some("one post"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct UrlRule<'a> {
    pub(super) rule: &'a MapRule,
    pub(super) blueprint: Option<&'a str>,
    pub(super) options: &'a Options,
}

impl<'a> UrlRule<'a> {
    /// The rule as it is matched, its prefixes included: `/blog/<int:id>`. Werkzeug's `rule.rule`.
    pub fn text(&self) -> &'a str {
        &self.rule.text
    }

    /// The name that URLs are built by: `blog.show`.
    pub fn endpoint(&self) -> &'a str {
        &self.rule.endpoint
    }

    /// The methods that it answers, including those that are implied, as HEAD is by GET.
    pub fn methods(&self) -> impl Iterator<Item = &'a Method> + use<'a> {
        self.rule.methods.iter()
    }

    /// The names of its variables, then of its defaults.
    pub fn arguments(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.rule.arguments()
    }

    /// The blueprint that it belongs to, with those around it: `site.blog`.
    pub fn blueprint(&self) -> Option<&'a str> {
        self.blueprint
    }

    /// The subdomain that it is for; `None` if the application does not look at subdomains.
    pub fn subdomain(&self) -> Option<&'a str> {
        self.rule.subdomain()
    }

    /// The host that it is for; `None` if the application does not look at hosts.
    pub fn host(&self) -> Option<&'a str> {
        self.rule.host()
    }

    /// Whether it is for WebSockets alone.
    pub fn is_websocket(&self) -> bool {
        self.rule.websocket
    }

    /// Whether it only redirects to another rule of its endpoint.
    pub fn is_alias(&self) -> bool {
        self.rule.alias
    }

    /// Whether it only builds URLs.
    pub fn is_build_only(&self) -> bool {
        self.rule.build_only
    }

    /// The line that made it.
    pub fn location(&self) -> &'static Location<'static> {
        self.rule.location
    }

    /// The innermost option of type `T`: the rule's, or else a blueprint's, or else the application's.
    pub fn option<T: 'static>(&self) -> Option<&'a T> {
        self.options.innermost()
    }

    /// Every option of type `T`, from the outside in.
    pub fn options<T: 'static>(&self) -> impl DoubleEndedIterator<Item = &'a T> + use<'a, T> {
        self.options.all()
    }
}

impl fmt::Debug for UrlRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlRule")
            .field("text", &self.text())
            .field("endpoint", &self.endpoint())
            .field("options", self.options)
            .finish_non_exhaustive()
    }
}
