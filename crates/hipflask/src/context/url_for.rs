//! URLs by the name of a view: values that describe, resolved when the request is known.

use std::fmt::Display;

use http::Method;

use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::http::request::Scheme;
use crate::http::url::{ANCHOR_SAFE, quote};
use crate::routing::build::BuildError;
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
    external: bool,
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
        UrlFor { target, values: Vec::new(), anchor: None, external: false, scheme: None, method: None }
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

    /// What follows the `#`.
    pub fn anchor(mut self, anchor: impl Into<String>) -> UrlFor {
        self.anchor = Some(anchor.into());
        self
    }

    /// With scheme and host.
    pub fn external(mut self) -> UrlFor {
        self.external = true;
        self
    }

    /// With this scheme, and the host; an empty scheme gives `//host/…`.
    pub fn scheme(mut self, scheme: impl Into<String>) -> UrlFor {
        self.scheme = Some(scheme.into());
        self.external()
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
        app.inject_url_defaults(ctx, &endpoint, &mut self.values)?;
        let path = match app.map().build(&endpoint, &self.values, self.method.as_ref()) {
            Ok(path) => path,
            Err(error) => app.handle_url_build_error(error, &endpoint, &self.values)?,
        };
        let root = quote(ctx.request().root_path(), crate::http::url::PATH_SAFE);
        let mut url = if self.external { self.origin(ctx)? } else { String::new() };
        url.push_str(&root);
        url.push_str(&path);
        if let Some(anchor) = &self.anchor {
            url.push('#');
            url.push_str(&quote(anchor, ANCHOR_SAFE));
        }
        Ok(url)
    }

    fn endpoint_name(&self, ctx: &Context) -> Result<String> {
        match &self.target {
            Target::Endpoint(name) => Ok(match (name.strip_prefix('.'), ctx.blueprint()) {
                (Some(name), Some(blueprint)) => format!("{blueprint}.{name}"),
                (Some(name), None) => name.to_owned(),
                (None, _) => name.clone(),
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

    /// `scheme://host`, from the request or, outside of one, from `SERVER_NAME`.
    fn origin(&self, ctx: &Context) -> Result<String> {
        let request = ctx.request();
        let (scheme, host) = match request.host() {
            "" => {
                let host: Option<String> = ctx.config().find("SERVER_NAME")?;
                let host = host.ok_or_else(|| {
                    Error::msg(
                        "a URL with a host cannot be built outside of a request unless `SERVER_NAME` is configured",
                    )
                })?;
                (ctx.config().get::<String>("PREFERRED_URL_SCHEME")?, host)
            }
            host => (request.scheme().as_str().to_owned(), host.to_owned()),
        };
        Ok(match self.scheme.as_deref() {
            Some("") => format!("//{host}"),
            Some(scheme) => format!("{scheme}://{host}"),
            None => format!("{scheme}://{host}"),
        })
    }
}

impl From<&str> for UrlFor {
    fn from(endpoint: &str) -> UrlFor {
        UrlFor::endpoint(endpoint)
    }
}

/// The absolute address of `path` on the host of the request; what routing redirects to.
pub(crate) fn absolute(ctx: &Context, path: &str) -> String {
    let request = ctx.request();
    let mut address = match (request.host(), request.scheme()) {
        ("", _) => String::new(),
        (host, Scheme::Http) => format!("http://{host}"),
        (host, Scheme::Https) => format!("https://{host}"),
    };
    address.push_str(&quote(request.root_path(), crate::http::url::PATH_SAFE));
    // Without a host the path must not begin with two slashes: a browser would read a host into it.
    let path = if address.is_empty() { format!("/{}", path.trim_start_matches('/')) } else { path.to_owned() };
    address.push_str(&path);
    address
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
    /// The URL for a view ([`url_for!`](crate::url_for)) or an endpoint's name, relative to this request.
    ///
    /// # Errors
    ///
    /// A [`BuildError`](crate::routing::BuildError) if there is no such endpoint or a value is missing.
    #[track_caller]
    pub fn url_for(&self, target: impl Into<UrlFor>) -> Result<String> {
        target.into().resolve(self)
    }
}
