//! A response, and the types that can become its body.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, Entry};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body as HttpBody;

use crate::base::error::{Error, Result};
use crate::base::html::Html;
use crate::base::status::IntoStatus;
use crate::http::body::Body;
use crate::http::cookie::Cookie;
use crate::http::kept::Headers;
use crate::http::upgrade::{Upgrade, Upgraded, Upgrading};
use crate::http::url::iri_to_uri;

/// A response: status, headers, body.
///
/// ```
/// use hipflask::{Response, Status};
///
/// let response = Response::new("made").with_status(201).with_header("location", "/posts/1")?;
/// assert_eq!(response.status(), Status::CREATED);
/// assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
/// # Ok::<(), hipflask::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Response {
    /// On the heap, because a response is passed on a dozen times before it is sent.
    parts: Box<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    status: StatusCode,
    headers: Headers,
    /// Sent in addition to `headers`, unless `headers` has the same name.
    defaults: Option<Arc<DefaultHeaders>>,
    body: Body,
    extensions: Extensions,
    /// How long the name and the value of the longest cookie are that was set.
    longest_cookie: usize,
}

impl Response {
    /// A 200 with `body`. Text is `text/plain`, bytes are `application/octet-stream`.
    pub fn new(body: impl IntoBody) -> Response {
        let (content_type, body) = body.into_body();
        let mut parts = Parts { body, ..Parts::default() };
        if let Some(content_type) = content_type {
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        Response { parts: Box::new(parts) }
    }

    /// A 101: the connection changes to `protocol`, and from then on `speak` reads and writes it. WebSockets begin
    /// this way.
    ///
    /// `protocol` must be among those that the client offers in its `Upgrade` field. A client that did not offer
    /// it gets 426. In HTTP/2 the client offers it with an extended CONNECT (RFC 8441), which the view sees as a GET, and
    /// the 101 is sent as a 200; a client that did not gets 505. Hooks, cookies and the session work as for any other
    /// response. `speak` runs after the answer was sent, and the request ends with it; its errors are logged, unless
    /// they say only that the client has left. [`Context::upgrade_with_context`](crate::Context::upgrade_with_context)
    /// lends it the context.
    ///
    /// ```
    /// use hipflask::http::Upgraded;
    /// use hipflask::{Response, Result};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// async fn shout() -> Result<Response> {
    ///     Response::upgrade("shout", async |mut connection: Upgraded| {
    ///         while let Ok(byte) = connection.read_u8().await {
    ///             connection.write_u8(byte.to_ascii_uppercase()).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// # hipflask::block_on(async {
    /// assert_eq!(shout().await?.headers()["upgrade"], "shout");
    /// # Ok::<(), hipflask::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If `protocol` is not allowed in a header.
    #[track_caller]
    pub fn upgrade<F, Fut>(protocol: impl AsRef<str>, speak: F) -> Result<Response>
    where
        F: FnOnce(Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let mut response = Response::default().with_status(StatusCode::SWITCHING_PROTOCOLS);
        response.parts.extensions.insert(Upgrading::new(Upgrade::new(speak)));
        response.with_header("upgrade", protocol)
    }

    pub(crate) fn take_upgrade(&mut self) -> Option<Upgrade> {
        self.parts.extensions.remove::<Upgrading>()?.take()
    }

    /// Whether the request does not end with this response, but with what is spoken after it.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.parts.status == StatusCode::SWITCHING_PROTOCOLS && self.parts.extensions.get::<Upgrading>().is_some()
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The status, for changing it.
    pub fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.parts.status
    }

    /// The same with another status.
    ///
    /// # Panics
    ///
    /// If `status` is a number that is not a valid status.
    #[must_use]
    #[track_caller]
    pub fn with_status(mut self, status: impl IntoStatus) -> Response {
        self.parts.status = status.into_status();
        self
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The headers, for changing them.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.parts.headers
    }

