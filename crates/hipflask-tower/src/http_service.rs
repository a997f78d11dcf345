//! What tower has to give: a service that answers HTTP requests.

use std::future::{Future, poll_fn};

use bytes::Bytes;
use hipflask::http::Body;
use hipflask::{Error, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::BoxError;
use crate::convert::{from_error, from_http};

/// A tower service that answers HTTP requests, with a body of any kind: an axum router, the service of a layer.
/// Implemented for all of them; not to be implemented.
pub trait HttpService: Clone + Send + Sync + 'static {
    /// Calls a clone of the service once it is ready.
    #[doc(hidden)]
    fn answer(&self, request: http::Request<Body>) -> impl Future<Output = Result<Response, Error>> + Send;
}

impl<S, B> HttpService for S
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn answer(&self, request: http::Request<Body>) -> Result<Response, Error> {
        let mut service = self.clone();
        let answered = async {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        };
        answered.await.map(from_http).map_err(|error: S::Error| from_error(error.into()))
    }
}
