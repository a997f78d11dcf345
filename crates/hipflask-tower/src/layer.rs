//! A tower layer around an application.
//!
//! A layer calls the service inside it with nothing but a request, wherever and whenever it likes, and may drop the call
//! halfway. So the context travels in the extensions of the request, and comes back whatever happens.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use hipflask::extension::{Answer, Handler};
use hipflask::http::Body;
use hipflask::{App, Context, Error, HttpError};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use crate::BoxError;
use crate::convert::{from_body, into_error, into_http, take_request};
use crate::http_service::HttpService;

/// Adds [`layer`](LayerExt::layer) to [`App`].
pub trait LayerExt {
    /// Puts a tower layer around the whole application: [`App::wrap`] for what is written for tower.
    ///
    /// What layers leave in the extensions of the request is in `g`: `ctx.g().get::<http::Extensions>()`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    /// use hipflask::errors::{Catches, ErrorHandler};
    /// use hipflask_tower::LayerExt;
    /// use tower::timeout::{TimeoutLayer, error::Elapsed};
    ///
    /// let late = ErrorHandler::new(Catches::error::<Elapsed>(), || (Status::SERVICE_UNAVAILABLE, "too late"));
    /// let app = App::new("doc", ".")
    ///     .add_url_rule(Rule::new("/"), async || -> &str { std::future::pending().await })
    ///     .errorhandler(late)
    ///     .layer(TimeoutLayer::new(Duration::from_millis(10)));
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "too late");
    /// ```
    #[track_caller]
    fn layer<L>(self, layer: L) -> App
    where
        L: Layer<Inside, Service: HttpService> + Send + 'static;
}

impl LayerExt for App {
    #[track_caller]
    fn layer<L>(self, layer: L) -> App
    where
        L: Layer<Inside, Service: HttpService> + Send + 'static,
    {
        self.wrap(move |inside| Layered(layer.layer(Inside(inside))))
    }
}

/// A layer's service as a handler.
struct Layered<S>(S);

impl<S: HttpService> Handler for Layered<S> {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let (_lending, request) = Lending::begin(ctx);
            self.0.answer(request).await.map(Some)
        }))
    }
}

/// Where the context waits for the service inside, and for the end of the layer.
#[derive(Clone)]
struct Slot(Arc<Mutex<Option<Context>>>);

impl Slot {
    fn put(&self, ctx: Option<Context>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ctx;
    }

    fn take(&self) -> Option<Context> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A context that was lent to a layer. It comes back when this is dropped; if the layer has moved it to a task that
/// has not ended, a copy stays.
struct Lending<'a> {
    ctx: &'a mut Context,
    slot: Slot,
}

impl<'a> Lending<'a> {
    fn begin(ctx: &'a mut Context) -> (Lending<'a>, http::Request<Body>) {
        let mut copy = ctx.app().context();
        *copy.request_mut() = ctx.request().without_body();
        let mut request = take_request(ctx.request_mut());
        let slot = Slot(Arc::new(Mutex::new(Some(std::mem::replace(ctx, copy)))));
        request.extensions_mut().insert(slot.clone());
        (Lending { ctx, slot }, request)
    }
}

impl Drop for Lending<'_> {
    fn drop(&mut self) {
        if let Some(ctx) = self.slot.take() {
            *self.ctx = ctx;
        }
    }
}

/// The application as the service inside a layer.
#[derive(Clone)]
pub struct Inside(Arc<dyn Handler>);

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

impl<B> Service<http::Request<B>> for Inside
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let inside = Arc::clone(&self.0);
        Box::pin(async move {
            let mut visit = Visit::begin(request.map(from_body)).map_err(into_error)?;
            match inside.call(visit.ctx().map_err(into_error)?).await {
                Ok(Some(response)) => Ok(into_http(response)),
                Ok(None) => Err(into_error(HttpError::new(404).into())),
                Err(error) => Err(into_error(error)),
            }
        })
    }
}

/// A call of the service inside, which has the context until this is dropped.
struct Visit {
    ctx: Option<Context>,
    slot: Slot,
}

impl Visit {
    fn begin(mut request: http::Request<Body>) -> Result<Visit, Error> {
        let slot = request.extensions_mut().remove::<Slot>();
        let slot =
            slot.ok_or_else(|| Error::msg("a layer has made a request of its own; pass the extensions on too"))?;
        let mut visit = Visit { ctx: slot.take(), slot };
        write_back(visit.ctx()?, request)?;
        Ok(visit)
    }

    fn ctx(&mut self) -> Result<&mut Context, Error> {
        self.ctx.as_mut().ok_or_else(|| Error::msg("a layer has called the application twice at once"))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.ctx.is_some() {
            self.slot.put(self.ctx.take());
        }
    }
}

/// Changes the request of the context to what the layer has made of it.
fn write_back(ctx: &mut Context, request: http::Request<Body>) -> Result<(), Error> {
    let (head, body) = request.into_parts();
    let request = ctx.request_mut();
    if head.uri != *request.uri() {
        request.set_target(head.uri.path_and_query().map_or("/", |target| target.as_str()))?;
    }
    request.set_method(head.method);
    *request.headers_mut() = head.headers;
    *request.body_mut() = body;
    if !head.extensions.is_empty() {
        ctx.g_mut().insert(head.extensions);
    }
    Ok(())
}