    /// Values by type that go with the response to what stands around the view, and are not sent.
    pub fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// The values, for changing them.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts.extensions
    }

    /// The same with the header `name` set to `value`.
    ///
    /// # Errors
    ///
    /// If `name` or `value` contains something that is not allowed in a header, such as a line break: nothing that
    /// a client sent can split a response.
    #[track_caller]
    pub fn with_header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Result<Response> {
        let (name, value) = header_pair(name.as_ref(), value.as_ref())?;
        self.parts.headers.insert(name, value);
        Ok(self)
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.parts.body
    }

    /// The body, for changing it.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.parts.body
    }

    /// Sets a cookie. If its name and value are longer than `MAX_COOKIE_SIZE`, the log warns that browsers may drop it.
    ///
    /// # Errors
    ///
    /// If the name, the domain or the path contains something that is not allowed in a cookie, or if browsers would not take
    /// it under a name that begins with `__Host-` or `__Secure-`.
    #[track_caller]
    pub fn set_cookie(&mut self, cookie: &Cookie) -> Result<()> {
        let header = cookie_header(cookie)?;
        self.parts.longest_cookie = self.parts.longest_cookie.max(cookie_size(&header));
        self.parts.headers.append(header::SET_COOKIE, header);
        Ok(())
    }

    /// How long the name and the value of the longest cookie are that was set.
    pub(crate) fn longest_cookie(&self) -> usize {
        self.parts.longest_cookie
    }

    /// Adds `name` to the `Vary` header, unless it is there already.
    pub fn vary(&mut self, name: &'static str) {
        let listed = |value: &HeaderValue| {
            value.to_str().is_ok_and(|v| v.split(',').any(|n| n.trim().eq_ignore_ascii_case(name) || n.trim() == "*"))
        };
        match self.parts.headers.entry(header::VARY) {
            Entry::Occupied(vary) if vary.iter().any(listed) => {}
            Entry::Occupied(mut vary) => {
                // One field, because some caches look at no more.
                let mut names: Vec<&[u8]> = vary.iter().map(HeaderValue::as_bytes).collect();
                names.push(name.as_bytes());
                if let Ok(joined) = HeaderValue::from_bytes(&names.join(&b", "[..])) {
                    vary.insert(joined);
                }
            }
            Entry::Vacant(vary) => _ = vary.insert(HeaderValue::from_static(name)),
        }
    }

    /// Also sends those of `defaults` that the response does not set itself.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use hipflask::http::{DefaultHeaders, HeaderName, HeaderValue, Response};
    ///
    /// let frame = (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY"));
    /// let mut response = Response::new("hello");
    /// response.set_default_headers(&Arc::new(DefaultHeaders::new(vec![frame])));
    /// let (_, headers, _) = response.into_parts();
    /// assert_eq!(headers["x-frame-options"], "DENY");
    /// ```
    pub fn set_default_headers(&mut self, defaults: &Arc<DefaultHeaders>) {
        self.settle_headers();
        self.parts.defaults = Some(Arc::clone(defaults));
    }

    /// Puts the default headers among the others, where all code sees them.
    pub(crate) fn settle_headers(&mut self) {
        if let Some(defaults) = self.parts.defaults.take() {
            defaults.put_under(&mut self.parts.headers);
        }
    }

    /// Its parts: what a server sends.
    pub fn into_parts(mut self) -> (StatusCode, HeaderMap, Body) {
        self.settle_headers();
        let (status, headers, _, body) = self.into_unsettled_parts();
        (status, headers.into_map(), body)
    }

    /// Its parts, with the default headers apart.
    pub(crate) fn into_unsettled_parts(self) -> (StatusCode, Headers, Option<Arc<DefaultHeaders>>, Body) {
        let Parts { status, headers, defaults, body, .. } = *self.parts;
        (status, headers, defaults, body)
    }
}

/// Headers that many responses have in common, also as the text that is sent: writing a text costs less than
/// putting its headers into a map, taking them out again and writing them one by one. Made once, and given to
/// each response by [`Response::set_default_headers`](crate::Response::set_default_headers).
#[derive(Debug)]
pub struct DefaultHeaders {
    fields: Vec<(HeaderName, HeaderValue)>,
    text: Vec<u8>,
}

impl DefaultHeaders {
    /// These headers.
    pub fn new(fields: Vec<(HeaderName, HeaderValue)>) -> DefaultHeaders {
        let mut text = Vec::new();
        fields.iter().for_each(|(name, value)| push_field(&mut text, name, value));
        DefaultHeaders { fields, text }
    }

    fn put_under(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.fields {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }

    /// Writes the ones that are not in `headers`.
    pub(crate) fn push_to(&self, out: &mut Vec<u8>, headers: &HeaderMap) {
        let is_default = |name: &HeaderName| self.fields.iter().any(|(default, _)| default == name);
        if !headers.keys().any(is_default) {
            return out.extend_from_slice(&self.text);
        }
        let missing = self.fields.iter().filter(|(name, _)| !headers.contains_key(name));
        missing.for_each(|(name, value)| push_field(out, name, value));
    }
}

/// Writes a header in the format of HTTP/1.
pub(crate) fn push_field(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// How long the name and the value of a cookie are together, which is what browsers count.
pub(crate) fn cookie_size(header: &HeaderValue) -> usize {
    let pair = header.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    pair.len() - usize::from(pair.contains(&b'='))
}

/// The value of `Set-Cookie`.
#[track_caller]
pub(crate) fn cookie_header(cookie: &Cookie) -> Result<HeaderValue> {
    match HeaderValue::try_from(cookie.to_string()) {
        Ok(value) if cookie.is_valid() => Ok(value),
        _ => Err(Error::msg(format!(
            "the cookie `{}` has a name or an attribute that is not allowed in a cookie",
            cookie.name().escape_debug()
        ))),
    }
}

/// A header's name and value, checked.
#[track_caller]
pub(crate) fn header_pair(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name)
        .map_err(|_| Error::msg(format!("`{}` is not a header name", name.escape_debug())))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Error::msg(format!("the value of the header `{name}` contains a line break or another control character"))
    })?;
    let is_address = [header::LOCATION, header::CONTENT_LOCATION].contains(&name);
    if is_address && let Ok(text) = std::str::from_utf8(value.as_bytes()) {
        value = HeaderValue::try_from(&*iri_to_uri(text))?;
    }
    Ok((name, value))
}

