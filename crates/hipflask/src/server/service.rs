//! From a request to the application's answer and its line in the log.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch as channel};

use crate::app::frozen::Frozen;
use crate::context::Context;
use crate::dispatch::ending::Ending;
use crate::handler::BoxFuture;
use crate::http::body::Body;
use crate::http::budget::Budget;
#[cfg(feature = "tls")]
use crate::http::certificate::ClientCertificate;
use crate::http::peer::{Peer, Scheme};
use crate::http::request::{Request, next_id};
use crate::http::response::Response;
use crate::http::upgrade::Upgrade;
use crate::server::body::{Received, Sent};
use crate::server::finished::Finished;
use crate::server::limits::ServerLimits;
use crate::server::phase::Phase;
use crate::server::policy::{self, Refused, refuse};
use crate::server::redirect;
use crate::server::tunnel::Tunnel;
use crate::server::upgrade::{self, Answered};
use crate::server::watch::Watch;

/// What all connections share.
pub(crate) struct Shared {
    pub(super) app: Frozen,
    pub(super) limits: ServerLimits,
    /// What bodies may take of the memory.
    pub(super) budget: Arc<Budget>,
    pub(super) phase: channel::Receiver<Phase>,
}

/// Answers the requests of one connection.
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Peer,
    pub(super) scheme: Scheme,
    /// The port of HTTPS, if requests are redirected there and nothing else is served.
    pub(super) redirects_to: Option<u16>,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<ClientCertificate>,
    /// Held by the connection and by every view of it, so that views whose client has gone still count.
    pub(super) permit: Arc<OwnedSemaphorePermit>,
    pub(super) watch: Arc<Watch>,
    pub(super) streams: Arc<Semaphore>,
    /// What the bodies of this connection may take of the memory.
    pub(super) budget: Arc<Budget>,
}

impl Service {
    /// Begins to answer a request.
    pub(super) fn begin(&self, mut request: Box<Request>) -> (Answering, Finished) {
        let finished = Finished::new(&self.watch);
        request.receive(self.peer, self.scheme, next_id());
        #[cfg(feature = "tls")]
        if self.certificate.is_some() {
            request.set_client_certificate(self.certificate.clone());
        }
        if let Err(refused) = policy::check(&request) {
            let ending = Ending::new(Context::new(self.shared.app.clone(), request));
            return (Answering::Refused(Some((refuse(&refused), ending))), finished);
        }
        if let Some(port) = self.redirects_to {
            let ctx = Context::new(self.shared.app.clone(), request);
            return (Answering::Refused(Some((redirect::to_https(&ctx, port), Ending::new(ctx)))), finished);
        }
        let turn = match request.version() {
            Version::HTTP_2 => Turn::Waiting(Box::pin(Arc::clone(&self.streams).acquire_owned())),
            _ => Turn::Free,
        };
        let future = Box::pin(self.shared.app.respond_unsettled(request));
        let permit = Some(Arc::clone(&self.permit));
        (Answering::Running(Detaching { future: Some(future), began: false, turn, permit }), finished)
    }

    /// How long a body may keep its reader waiting.
    pub(super) fn body_timeout(&self) -> Duration {
        self.shared.limits.body
    }
}

/// For HTTP/2.
impl hyper::service::Service<http::Request<Incoming>> for Service {
    type Response = http::Response<Sent>;
    type Error = Infallible;
    type Future = Responding;

