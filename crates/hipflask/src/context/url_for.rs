//! URLs by the name of a view: values that describe, resolved when the request is known.

use std::fmt::Display;

use http::Method;

use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::http::url::{ANCHOR_SAFE, quote};
use crate::routing::adapter::MapAdapter;
use crate::routing::build::{BuildError, WantedUrl};
use crate::routing::rule::ViewId;
use crate::routing::view_args::{FromPath, ViewArgs};

/// A URL that is known by the view it leads to, made by [`url_for!`](crate::url_for). Flask's `url_for`.
///
/// It is a description: the running application turns it into text when the request is known, so that
/// prefixes, nesting and mounts are right. [`redirect`](crate::redirect) takes it as it is; [`Context::url_for`] gives the text,
/// for a template's values for instance. A template itself has `url_for('blog.show', id=7)`.
///
/// ```
/// use hipflask::Context;
/// use hipflask::prelude::*;
///
/// #[get("/posts/<int:id>")]
/// async fn show(id: i64) -> String {
///     format!("post {id}")
/// }
///
/// #[get("/")]
/// async fn index(ctx: &mut Context) -> Result<String> {
///     ctx.url_for(url_for!(show, id = 7).query("tab", "comments").anchor("last"))
/// }
///
/// let app = App::new("doc", ".").register_blueprint(Blueprint::new("blog").url_prefix("/blog").routes(routes![show, index]));
/// assert_eq!(app.test_client().get("/blog/").send_blocking().text(), "/blog/posts/7?tab=comments#last");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a `UrlFor` only describes a URL; give it to `redirect` or `Context::url_for`"]
pub struct UrlFor {
    target: Target,
    values: Vec<(String, String)>,
    anchor: Option<String>,
    external: Option<bool>,
    scheme: Option<String>,
    method: Option<Method>,
}

#[derive(Clone, Debug)]
enum Target {
    /// `blog.show`, or `.show` for one of the same blueprint.
    Endpoint(String),
    View(ViewId),
}

impl UrlFor {
    /// The URL of an endpoint by name: `blog.show`, or `.show` for one of the current blueprint.
    pub fn endpoint(endpoint: impl Into<String>) -> UrlFor {
        UrlFor::new(Target::Endpoint(endpoint.into()))
    }

    /// The URL of a view that a macro has described.
    pub fn view(view: ViewId) -> UrlFor {
        UrlFor::new(Target::View(view))
    }

    fn new(target: Target) -> UrlFor {
        UrlFor { target, values: Vec::new(), anchor: None, external: None, scheme: None, method: None }
    }

    /// A value for a variable of the rule; what the rule does not name goes into the query.
    pub fn value(mut self, name: impl Into<String>, value: impl ToString) -> UrlFor {
        self.values.push((name.into(), value.to_string()));
        self
    }

    /// A pair for the query.
    pub fn query(self, name: impl Into<String>, value: impl ToString) -> UrlFor {
        self.value(name, value)
    }

