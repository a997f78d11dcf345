//! Requests that an application makes to itself while it answers another one.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use serde::Serialize;

use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::dispatch::respond_in;
use crate::handler::BoxFuture;
use crate::handler::redirect::Location;
use crate::http::json;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::url::{iri_to_uri, push_query, quote};

/// How deep requests may be in each other.
const MOST_DEEP: u8 = 8;

impl Context {
    /// A request to the same application, within this one and without a network: one page made of others, a batch of
    /// calls of an API. `target` is a path of the application, perhaps with a query, or a view by
    /// [`url_for!`](crate::url_for).
    ///
    /// It is a request like any other: what is wrapped around the application, hooks, error handlers and teardown
    /// functions run for it, with a context of its own; a status like 404 is a response and not an error. It comes from
    /// the same client, over the same scheme and to the same host, and has the same [id](Context::request_id); it
    /// counts as one of the application's own pages, so it needs no token against cross-site forgery. It has none of the
    /// other headers. [`as_client`](InnerRequest::as_client) gives it cookies and the session.
    ///
    /// It ends when the body of its response was read or dropped. Then `on_finished` functions are told
    /// ([`Finished::is_within`](crate::extension::Finished::is_within)) and its work after the response begins; the access
    /// log has no line of it.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/users/<int:id>")]
    /// async fn user(id: i64) -> Json<i64> {
    ///     Json(id)
    /// }
    ///
    /// #[get("/both")]
    /// async fn both(ctx: &mut Context) -> Result<String> {
    ///     let one = ctx.request_to(GET, url_for!(user, id = 1)).send().await?;
    ///     let two = ctx.request_to(GET, "/users/2").send().await?;
    ///     Ok(format!("{} {}", one.json::<i64>()?, two.json::<i64>()?))
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![user, both]).test_client();
    /// assert_eq!(client.get("/both").send_blocking().text(), "1 2");
    /// ```
    pub fn request_to(&mut self, method: Method, target: impl Into<Location>) -> InnerRequest<'_> {
        let request = self.inner_request(method, target.into());
        InnerRequest { ctx: self, request, is_as_client: false }
    }

    fn inner_request(&self, method: Method, target: Location) -> Result<Request> {
        let mut request = self.request().without_body();
        let host = if self.has_request() {
            request.headers().get(header::HOST).cloned()
        } else {
            self.config().find::<String>("SERVER_NAME")?.map(HeaderValue::try_from).transpose()?
        };
        if !self.request().is_local()
            && let Some(address) = request.remote_addr()
        {
            // What shows that a proxy has passed the request on is not among its headers any more.
            request.set_remote_addr(address);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        *request.headers_mut() = headers;
        request.set_method(method);
        match target {
            Location::Address(path) => request.set_own_target(&iri_to_uri(&path))?,
            Location::View(url) => self.lead_to_view(&mut request, &self.url_for(url)?)?,
        }
        Ok(request)
    }

    /// A view's URL has what mounts and proxies took off in front, and the host where that is another one.
    fn lead_to_view(&self, request: &mut Request, url: &str) -> Result<()> {
        let uri: Uri = url.parse()?;
        if let Some(authority) = uri.authority() {
            request.set_host(authority.as_str())?;
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let root = quote(request.root_path(), b"!$&'()*+,/:;=@");
        request.set_own_target(target.strip_prefix(&*root).filter(|own| own.starts_with('/')).unwrap_or(target))
    }
}

/// A request that an application makes to itself, made by [`Context::request_to`], to be completed and sent.
#[must_use = "a request does nothing until it is sent"]
pub struct InnerRequest<'a> {
    ctx: &'a mut Context,
    /// The first mistake is told when it would be sent.
    request: Result<Request>,
    is_as_client: bool,
}

impl InnerRequest<'_> {
    fn with(mut self, change: impl FnOnce(&mut Request) -> Result<()>) -> Self {
        self.request = self.request.and_then(|mut request| change(&mut request).map(|()| request));
        self
    }

    /// Sets a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|request| {
            request.headers_mut().insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
            Ok(())
        })
    }

    /// Adds pairs to the query.
    pub fn query<K: AsRef<str>, V: ToString>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.with(|request| {
            let mut query = request.query_string().to_owned();
            pairs.into_iter().for_each(|(key, value)| push_query(&mut query, key.as_ref(), &value.to_string()));
            let target = format!("{}?{query}", request.uri().path());
            request.set_target(&target)
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        let body: Bytes = body.into();
        self.with(|request| {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            *request.body_mut() = body.into();
            Ok(())
        })
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match json::dumps(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => self.with(|_| Err(error.into())),
        }
    }

    /// Sends a form without files.
    pub fn form<K: AsRef<str>, V: ToString>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut body = String::new();
        pairs.into_iter().for_each(|(key, value)| push_query(&mut body, key.as_ref(), &value.to_string()));
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Sends it as the client of the request around it: with its cookies, and with the session as it is now. The session is
    /// the same one, and is saved once, by the request around it; a cookie that the response sets is set by that one's
    /// answer, and is no longer in the response.
    ///
    /// Otherwise it has neither, and what the response sets stays in its headers: a view that returns the response passes
    /// it on.
    pub fn as_client(mut self) -> Self {
        self.is_as_client = true;
        self
    }

    /// Sends it, and gives the response. Its body may still be on its way: a view can return it as it is.
    ///
    /// # Errors
    ///
    /// If the target, a header or the body is not one that a request can have; if it is the ninth request within another;
    /// for [`as_client`](InnerRequest::as_client) where there is no client whose answer is still to come.
    pub fn send<'a>(self) -> BoxFuture<'a, Result<Response>>
    where
        Self: 'a,
    {
        Box::pin(self.send_now())
    }

    async fn send_now(self) -> Result<Response> {
        let InnerRequest { ctx, request, is_as_client } = self;
        let mut request = request?;
        if ctx.depth() >= MOST_DEEP {
            let told = format!("{MOST_DEEP} requests are within each other; does `{}` ask for itself?", request.path());
            return Err(Error::msg(told));
        }
        if is_as_client {
            hand_over_cookies(ctx, &mut request)?;
        }
        let mut inner = Context::new(ctx.app().clone(), Box::new(request));
        inner.enter_within(ctx);
        if is_as_client {
            inner.share_session(ctx.open_session().await?.clone());
        }
        let (mut response, ending) = respond_in(inner).await;
        response.settle_headers();
        if is_as_client && let header::Entry::Occupied(cookies) = response.headers_mut().entry(header::SET_COOKIE) {
            ctx.keep_cookies(cookies.remove_entry_mult().1);
        }
        Ok(ending.follow(response))
    }
}

fn hand_over_cookies(ctx: &Context, request: &mut Request) -> Result<()> {
    if !ctx.has_request() || ctx.is_answered() {
        return Err(Error::msg("there is no client here whose answer is still to come; send it without `as_client`"));
    }
    for cookies in ctx.request().headers().get_all(header::COOKIE) {
        request.headers_mut().append(header::COOKIE, cookies.clone());
    }
    Ok(())
}

impl fmt::Debug for InnerRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("InnerRequest");
        match &self.request {
            Ok(request) => debug.field("method", request.method()).field("path", &request.path()),
            Err(error) => debug.field("error", error),
        };
        debug.finish_non_exhaustive()
    }
}
