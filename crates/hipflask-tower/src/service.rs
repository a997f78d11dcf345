//! A tower service as a handler: an axum router below a prefix.

use bytes::Bytes;
use hipflask::extension::{Answer, Handler};
use hipflask::http::Body;
use hipflask::{Context, Error};
use http::Uri;
use http::uri::PathAndQuery;
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::convert::{from_error, from_http, take_request};
use crate::{BoxError, oneshot};

/// A tower service that can be mounted, or be a view.
///
/// Mounted, it sees the path below its prefix, as axum's `nest` has it. What it answers is the answer, its 404 too; what
/// it fails with is answered by the application's error handlers.
///
/// ```
/// use axum::extract::Path;
/// use axum::routing;
/// use hipflask::prelude::*;
/// use hipflask_tower::tower_service;
///
/// let api = axum::Router::new().route("/users/{name}", routing::get(async |Path(name): Path<String>| name));
/// let client = App::new("doc", ".").mount("/api", tower_service(api)).test_client();
/// assert_eq!(client.get("/api/users/Ada").send_blocking().text(), "Ada");
/// ```
pub fn tower_service<S>(service: S) -> TowerService<S> {
    TowerService(service)
}

/// What [`tower_service`](fn@crate::tower_service) makes of a service.
#[derive(Clone, Debug)]
pub struct TowerService<S>(S);

impl<S, B> Handler for TowerService<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let request = mounted_request(ctx)?;
            let response = oneshot(self.0.clone(), request).await.map_err(|error| from_error(error.into()))?;
            Ok(Some(from_http(response)))
        }))
    }
}

/// The request as it is below the prefix of the mount.
fn mounted_request(ctx: &mut Context) -> Result<http::Request<Body>, Error> {
    let target: PathAndQuery = ctx.request().mounted_target().parse()?;
    let mut request = take_request(ctx.request_mut());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.path_and_query = Some(target);
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(request)
}
