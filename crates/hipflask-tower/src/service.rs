//! A tower service as a handler: an axum router below a prefix.

use hipflask::extension::{Answer, Handler};
use hipflask::http::Body;
use hipflask::{Context, Error};
use http::Uri;
use http::uri::PathAndQuery;

use crate::convert::take_request;
use crate::http_service::HttpService;

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

impl<S: HttpService> Handler for TowerService<S> {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let request = mounted_request(ctx)?;
            self.0.answer(request).await.map(Some)
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