    /// As many values of one name as there are: none of an `Option` that is `None`, one for each item of a list.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::helpers::UrlFor;
    /// use hipflask::prelude::*;
    ///
    /// async fn list(ctx: &mut Context) -> Result<String> {
    ///     let (page, sort): (Option<u32>, Option<&str>) = (Some(2), None);
    ///     ctx.url_for(UrlFor::endpoint("list").values("page", page).values("sort", sort).values("tag", ["a", "b"]))
    /// }
    ///
    /// let app = App::new("doc", ".").add_url_rule(Rule::new("/").endpoint("list"), list);
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "/?page=2&tag=a&tag=b");
    /// ```
    pub fn values<V: ToString>(mut self, name: impl Into<String>, values: impl IntoIterator<Item = V>) -> UrlFor {
        let name = name.into();
        self.values.extend(values.into_iter().map(|value| (name.clone(), value.to_string())));
        self
    }

    /// What follows the `#`.
    pub fn anchor(mut self, anchor: impl Into<String>) -> UrlFor {
        self.anchor = Some(anchor.into());
        self
    }

    /// With scheme and host, as it is by default outside of a request: in a mail that a command sends.
    pub fn external(mut self) -> UrlFor {
        self.external = Some(true);
        self
    }

    /// Without scheme and host, unless it leads to another one. So it is by default in a request. Flask's
    /// `_external=False`.
    pub fn relative(mut self) -> UrlFor {
        self.external = Some(false);
        self
    }

    /// With this scheme, and the host: `https`, or `http` for any other; an empty one gives `//host/…`.
    pub fn scheme(mut self, scheme: impl Into<String>) -> UrlFor {
        self.scheme = Some(scheme.into());
        self
    }

    /// For this method, where the view has several rules.
    pub fn method(mut self, method: Method) -> UrlFor {
        self.method = Some(method);
        self
    }

    /// The text.
    pub(crate) fn resolve(mut self, ctx: &Context) -> Result<String> {
        let app = ctx.app();
        let endpoint = self.endpoint_name(ctx)?;
        let adapter = ctx.url_adapter()?;
        let external = self.external.unwrap_or_else(|| self.scheme.is_some() || !ctx.has_request());
        if self.scheme.is_some() && !external {
            // It would look as if the link were encrypted.
            let problem = "a URL with a scheme cannot be relative; leave out `scheme`, or `relative`";
            return Err(BuildError::new(&endpoint, problem).into());
        }
        app.inject_url_defaults(ctx, &endpoint, &mut self.values)?;
        let UrlFor { values, anchor, scheme, method, .. } = self;
        let wanted = WantedUrl { endpoint, values, anchor, method, scheme, external };
        let mut url = match adapter.build_url(&wanted) {
            Ok(url) => url,
            Err(error) => return app.handle_url_build_error(error, &wanted),
        };
        if let Some(anchor) = &wanted.anchor {
            url.push('#');
            url.push_str(&quote(anchor, ANCHOR_SAFE));
        }
        Ok(url)
    }

    fn endpoint_name(&self, ctx: &Context) -> Result<String> {
        match &self.target {
            Target::Endpoint(name) => Ok(match (name.strip_prefix('.'), ctx.blueprint()) {
                (Some(name), Some(blueprint)) => format!("{blueprint}.{name}"),
                (Some(name), None) if ctx.has_request() => name.to_owned(),
                _ => name.clone(),
            }),
            Target::View(view) => match ctx.app().endpoint_of_view(view, ctx.blueprint()) {
                Some(endpoint) => Ok(endpoint.to_owned()),
                None => Err(BuildError::new(
                    view.name,
                    format!("the view ({}) is not registered in this application; list it in `routes![]`", view.place),
                )
                .into()),
            },
        }
    }
}

impl From<&str> for UrlFor {
    fn from(endpoint: &str) -> UrlFor {
        UrlFor::endpoint(endpoint)
    }
}

/// What an argument named like a rule's variable can be: the macros read it from the path, and write it into
/// the URLs of `url_for!`. It is implemented for everything that is [`FromPath`] and has a `Display`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of the path",
    label = "not a value of the path",
    note = "a value of the path is a `String`, a number, `bool`, or a type of your own that implements `hipflask::routing::FromPath` (how it is read) and `Display` (how `url_for!` writes it)",
    note = "for a part that may be missing give the view two rules, one with `defaults(..)`"
)]
pub trait PathValue: Sized {
    /// [`ViewArgs::get`].
    ///
    /// # Errors
    ///
    /// Those of [`ViewArgs::get`].
    fn from_args(args: &ViewArgs, name: &str) -> Result<Self>;

    /// [`UrlFor::value`].
    fn into_url(self, url: UrlFor, name: &str) -> UrlFor;
}

#[diagnostic::do_not_recommend]
impl<T: FromPath + Display> PathValue for T {
    #[track_caller]
    fn from_args(args: &ViewArgs, name: &str) -> Result<T> {
        args.get(name)
    }

    fn into_url(self, url: UrlFor, name: &str) -> UrlFor {
        url.value(name, self)
    }
}

impl Context {
    /// The URL for a view ([`url_for!`](crate::url_for)) or an endpoint's name, relative to this request. Outside of a
    /// request it has scheme and host.
    ///
    /// # Errors
    ///
    /// A [`BuildError`](crate::routing::BuildError) if there is no such endpoint or a value is missing. Outside of a
    /// request also if `SERVER_NAME` is not configured.
    #[track_caller]
    pub fn url_for(&self, target: impl Into<UrlFor>) -> Result<String> {
        target.into().resolve(self)
    }

    /// The rules of the application as this request sees them. Flask's `url_adapter` of a context.
    ///
    /// # Errors
    ///
    /// Outside of a request, if `SERVER_NAME` is not configured.
    pub fn url_adapter(&self) -> Result<MapAdapter<'_>> {
        let map = self.app().map();
        if self.has_request() {
            return Ok(MapAdapter::of_request(map, self.request()));
        }
        MapAdapter::outside(map).ok_or_else(|| {
            Error::msg(
                "a URL cannot be built outside of a request unless `SERVER_NAME` is configured, and with it \
                 `APPLICATION_ROOT` and `PREFERRED_URL_SCHEME` if they are not `/` and `http`",
            )
        })
    }
}