    fn call(&self, request: http::Request<Incoming>) -> Responding {
        let (mut head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let tunnel = Tunnel::asked_for(&mut head).map(Box::new);
        let body =
            if body.is_end_stream() { Body::empty() } else { Body::wrap(Received::new(body, self.body_timeout())) };
        let mut request = Request::from_parts(head, body);
        request.set_budget(Arc::clone(&self.budget));
        if let Some(tunnel) = &tunnel {
            request.tunnel(tunnel.protocol());
        }
        let (answering, finished) = self.begin(Box::new(request));
        let (watch, permit) = (Arc::clone(&self.watch), Arc::clone(&self.permit));
        let phase = self.shared.phase.clone();
        Responding { answering, finished: Some(finished), is_head, watch, tunnel, permit, phase }
    }
}

/// A view that runs to its end, whatever happens to its client. When the client has gone, the future of its
/// request is dropped; if this one has begun and not ended by then, it continues on the runtime.
pub(super) struct Detaching {
    future: Option<BoxFuture<'static, (Response, Ending)>>,
    began: bool,
    turn: Turn,
    /// The place among all connections, which the view keeps to its end.
    permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// A place among the streams of a connection. An HTTP/2 client can reset a stream and open the next one at once. A
/// view that has begun still runs to its end, so it must not begin before there is room.
enum Turn {
    Free,
    Waiting(BoxFuture<'static, Result<OwnedSemaphorePermit, AcquireError>>),
    Held { _place: OwnedSemaphorePermit },
}

impl Future for Detaching {
    type Output = (Response, Ending);

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<(Response, Ending)> {
        if let Turn::Waiting(turn) = &mut self.turn {
            match turn.as_mut().poll(cx) {
                Poll::Ready(turn) => self.turn = turn.map_or(Turn::Free, |place| Turn::Held { _place: place }),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.began = true;
        let Some(future) = &mut self.future else { return Poll::Pending };
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl Drop for Detaching {
    fn drop(&mut self) {
        if let Some(future) = self.future.take().filter(|_| self.began)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let places = (self.permit.take(), std::mem::replace(&mut self.turn, Turn::Free));
            runtime.spawn(async move {
                future.await;
                drop(places);
            });
        }
    }
}

/// The answer to a request, in progress.
pub(super) enum Answering {
    Refused(Option<(Response, Ending)>),
    Running(Detaching),
}

impl Answering {
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Answering::Refused(_))
    }
}

impl Future for Answering {
    type Output = (Response, Ending);

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<(Response, Ending)> {
        match &mut *self {
            Answering::Refused(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Answering::Running(answer) => Pin::new(answer).poll(cx),
        }
    }
}

/// [`Answering`] for hyper.
pub(super) struct Responding {
    answering: Answering,
    finished: Option<Finished>,
    is_head: bool,
    watch: Arc<Watch>,
    tunnel: Option<Box<Tunnel>>,
    permit: Arc<OwnedSemaphorePermit>,
    phase: channel::Receiver<Phase>,
}

impl Future for Responding {
    type Output = Result<http::Response<Sent>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Poll::Ready((response, ending)) = Pin::new(&mut self.answering).poll(cx) else { return Poll::Pending };
        let Some(finished) = self.finished.take() else { return Poll::Pending };
        let tunnel = self.tunnel.take();
        let response = match upgrade::settle(response, Version::HTTP_2, tunnel.as_ref().map(|tunnel| tunnel.offered()))
        {
            // Success would say that there is a tunnel.
            Answered::Finally(response) if tunnel.is_some() && response.status().is_success() => {
                refuse(&Refused(501, "This address does not speak the protocol that was asked for."))
            }
            Answered::Finally(response) => response,
            Answered::Upgrade(response, upgrade) => {
                let finished = finished.answered(StatusCode::OK, ending);
                return Poll::Ready(Ok(self.open(tunnel, response, upgrade, finished)));
            }
        };
        let finished = finished.answered(response.status(), ending);
        let (status, mut headers, body) = response.into_parts();
        let declared = settle_length(&mut headers, &body, self.is_head);
        let mut answer = http::Response::new(Sent::new(body, declared, finished, Some(Arc::clone(&self.watch))));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Poll::Ready(Ok(answer))
    }
}

impl Responding {
    /// Opens a tunnel: the answer, after which the protocol is spoken in a task of its own. What asks for a tunnel in
    /// HTTP/2 is answered with a 200, and has no fields of the connection (RFC 8441 §5).
    fn open(
        &self,
        tunnel: Option<Box<Tunnel>>,
        response: Response,
        upgrade: Upgrade,
        finished: Finished,
    ) -> http::Response<Sent> {
        let (_, mut headers, _, _) = response.into_unsettled_parts();
        headers.remove(header::UPGRADE);
        headers.remove(header::CONTENT_LENGTH);
        let mut answer = http::Response::new(Sent::nothing());
        *answer.headers_mut() = headers.into_map();
        let (permit, phase) = (Arc::clone(&self.permit), self.phase.clone());
        tokio::spawn(async move {
            match tunnel {
                Some(tunnel) => tunnel.speak(upgrade, finished, permit, phase).await,
                None => drop(finished),
            }
        });
        answer
    }
}

/// Leaves one true length, or none. Returns it if only the head has it, so that the body can be held to it.
pub(super) fn settle_length(headers: &mut HeaderMap, body: &Body, is_head: bool) -> Option<u64> {
    let told = headers.get(header::CONTENT_LENGTH)?;
    let told = told.to_str().ok().and_then(|told| told.parse::<u64>().ok());
    match (body.len(), told) {
        // The answer to HEAD announces the length that GET would have.
        (Some(0), Some(_)) if is_head => None,
        (Some(length), _) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            None
        }
        (None, Some(length)) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            Some(length)
        }
        (None, None) => {
            headers.remove(header::CONTENT_LENGTH);
            None
        }
    }
}