/// The types that can become a body, with the media type that it gets unless another one is set.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the body of a response",
    label = "not a body",
    note = "a body is text (`String`, `&'static str`), `Html`, bytes (`Vec<u8>`, `Bytes`) or a `Body`; a number needs `.to_string()`, a struct `Json(value)`"
)]
pub trait IntoBody {
    /// The media type, if any, and the body.
    fn into_body(self) -> (Option<&'static str>, Body);
}

macro_rules! into_body {
    ($($source:ty => $content_type:expr),* $(,)?) => {
        $(#[diagnostic::do_not_recommend] impl IntoBody for $source {
            fn into_body(self) -> (Option<&'static str>, Body) {
                ($content_type, Body::from(self))
            }
        })*
    };
}

const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const BINARY: Option<&str> = Some("application/octet-stream");

into_body! {
    &'static str => TEXT,
    String => TEXT,
    &'static [u8] => BINARY,
    Vec<u8> => BINARY,
    Bytes => BINARY,
    Body => None,
}

#[diagnostic::do_not_recommend]
impl IntoBody for Html {
    fn into_body(self) -> (Option<&'static str>, Body) {
        (Some("text/html; charset=utf-8"), Body::from(self.into_string()))
    }
}

/// A response of the `http` crate, as axum's and tower's handlers return.
impl<B> From<http::Response<B>> for Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn from(response: http::Response<B>) -> Response {
        let (head, body) = response.into_parts();
        let body = Body::wrap(Foreign(Box::pin(body)));
        let (status, headers, extensions) = (head.status, head.headers.into(), head.extensions);
        let parts = Parts { status, headers, extensions, body, ..Parts::default() };
        Response { parts: Box::new(parts) }
    }
}

/// A foreign body, with its error converted to ours.
struct Foreign<B>(std::pin::Pin<Box<B>>);

impl<B> HttpBody for Foreign<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>>>> {
        self.0.as_mut().poll_frame(cx).map_err(|error| Error::msg(error.into().to_string()))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_plain_and_html_is_html() {
        let content_type = |response: Response| response.headers()["content-type"].to_str().expect("text").to_owned();
        assert_eq!(content_type(Response::new("x")), "text/plain; charset=utf-8");
        assert_eq!(content_type(Response::new(Html::new("<b>"))), "text/html; charset=utf-8");
        assert_eq!(content_type(Response::new(vec![1u8])), "application/octet-stream");
    }

    #[test]
    fn nothing_splits_a_response() {
        assert!(Response::new("").with_header("x", "a\r\nset-cookie: b=c").is_err());
        assert!(Response::new("").with_header("x\r\n", "a").is_err());
        assert!(header_pair("x", "a\n").is_err());
        let mut response = Response::new("");
        assert!(response.set_cookie(&Cookie::new("a; Domain=evil.example", "x")).is_err());
        assert!(response.set_cookie(&Cookie::new("a", "x\r\n; y")).is_ok(), "a value is quoted");
        assert!(response.set_cookie(&Cookie::new("a", "x").domain("a; Secure")).is_err());
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1);
    }

    #[test]
    fn an_address_is_ascii() -> Result<()> {
        let response = Response::new("").with_header("location", "/\u{fc}?\u{fc}#\u{fc} ")?;
        assert_eq!(response.headers()["location"], "/%C3%BC?%C3%BC#%C3%BC%20");
        Ok(())
    }

    #[test]
    fn vary_lists_a_name_once() {
        let mut response = Response::new("").with_header("vary", "Accept, cookie").expect("header");
        response.vary("Cookie");
        response.vary("Origin");
        assert_eq!(response.headers()["vary"], "Accept, cookie, Origin");
        assert_eq!(response.headers().get_all("vary").iter().count(), 1);
    }
}
