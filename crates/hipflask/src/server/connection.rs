//! One connection, from its first byte to its last.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as channel};
use tokio::time::{Instant, sleep, timeout};

use crate::server::gated::Gated;
use crate::server::io::{Io, Outbox};
use crate::server::screen::Screen;
use crate::server::service::{Service, Shared};
use crate::server::watch::{Verdict, Watch};
use crate::server::{Phase, first_of, reached};

/// The longest head of a request, in bytes, and the most headers in it.
pub(super) const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// What hyper buffers at most for one connection: a head and what came with it.
const MAX_BUFFER: usize = 2 * MAX_HEAD;
/// Requests that one HTTP/2 connection can have in work at once, those included whose client has gone.
const MAX_STREAMS: u32 = 128;

/// What a connection that was opened just before the server closes gets to say why.
const FIRST_WORDS: Duration = Duration::from_millis(100);

type Http1 = http1::Connection<Io, Service>;
type Http2 = http2::Connection<Io, Service, TokioExecutor>;

pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    permit: Arc<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
    phase: channel::Receiver<Phase>,
) {
    let limits = shared.limits;
    let accepted = std::time::Instant::now();
    // A connection that has said nothing has nothing to be finished; but its first words may be on the way.
    let closing = async {
        reached(phase.clone(), Phase::Finishing).await;
        sleep(FIRST_WORDS).await;
        None
    };
    let opening = timeout(limits.header, first_of(first_bytes(&stream), closing));
    let Ok(Some((start, protocol))) = opening.await else { return };
    let watch = Arc::new(Watch::new(limits, accepted, matches!(protocol, Protocol::Http2)));
    let streams = Arc::new(Semaphore::new(MAX_STREAMS as usize));
    let service = Service { shared, peer, permit, watch: Arc::clone(&watch), streams };
    match protocol {
        Protocol::Http1 => {
            let io = Io::new(stream, start, Some(Screen::default()), Arc::clone(&watch));
            let mut builder = http1::Builder::new();
            // A client that only has no more to say still wants its answer.
            builder.half_close(true);
            builder.max_header_size(MAX_HEAD).max_headers(MAX_HEADERS).max_buf_size(MAX_BUFFER);
            // The time-outs are ours (`watch`), at the cost of a note instead of a timer.
            builder.header_read_timeout(None);
            let outbox = io.outbox();
            let mut connection = builder.serve_connection(io, service);
            let ended = drive(&mut connection, outbox, &watch, &phase).await;
            let io = connection.into_parts().io;
            match ended {
                Some(Err(error)) if error.is_user() && watch.ends_bodies_by_closing() => io.reset(),
                Some(Err(error)) if error.is_parse() => linger(io, phase).await,
                Some(_) if watch.is_unread() => linger(io, phase).await,
                _ => {}
            }
        }
        Protocol::Http2 => {
            let io = Io::new(stream, start, None, Arc::clone(&watch));
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32);
            builder
                .timer(TokioTimer::new())
                .keep_alive_interval(limits.keep_alive)
                .keep_alive_timeout(Duration::from_secs(20));
            let outbox = io.outbox();
            drive(&mut builder.serve_connection(io, service), outbox, &watch, &phase).await;
        }
    }
}

async fn linger(io: Io, phase: channel::Receiver<Phase>) {
    first_of(io.linger(), reached(phase, Phase::BreakingOff)).await;
}

enum Protocol {
    Http1,
    Http2,
}

/// The bytes that tell the protocol. HTTP/2 in clear begins with `PRI * HTTP/2.0`; no method of HTTP/1 begins
/// with `PRI`. `None` if the peer went away.
async fn first_bytes(stream: &TcpStream) -> Option<(Vec<u8>, Protocol)> {
    let mut start = Vec::with_capacity(1024);
    loop {
        stream.readable().await.ok()?;
        match stream.try_read_buf(&mut start) {
            Ok(0) => return None,
            Ok(_) if start.starts_with(b"PRI") => return Some((start, Protocol::Http2)),
            Ok(_) if !b"PRI".starts_with(&start) => return Some((start, Protocol::Http1)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

/// A connection of either protocol.
trait Connection: Unpin {
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    fn shut_down(&mut self);
}

impl Connection for Http1 {
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Pin::new(self).poll(cx)
    }

    fn shut_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl Connection for Http2 {
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Pin::new(self).poll(cx)
    }

    fn shut_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

enum Event {
    Ended(hyper::Result<()>),
    /// The peer cannot be reached any more.
    Lost,
    Phase,
    Look,
}

/// Runs a connection to its end, tells it when the server closes, and ends it when it is too slow. Its result,
/// if it ended by itself.
async fn drive(
    connection: &mut impl Connection,
    outbox: Outbox,
    watch: &Watch,
    phase: &channel::Receiver<Phase>,
) -> Option<hyper::Result<()>> {
    let mut next_phase = Gated::new(reached(phase.clone(), Phase::Finishing));
    let mut look = Gated::new(sleep(watch.first_look()));
    let mut closing = false;
    let mut said_goodbye = false;
    loop {
        let event = poll_fn(|cx| {
            let ended = connection.poll_connection(cx);
            let sent = outbox.poll_send(cx);
            if let Poll::Ready(ended) = ended {
                return Poll::Ready(Event::Ended(ended));
            }
            if let Poll::Ready(Err(_)) = sent {
                return Poll::Ready(Event::Lost);
            }
            if next_phase.poll(cx).is_ready() {
                return Poll::Ready(Event::Phase);
            }
            look.poll(cx).map(|()| Event::Look)
        });
        match event.await {
            Event::Ended(ended) => return Some(ended),
            Event::Lost => return None,
            Event::Phase if closing => return None,
            Event::Phase => {
                closing = true;
                connection.shut_down();
                next_phase = Gated::new(reached(phase.clone(), Phase::BreakingOff));
            }
            Event::Look => match watch.verdict() {
                Verdict::LookAgain(after) => look.get_mut().reset(Instant::now() + after),
                Verdict::Idle if !said_goodbye => {
                    // HTTP/2 takes leave of its client; HTTP/1 just ends.
                    said_goodbye = true;
                    connection.shut_down();
                    look.get_mut().reset(Instant::now() + watch.goodbye());
                }
                Verdict::Idle => return None,
                Verdict::TooSlow(what) => {
                    tracing::debug!("a connection was closed: {what}");
                    return None;
                }
            },
        }
    }
}
