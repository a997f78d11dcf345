//! What can answer a request, and one type for all of it.

use std::fmt;

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use crate::base::error::{IntoStatus, Result};
use crate::context::Context;
use crate::handler::Answer;
use crate::http::cookie::Cookie;
use crate::http::response::{Response, cookie_header, header_pair};

/// What a view can return: text (`text/plain`), [`Html`](crate::Html), [`Json`](crate::Json), a [`Template`](crate::Template), a
/// [`redirect`](crate::redirect), a [`File`](crate::helpers::File), bytes, a status, an
/// [`HttpError`](crate::HttpError), a [`Response`], an `http::Response`, and pairs of a status or headers with any of
/// them.
///
/// Implement it for a type of your own whose response depends on the request:
///
/// ```
/// use hipflask::extension::Answer;
/// use hipflask::helpers::Respond;
/// use hipflask::prelude::*;
///
/// /// A page for browsers, JSON for programs.
/// struct Greeting(&'static str);
///
/// impl Respond for Greeting {
///     fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
///         if ctx.request().accept().prefers_json() {
///             return Json(self.0).respond(ctx);
///         }
///         html!("<h1>{}</h1>", self.0).respond(ctx)
///     }
/// }
///
/// #[get("/")]
/// async fn index() -> (Status, Greeting) {
///     (Status::ACCEPTED, Greeting("hello"))
/// }
///
/// let client = App::new("doc", ".").routes(routes![index]).test_client();
/// assert_eq!(client.get("/").send_blocking().text(), "<h1>hello</h1>");
/// let response = client.get("/").header("accept", "application/json").send_blocking();
/// assert_eq!((response.status().as_u16(), response.text()), (202, "\"hello\"\n".into()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a response",
    label = "a view cannot return this",
    note = "return `&'static str` or `String` for plain text, `Html` (by `html!`) for HTML, `Template` (by `render_template!`), `Json(value)`, `redirect(..)`, `Response`, or a `Result` of one of them"
)]
pub trait Respond: Sized {
    /// Makes the response to the request in `ctx`. Flask's `make_response`.
    ///
    /// The application calls it once for what a view returns. Call it yourself where you need the finished response:
    /// `let response = render_template!("page.html").respond(ctx).await?;`
    ///
    /// # Errors
    ///
    /// If the value cannot be sent: a header that would split the response, a value that JSON cannot express, a
    /// template that fails, an endpoint that does not exist.
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response>;

    /// Tells the value that its response gets another status than 200, so that it must not answer with 304 or 206 of
    /// its own accord (RFC 9110 §13.2.1).
    fn with_other_status(self) -> Self {
        self
    }

    /// The value as a [`Reply`], the one type for views whose branches return different ones.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/<name>")]
    /// async fn greet(name: String) -> Reply {
    ///     if name == "me" {
    ///         return redirect("/you").into_reply();
    ///     }
    ///     html!("<h1>Hello, {name}!</h1>").into_reply()
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![greet]).test_client();
    /// assert_eq!(client.get("/me").send_blocking().status(), 303);
    /// ```
    fn into_reply(self) -> Reply
    where
        Self: Send + 'static,
    {
        Reply::new(self)
    }
}

/// Whatever answers a request: what a view returns whose branches have different types. It is made by
/// [`into_reply`](Respond::into_reply), and becomes a [`Response`] once the view has returned it. A status, headers and
/// cookies can be added before that.
///
/// As an error it leaves a view at any place, and no error handler sees it: Flask's `abort(response)`.
///
/// ```
/// use hipflask::http::Cookie;
/// use hipflask::prelude::*;
///
/// #[get("/<theme>")]
/// async fn choose(theme: String) -> Result<Reply> {
///     if theme == "default" {
///         return Err(redirect("/").into_reply().into());
///     }
///     let mut reply = html!("<p>{theme} it is.</p>").into_reply();
///     reply.set_cookie(&Cookie::new("theme", theme))?;
///     Ok(reply)
/// }
///
/// let client = App::new("doc", ".").routes(routes![choose]).test_client();
/// assert_eq!(client.get("/default").send_blocking().status(), 303);
/// client.get("/dark").send_blocking();
/// assert_eq!(client.cookie("theme").as_deref(), Some("dark"));
/// ```
#[must_use = "a `Reply` does nothing until it is returned"]
pub struct Reply {
    value: Box<dyn Erased>,
    status: Option<StatusCode>,
    /// Whether the response gets another status than 200, here or outside.
    has_other_status: bool,
    headers: HeaderMap,
}

trait Erased: Send {
    fn respond(self: Box<Self>, ctx: &mut Context) -> Answer<'_, Response>;

    fn respond_with_other_status(self: Box<Self>, ctx: &mut Context) -> Answer<'_, Response>;
}

impl<R: Respond + Send> Erased for R {
    fn respond(self: Box<Self>, ctx: &mut Context) -> Answer<'_, Response> {
        R::respond(*self, ctx)
    }

    fn respond_with_other_status(self: Box<Self>, ctx: &mut Context) -> Answer<'_, Response> {
        R::respond(self.with_other_status(), ctx)
    }
}

impl Reply {
    pub(crate) fn new(value: impl Respond + Send + 'static) -> Reply {
        Reply { value: Box::new(value), status: None, has_other_status: false, headers: HeaderMap::new() }
    }

    /// The same with another status.
    ///
    /// # Panics
    ///
    /// If `status` is a number that is not a valid status.
    #[track_caller]
    pub fn with_status(mut self, status: impl IntoStatus) -> Reply {
        let status = status.into_status();
        self.has_other_status |= status != StatusCode::OK;
        self.status = Some(status);
        self
    }

    /// The same with the header `name` set to `value`.
    ///
    /// # Errors
    ///
    /// If `name` or `value` contains something that is not allowed in a header, such as a line break.
    #[track_caller]
    pub fn with_header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Result<Reply> {
        let (name, value) = header_pair(name.as_ref(), value.as_ref())?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets a cookie, beside those of the response.
    ///
    /// # Errors
    ///
    /// If the name, the domain or the path contains something that is not allowed in a cookie.
    #[track_caller]
    pub fn set_cookie(&mut self, cookie: &Cookie) -> Result<()> {
        self.headers.append(SET_COOKIE, cookie_header(cookie)?);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl Respond for Reply {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let Reply { value, status, has_other_status, mut headers } = self;
        let answer = if has_other_status { value.respond_with_other_status(ctx) } else { value.respond(ctx) };
        if status.is_none() && headers.is_empty() {
            return answer;
        }
        answer.and_then(move |mut response| {
            *response.status_mut() = status.unwrap_or(response.status());
            let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
            headers.remove(SET_COOKIE);
            response.headers_mut().extend(headers);
            cookies.into_iter().for_each(|cookie| _ = response.headers_mut().append(SET_COOKIE, cookie));
            Ok(response)
        })
    }

    fn with_other_status(self) -> Self {
        Reply { has_other_status: true, ..self }
    }

    fn into_reply(self) -> Reply {
        self
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("headers", &self.headers).finish_non_exhaustive()
    }
}
