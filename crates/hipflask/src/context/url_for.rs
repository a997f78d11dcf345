//! URLs by the name of a view, and redirects: values that describe, resolved when the request is known.

use std::any::Any;
use std::fmt::Display;

use http::{HeaderValue, Method, StatusCode, header};

use crate::base::error::{Error, IntoStatus, Result};
use crate::base::html::escape_into;
use crate::context::Context;
use crate::handler::BoxFuture;
use crate::http::peer::Scheme;
use crate::http::response::{IntoResponse, Response};
use crate::http::url::{ANCHOR_SAFE, iri_to_uri, quote};
use crate::routing::build::BuildError;
use crate::routing::rule::ViewId;
use crate::routing::view_args::{FromPath, ViewArgs};

/// A value inside a response that takes the request to be finished.
pub(crate) trait Resolve: Send {
    fn resolve(self: Box<Self>, ctx: &mut Context) -> Resolved<'_>;

    /// The view gives the response a status of its own: a page for a 404 is not answered with half of itself
    /// (RFC 9110 §13.2.1).
    fn with_own_status(&mut self) {}
}

/// A finished response, or a future of one.
pub(crate) enum Resolved<'a> {
    Ready(Result<Response>),
    Later(BoxFuture<'a, Result<Response>>),
}

/// A response that `value` completes once the dispatcher has the context at hand.
pub(crate) fn defer(value: impl Resolve + 'static) -> Response {
    let value: Box<dyn Resolve> = Box::new(value);
    Response::deferred(Box::new(value) as Box<dyn Any + Send>)
}

/// Completes `response`, if it waits for that. A status and headers that were put around it stay.
pub(crate) async fn resolve(mut response: Response, ctx: &mut Context) -> Result<Response> {
    let Some(deferred) = response.take_deferred() else { return Ok(response) };
    let mut deferred: Box<Box<dyn Resolve>> = deferred.downcast().expect("only `defer` seals a value into a response");
    if response.status() != StatusCode::OK {
        deferred.with_own_status();
    }
    let mut resolved = match deferred.resolve(ctx) {
        Resolved::Ready(resolved) => resolved?,
        Resolved::Later(resolved) => resolved.await?,
    };
    if response.status() != StatusCode::OK {
        *resolved.status_mut() = response.status();
    }
    resolved.headers_mut().extend(std::mem::take(response.headers_mut()));
    Ok(resolved)
}

/// A URL that is known by the view it leads to, made by [`url_for!`](crate::url_for). Flask's `url_for`.
///
/// It is a description: the running application turns it into text when the request is known, so that
/// prefixes, nesting and mounts are right. [`redirect`] takes it as it is; [`Context::url_for`] gives the text,
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
        let mut url = match self.external {
            true => self.origin(ctx)?,
            false => String::new(),
        };
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

/// Where a [`redirect`] leads.
#[derive(Clone, Debug)]
pub enum Location {
    /// An address as it is.
    Address(String),
    /// A view's.
    View(UrlFor),
}

impl From<&str> for Location {
    fn from(address: &str) -> Location {
        Location::Address(address.to_owned())
    }
}

impl From<String> for Location {
    fn from(address: String) -> Location {
        Location::Address(address)
    }
}

impl From<UrlFor> for Location {
    fn from(url: UrlFor) -> Location {
        Location::View(url)
    }
}

/// Sends the browser to another address, with 303 (See Other) unless told otherwise. Flask's `redirect`.
///
/// It trusts its argument: for an address that a client gave, ask
/// [`is_safe_redirect`](crate::http::is_safe_redirect) first.
///
/// ```
/// use hipflask::prelude::*;
///
/// let response = redirect("/login").code(302).into_response()?;
/// assert_eq!(response.headers()["location"], "/login");
/// # Ok::<(), Error>(())
/// ```
pub fn redirect(location: impl Into<Location>) -> Redirect {
    Redirect { location: location.into(), code: StatusCode::SEE_OTHER }
}

/// A redirect, made by [`redirect`].
#[derive(Clone, Debug)]
#[must_use = "a `Redirect` does nothing until it is returned"]
pub struct Redirect {
    location: Location,
    code: StatusCode,
}

impl Redirect {
    /// With another status: 301, 302, 307 or 308.
    ///
    /// # Panics
    ///
    /// If `code` is not a status of a redirect.
    #[track_caller]
    pub fn code(mut self, code: impl IntoStatus) -> Redirect {
        self.code = code.into_status();
        match self.code.is_redirection() {
            true => self,
            false => crate::base::panics::misuse(format_args!(
                "`{}` is not a status of a redirect; give 301, 302, 303, 307 or 308",
                self.code
            )),
        }
    }
}

#[diagnostic::do_not_recommend]
impl IntoResponse for Redirect {
    fn into_response(self) -> Result<Response> {
        match self.location {
            Location::Address(address) => redirect_response(&address, self.code),
            Location::View(_) => Ok(defer(self)),
        }
    }
}

impl Resolve for Redirect {
    fn resolve(self: Box<Self>, ctx: &mut Context) -> Resolved<'_> {
        let address = match self.location {
            Location::Address(address) => Ok(address),
            Location::View(url) => url.resolve(ctx),
        };
        Resolved::Ready(address.and_then(|address| redirect_response(&address, self.code)))
    }
}

/// The response of a redirect: a header for the browser and a link for whoever reads the body.
pub(crate) fn redirect_response(address: &str, code: StatusCode) -> Result<Response> {
    let uri = iri_to_uri(address);
    let mut body = String::from(
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n<p>The page is at <a href=\"",
    );
    escape_into(&mut body, &uri);
    body.push_str("\">");
    escape_into(&mut body, address);
    body.push_str("</a>.</p>\n");
    let mut response = Response::new(crate::base::html::Html::new(body)).with_status(code);
    let location =
        HeaderValue::from_str(&uri).map_err(|_| Error::msg("the address of a redirect cannot be in a header"))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_ascii_and_its_link_escaped() {
        let response = redirect("/é?a=\"<b>").into_response().expect("valid");
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()["location"], "/%C3%A9?a=%22%3Cb%3E");
        let body = String::from_utf8(response.body().as_bytes().expect("full").to_vec()).expect("utf-8");
        assert!(body.contains("&#34;&lt;b&gt;</a>"), "{body}");
        assert!(
            redirect("/a\r\nset-cookie: x").into_response().expect("quoted").headers()["location"].to_str().is_ok()
        );
    }
}
