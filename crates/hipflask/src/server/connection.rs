//! One connection, from its first byte to its last.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as channel};
use tokio::time::{Instant, sleep, timeout};

use crate::server::gated::Gated;
use crate::server::io::Io;
use crate::server::service::{Service, Shared};
use crate::server::watch::{Verdict, Watch};

/// The longest head of a request, in bytes, and the most headers in it.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// Requests that one HTTP/2 connection can have in work at once, those included whose client has gone.
const MAX_STREAMS: u32 = 128;

type Http1 = http1::Connection<Io, Service>;
type Http2 = http2::Connection<Io, Service, TokioExecutor>;

pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    permit: Arc<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
    closing: channel::Receiver<bool>,
) {
    let limits = shared.limits;
    let Ok(Some(protocol)) = timeout(limits.header, detect(&stream)).await else { return };
    let watch = Arc::new(Watch::new(limits));
    let io = Io::new(stream, Arc::clone(&watch));
    let streams = Arc::new(Semaphore::new(MAX_STREAMS as usize));
    let service = Service { shared, peer, permit, watch: Arc::clone(&watch), streams };
    match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            // A client that only has no more to say still wants its answer.
            builder.half_close(true).pipeline_flush(true).max_header_size(MAX_HEAD).max_headers(MAX_HEADERS);
            // The time-outs are ours (`watch`), at the cost of a note instead of a timer.
            builder.header_read_timeout(None);
            drive(pin!(builder.serve_connection(io, service)), &watch, closing).await;
        }
        Protocol::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32);
            builder
                .timer(TokioTimer::new())
                .keep_alive_interval(limits.keep_alive)
                .keep_alive_timeout(Duration::from_secs(20));
            drive(pin!(builder.serve_connection(io, service)), &watch, closing).await;
        }
    }
}

enum Protocol {
    Http1,
    Http2,
}

/// HTTP/2 in clear begins with `PRI * HTTP/2.0`; no method of HTTP/1 begins with `PRI`. `None` if the peer
/// went away.
async fn detect(stream: &TcpStream) -> Option<Protocol> {
    let mut start = [0; 3];
    loop {
        stream.readable().await.ok()?;
        return match stream.peek(&mut start).await.ok()? {
            0 => None,
            n if start[..n] != b"PRI"[..n] => Some(Protocol::Http1),
            3 => Some(Protocol::Http2),
            // `P` or `PR`: the rest is on its way, and readiness does not tell when it is there.
            _ => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
        };
    }
}

/// A connection of either protocol.
trait Connection {
    fn poll_connection(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
    fn shut_down(self: Pin<&mut Self>);
}

impl Connection for Http1 {
    fn poll_connection(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx).map(drop)
    }

    fn shut_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Connection for Http2 {
    fn poll_connection(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx).map(drop)
    }

    fn shut_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

enum Event {
    Ended,
    Closing,
    Look,
}

/// Runs a connection to its end, tells it when the server closes, and ends it when it is too slow.
async fn drive(mut connection: Pin<&mut impl Connection>, watch: &Watch, mut closing: channel::Receiver<bool>) {
    let mut closing = Gated::new(async move { closing.wait_for(|closing| *closing).await.is_ok() });
    let mut look = Gated::new(sleep(watch.first_look()));
    let mut asked = false;
    loop {
        let event = poll_fn(|cx| {
            if connection.as_mut().poll_connection(cx).is_ready() {
                return Poll::Ready(Event::Ended);
            }
            if !asked && closing.poll(cx).is_ready() {
                return Poll::Ready(Event::Closing);
            }
            look.poll(cx).map(|()| Event::Look)
        });
        match event.await {
            Event::Ended => return,
            Event::Closing => {
                asked = true;
                connection.as_mut().shut_down();
            }
            Event::Look => match watch.verdict() {
                Verdict::LookAgain(after) => look.get_mut().reset(Instant::now() + after),
                Verdict::TooSlow(what) => {
                    tracing::debug!("a connection was closed: {what}");
                    return;
                }
            },
        }
    }
}
