//! The values that can answer a request as they are, and pairs with a status or headers.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Body as HttpBody;
use serde::Serialize;

use crate::base::error::Error;
use crate::base::html::Html;
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::respond::Respond;
use crate::http::body::Body;
use crate::http::json::Json;
use crate::http::response::{Response, header_pair};

#[diagnostic::do_not_recommend]
impl Respond for Response {
    fn respond(self, _: &mut Context) -> Answer<'_, Response> {
        Answer::Ready(Ok(self))
    }
}

macro_rules! bodies {
    ($($body:ty),*) => {
        $(#[diagnostic::do_not_recommend] impl Respond for $body {
            fn respond(self, _: &mut Context) -> Answer<'_, Response> {
                Answer::Ready(Ok(Response::new(self)))
            }
        })*
    };
}

bodies!(&'static str, String, &'static [u8], Vec<u8>, Bytes, Body, Html);

#[diagnostic::do_not_recommend]
impl Respond for Cow<'static, str> {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        match self {
            Cow::Borrowed(text) => text.respond(ctx),
            Cow::Owned(text) => text.respond(ctx),
        }
    }
}

impl<T: Serialize> Respond for Json<T> {
    fn respond(self, _: &mut Context) -> Answer<'_, Response> {
        Answer::Ready(self.try_into())
    }
}

/// An empty answer with this status.
#[diagnostic::do_not_recommend]
impl Respond for StatusCode {
    fn respond(self, _: &mut Context) -> Answer<'_, Response> {
        Answer::Ready(Ok(Response::new(Body::empty()).with_status(self)))
    }
}

impl<T: Respond> Respond for (StatusCode, T) {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let (status, value) = self;
        let value = if status == StatusCode::OK { value } else { value.with_other_status() };
        value.respond(ctx).and_then(move |response| Ok(response.with_status(status)))
    }
}

/// Flask's order: the body, then the status.
impl<T: Respond> Respond for (T, u16) {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        match StatusCode::from_u16(self.1) {
            Ok(status) => (status, self.0).respond(ctx),
            Err(_) => Answer::Ready(Err(Error::msg(format!("`{}` is not an HTTP status", self.1)))),
        }
    }
}

/// A name that is given twice is sent twice.
impl<T: Respond, K: AsRef<str>, V: AsRef<str>, const N: usize> Respond for ([(K, V); N], T) {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let mut headers = HeaderMap::with_capacity(N);
        for (name, value) in &self.0 {
            match header_pair(name.as_ref(), value.as_ref()) {
                Ok((name, value)) => _ = headers.append(name, value),
                Err(error) => return Answer::Ready(Err(error)),
            }
        }
        (headers, self.1).respond(ctx)
    }

    fn with_other_status(self) -> Self {
        (self.0, self.1.with_other_status())
    }
}

impl<T: Respond> Respond for (HeaderMap, T) {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let (headers, value) = self;
        value.respond(ctx).and_then(move |mut response| {
            response.headers_mut().extend(headers);
            Ok(response)
        })
    }

    fn with_other_status(self) -> Self {
        (self.0, self.1.with_other_status())
    }
}

impl<T, H> Respond for (StatusCode, H, T)
where
    (H, T): Respond,
{
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        (self.0, (self.1, self.2)).respond(ctx)
    }
}

/// A response of the `http` crate, as axum's and tower's handlers return.
impl<B> Respond for http::Response<B>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn respond(self, _: &mut Context) -> Answer<'_, Response> {
        Answer::Ready(Ok(self.into()))
    }
}
