//! The body of a response at hand: its bytes, its tag, and what a condition of the request makes of it.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::base::error::{Error, HttpError, Result};
use crate::http::body::Body;
use crate::http::conditional::Condition;
use crate::http::etags::ETag;
use crate::http::json;
use crate::http::range::ContentRange;
use crate::http::request::Request;
use crate::http::response::{IntoBody, Response};

impl Response {
    /// The bytes of the body; `None` of one that arrives over time. Flask's `get_data`.
    pub fn data(&self) -> Option<&[u8]> {
        self.body().as_bytes()
    }

    /// Sets the body, and leaves the media type as it is.
    pub fn set_data(&mut self, body: impl IntoBody) {
        self.headers_mut().remove(header::CONTENT_LENGTH);
        *self.body_mut() = body.into_body().1;
    }

    /// Whether the body arrives over time.
    pub fn is_streamed(&self) -> bool {
        self.data().is_none()
    }

    /// The body as JSON.
    ///
    /// ```
    /// use hipflask::{Json, Response};
    ///
    /// let response = Response::try_from(Json([1, 2]))?;
    /// assert_eq!(response.json::<Vec<u8>>()?, [1, 2]);
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it arrives over time, or is not the JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        match self.data() {
            Some(data) => Ok(json::from_slice(data)?),
            None => Err(Error::msg("the body arrives over time; collect it first")),
        }
    }

    /// Gives it an entity tag made of its body, unless it has one, or its body arrives over time.
    ///
    /// # Errors
    ///
    /// None are known.
    pub fn add_etag(&mut self) -> Result<()> {
        match self.data().filter(|_| !self.headers().contains_key(header::ETAG)) {
            Some(data) => self.set_etag(ETag::of(data).tag, false),
            None => Ok(()),
        }
    }

    /// The same with everything that a copy of it needs, for a cache of yours: an entity tag and its length. A body that
    /// arrives over time is collected, up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// Those of the body, or if it is longer.
    pub async fn freeze(&mut self, limit: u64) -> Result<()> {
        let data = std::mem::take(self.body_mut()).collect(limit).await?;
        let len = data.len() as u64;
        *self.body_mut() = Body::from(data);
        self.set_content_length(&len)?;
        self.add_etag()
    }

    /// Answers what `request` asks by conditions on the entity tag and the date of this response: 304 if it has this
    /// version, 412 if it wants another. Only for GET and HEAD, and only a response with the status 200.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/")]
    /// async fn index(ctx: &mut Context) -> Result<Response> {
    ///     let mut response = Response::new("the same for everyone");
    ///     response.add_etag()?;
    ///     response.make_conditional(ctx.request());
    ///     Ok(response)
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![index]).test_client();
    /// let tag = client.get("/").send_blocking().header("etag").unwrap().to_owned();
    /// assert_eq!(client.get("/").header("if-none-match", &tag).send_blocking().status(), 304);
    /// ```
    pub fn make_conditional(&mut self, request: &Request) {
        let condition = self.condition(request, 0);
        if matches!(condition, Condition::NotModified | Condition::Failed) {
            *self.status_mut() = condition.status();
        }
    }

    /// [`make_conditional`](Response::make_conditional), and a range of the body if that is asked for: 206 with the
    /// range.
    ///
    /// # Errors
    ///
    /// 416 if the range cannot be had.
    pub fn make_conditional_with_ranges(&mut self, request: &Request) -> Result<()> {
        if !Condition::is_for(request.method()) {
            return Ok(());
        }
        self.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let Some(data) = self.data() else {
            self.make_conditional(request);
            return Ok(());
        };
        let len = data.len() as u64;
        match self.condition(request, len) {
            Condition::Full => {}
            condition @ (Condition::NotModified | Condition::Failed) => *self.status_mut() = condition.status(),
            Condition::Partial(first, last) => {
                let slice = slice(data, first, last);
                *self.body_mut() = Body::from(slice);
                *self.status_mut() = StatusCode::PARTIAL_CONTENT;
                self.headers_mut().remove(header::CONTENT_LENGTH);
                self.set_content_range(&ContentRange::new(first..=last, Some(len)))?;
            }
            Condition::Unsatisfiable => {
                let range = ContentRange::unsatisfied(len).to_string();
                return Err(HttpError::new(416).header("content-range", range).into());
            }
        }
        Ok(())
    }

    /// Calls `close` when the response was sent, or when its client has gone before: to close what the body is read from.
    /// For what is told of every request there is [`App::on_finished`](crate::App::on_finished).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// use hipflask::Response;
    ///
    /// static CLOSED: AtomicBool = AtomicBool::new(false);
    /// let mut response = Response::new("x");
    /// response.call_on_close(|| CLOSED.store(true, Relaxed));
    /// let (_, _, body) = response.into_parts();
    /// assert!(!CLOSED.load(Relaxed));
    /// hipflask::block_on(body.collect(10))?;
    /// assert!(CLOSED.load(Relaxed));
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    pub fn call_on_close(&mut self, close: impl FnOnce() + Send + 'static) {
        let body = std::mem::take(self.body_mut());
        *self.body_mut() = Body::closing(body, close);
    }

    fn condition(&self, request: &Request, len: u64) -> Condition {
        match self.status() {
            StatusCode::OK => Condition::of(request, self.etag().as_ref(), self.last_modified(), len),
            _ => Condition::Full,
        }
    }
}

fn slice(data: &[u8], first: u64, last: u64) -> Bytes {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(data.len());
    Bytes::copy_from_slice(&data[at(first)..at(last.saturating_add(1))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, value: &str) -> Request {
        Request::get("/").with_header(name, value)
    }

    #[test]
    fn a_tag_is_of_the_body() -> Result<()> {
        let mut response = Response::new("Hello");
        response.add_etag()?;
        assert_eq!(response.headers()["etag"], "\"f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0\"", "as Werkzeug makes it");
        response.set_data("other");
        response.add_etag()?;
        assert_eq!(response.etag().expect("a tag").tag, "f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0", "it had one");
        Ok(())
    }

    #[test]
    fn ranges_and_conditions_are_answered() -> Result<()> {
        let answer = |request: &Request| -> Result<Response> {
            let mut response = Response::new("0123456789");
            response.set_etag("v1", false)?;
            response.make_conditional_with_ranges(request)?;
            Ok(response)
        };
        let part = answer(&asked("range", "bytes=2-4"))?;
        assert_eq!((part.status().as_u16(), part.data()), (206, Some(&b"234"[..])));
        assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
        assert_eq!(answer(&asked("if-match", "\"v2\""))?.status(), 412);
        assert_eq!(answer(&asked("if-none-match", "W/\"v1\""))?.status(), 304);
        let error = answer(&asked("range", "bytes=10-")).expect_err("beyond the end");
        assert_eq!(error.http().expect("an answer").headers()["content-range"], "bytes */10");
        let mut missing = Response::new("no").with_status(404);
        missing.set_etag("v1", false)?;
        missing.make_conditional(&asked("if-none-match", "\"v1\""));
        assert_eq!(missing.status(), 404);
        Ok(())
    }
}
