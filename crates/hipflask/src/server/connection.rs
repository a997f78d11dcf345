//! One connection, from its first byte to its last.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as channel};
use tokio::time::{sleep, timeout};

use crate::server::accepted::Accepted;
use crate::server::drive::{Connection, drive};
use crate::server::first_of::first_of;
use crate::server::http1;
use crate::server::http1::end::End;
use crate::server::io::Io;
use crate::server::limits::{FIRST_WORDS, MAX_HEAD};
use crate::server::phase::{Phase, reached};
use crate::server::protocol::Protocol;
use crate::server::role::Role;
use crate::server::service::{Service, Shared};
use crate::server::stream::Stream;
use crate::server::upgrade;
use crate::server::watch::Watch;
use crate::server::wire::Wire;

/// How many requests of one HTTP/2 connection can be in progress at once, including those whose client has gone.
const MAX_STREAMS: u32 = 128;

pub(super) async fn serve(accepted: Accepted, permit: Arc<OwnedSemaphorePermit>, shared: Arc<Shared>) {
    let phase = shared.phase.clone();
    #[cfg(feature = "tls")]
    let Some(accepted) = accepted.open(phase.clone()).await else { return };
    let redirects_to = match accepted.role {
        Role::Redirect(port) => Some(port),
        _ => None,
    };
    #[cfg(feature = "tls")]
    let certificate = accepted.certificate;
    let Accepted { mut stream, peer, scheme, protocol, .. } = accepted;
    let limits = shared.limits;
    let accepted = std::time::Instant::now();
    // A connection that has sent nothing has nothing to finish, but its first bytes may be on the way.
    let closing = async {
        reached(phase.clone(), Phase::Finishing).await;
        sleep(FIRST_WORDS).await;
        None
    };
    let opening = timeout(limits.header, first_of(begin(&mut stream, protocol), closing));
    let Ok(Some((start, protocol))) = opening.await else { return };
    let watch = Arc::new(Watch::new(limits, accepted));
    let streams = Arc::new(Semaphore::new(MAX_STREAMS as usize));
    let budget = shared.budget.share();
    let service = Service {
        shared,
        budget,
        peer,
        scheme,
        redirects_to,
        #[cfg(feature = "tls")]
        certificate,
        permit,
        watch: Arc::clone(&watch),
        streams,
    };
    match protocol {
        Protocol::Http1 => serve_http1(stream, &start, service, phase).await,
        // Boxed, because HTTP/2 is rare and would make every connection larger.
        Protocol::Http2 => Box::pin(serve_http2(stream, start, service, phase)).await,
    }
}

async fn serve_http1(stream: Stream, start: &[u8], service: Service, phase: channel::Receiver<Phase>) {
    let (watch, permit) = (Arc::clone(&service.watch), Arc::clone(&service.permit));
    let mut connection = http1::serve(Wire::new(stream, start, Arc::clone(&watch)), service);
    let end = drive(&mut connection, &watch, &phase).await;
    let Some((stream, ahead)) = connection.into_parts() else { return };
    match end {
        // Boxed, because it would make every connection larger.
        Some(End::Upgraded(upgrade, finished)) => {
            Box::pin(upgrade::speak(upgrade, finished, (stream, ahead), permit, phase)).await;
        }
        Some(End::Unread) => first_of(stream.linger(), reached(phase, Phase::BreakingOff)).await,
        Some(End::BrokenOff) => stream.reset(),
        Some(End::Said) | None => stream.close(),
        Some(End::Lost) => {}
    }
}

async fn serve_http2(stream: Stream, start: Vec<u8>, service: Service, phase: channel::Receiver<Phase>) {
    let watch = Arc::clone(&service.watch);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32).enable_connect_protocol();
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(service.shared.limits.keep_alive)
        .keep_alive_timeout(Duration::from_secs(20));
    let mut connection = builder.serve_connection(Io::new(stream, start, Arc::clone(&watch)), service);
    drive(&mut connection, &watch, &phase).await;
}

/// What the connection speaks, and the bytes that were read to find out. `None` if the peer went away.
///
/// HTTP/2 in clear begins with `PRI * HTTP/2.0`; no method of HTTP/1 begins with `PRI`.
async fn begin(stream: &mut Stream, agreed: Option<Protocol>) -> Option<(Vec<u8>, Protocol)> {
    let mut start = Vec::with_capacity(1024);
    loop {
        match stream.try_read(&mut start) {
            Ok(0) => return None,
            Ok(_) if let Some(protocol) = agreed => return Some((start, protocol)),
            Ok(_) if start.starts_with(b"PRI") => return Some((start, Protocol::Http2)),
            Ok(_) if !b"PRI".starts_with(&start) => return Some((start, Protocol::Http1)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.readable().await.ok()?,
            Err(_) => return None,
        }
    }
}

impl Connection for http2::Connection<Io, Service, TokioExecutor> {
    type End = ();

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(self).poll(cx).map(drop)
    }

    fn shut_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}
