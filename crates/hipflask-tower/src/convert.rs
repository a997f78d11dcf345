//! From Hipflask's requests, responses, bodies and errors to those of the `http` crate, and back.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use hipflask::errors::Panicked;
use hipflask::http::{Body, Request};
use hipflask::{Error, HttpError, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::BoxError;

/// The request as tower has it, with the body taken out of `request`.
pub(crate) fn take_request(request: &mut Request) -> http::Request<Body> {
    let mut taken = http::Request::new(std::mem::take(request.body_mut()));
    request.method().clone_into(taken.method_mut());
    request.uri().clone_into(taken.uri_mut());
    request.headers().clone_into(taken.headers_mut());
    *taken.version_mut() = request.version();
    taken
}

/// A response as tower has it.
pub(crate) fn into_http(mut response: Response) -> http::Response<Body> {
    let extensions = std::mem::take(response.extensions_mut());
    let (status, headers, body) = response.into_parts();
    let mut response = http::Response::new(body);
    *response.extensions_mut() = extensions;
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A response of tower's as ours.
pub(crate) fn from_http<B>(response: http::Response<B>) -> Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    let mut response = Response::new(from_body(body));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    *response.extensions_mut() = head.extensions;
    response
}

/// A body of tower's as ours. One that is ours already is passed on as it is.
pub(crate) fn from_body<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Some(body);
    if let Some(own) = (&mut body as &mut dyn Any).downcast_mut::<Option<Body>>() {
        return own.take().unwrap_or_default();
    }
    body.map_or_else(Body::empty, |body| Body::wrap(Foreign(Box::pin(body))))
}

/// A body whose errors become ours.
struct Foreign<B>(Pin<Box<B>>);

impl<B> HttpBody for Foreign<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.as_mut().poll_frame(cx).map_err(|error| from_error(error.into()))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// An error of ours on its way through tower, where every error implements `std::error::Error`.
pub(crate) fn into_error(error: Error) -> BoxError {
    Box::new(Ours(error))
}

/// An error of tower's as ours: one that was ours as it was, any other as the cause of one, where error handlers find
/// it by its type.
pub(crate) fn from_error(error: BoxError) -> Error {
    let error = match error.downcast::<Ours>() {
        Ok(ours) => return ours.0,
        Err(error) => error,
    };
    // What a body of ours has failed with is not wrapped.
    let error = match error.downcast::<HttpError>() {
        Ok(http) => return Error::from(*http),
        Err(error) => error,
    };
    match error.downcast::<Panicked>() {
        Ok(panicked) => Error::from(*panicked),
        Err(error) => Error::from(Theirs(error)),
    }
}

#[derive(Debug)]
struct Ours(Error);

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ours {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.source())
    }
}

#[derive(Debug)]
struct Theirs(BoxError);

impl fmt::Display for Theirs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Theirs {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
