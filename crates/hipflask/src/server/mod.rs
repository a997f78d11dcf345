//! The server: connections with limits and time-outs, HTTP/1 of our own, HTTP/2 by hyper.

mod body;
mod connection;
mod gated;
mod http1;
mod io;
mod policy;
mod service;
mod signals;
mod watch;
mod wire;

use std::future::poll_fn;
use std::io as std_io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch as channel};

use crate::app::frozen::Frozen;
use crate::base::config::Config;
use crate::base::error::{Error, Result};

pub(crate) use signals::wait as wait_for_signal;

/// Serves `app` at `address` until the process is told to stop by Ctrl-C or SIGTERM; requests in flight are
/// finished first.
///
/// The binary's own `run` does this, with a runtime and messages around it; this is for programs that have
/// their own.
///
/// ```no_run
/// # async fn run(app: hipflask::App) -> Result<(), Box<dyn std::error::Error>> {
/// hipflask::serve(app.freeze()?, ([127, 0, 0, 1], 5000).into()).await.map_err(|error| error.to_string())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the address cannot be had, or something that runs at the start fails.
pub async fn serve(app: Frozen, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    app.start().await?;
    serve_until(app, listener, wait_for_signal()).await
}

/// Serves `app` on a socket that listens already until `stop` is ready; requests in flight are finished first.
///
/// For a socket that was handed to the process, for a stop that is no signal, and for tests with real
/// connections. What [`serve`] says holds here too.
///
/// ```
/// # hipflask::block_on(async {
/// use hipflask::prelude::*;
///
/// let app = App::new("doc", ".").add_url_rule(Rule::new("/"), async || "Hello!");
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let stop = async { /* here: at once */ };
/// hipflask::serve_on(app.freeze()?, listener, stop).await
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// If the socket cannot be used, or something that runs at the start or at the end fails.
pub async fn serve_on(app: Frozen, listener: std::net::TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    app.start().await?;
    serve_until(app, listener, stop).await
}

/// The limits of a server, from the configuration keys `SERVER_…` and `MAX_CONNECTIONS`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) header: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) body: Duration,
    pub(crate) write: Duration,
    pub(crate) graceful: Duration,
}

impl Limits {
    pub(crate) fn from_config(config: &Config) -> Result<Limits> {
        let seconds = |key| {
            let duration = config.seconds(key)?.filter(|duration| !duration.is_zero());
            duration
                .ok_or_else(|| Error::msg(format!("the configuration key `{key}` must be a number of seconds above 0")))
        };
        let connections = config.get::<usize>("MAX_CONNECTIONS")?;
        Ok(Limits {
            connections: connections.clamp(1, Semaphore::MAX_PERMITS),
            header: seconds("SERVER_HEADER_TIMEOUT")?,
            keep_alive: seconds("SERVER_KEEP_ALIVE_TIMEOUT")?,
            body: seconds("SERVER_BODY_TIMEOUT")?,
            write: seconds("SERVER_WRITE_TIMEOUT")?,
            graceful: seconds("SERVER_GRACEFUL_TIMEOUT")?,
        })
    }
}

/// How far the server is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// No new requests; those in flight are finished.
    Finishing,
    /// What still runs has had its time.
    BreakingOff,
}

/// Waits for a phase, or a later one.
async fn reached(mut phase: channel::Receiver<Phase>, wanted: Phase) {
    // Without a sender the server is gone.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

/// Serves `app` on a listener until `stop` is ready, then finishes what is in flight.
pub(crate) async fn serve_until(app: Frozen, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    let limits = Limits::from_config(app.config())?;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let (phase, phases) = channel::channel(Phase::Serving);
    let shared = Arc::new(service::Shared { app: app.clone(), limits });
    first_of(stop, accept_all(&listener, &permits, &shared, &phases)).await;
    let listener = listener.into_std()?;
    accept_waiting(&listener, &permits, &shared, &phases);
    drop(listener);
    let _ = phase.send(Phase::Finishing);
    finish(&permits, limits).await;
    let _ = phase.send(Phase::BreakingOff);
    app.stop().await
}

/// What the first of two futures yields.
async fn first_of<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> T {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Ready(first) => Poll::Ready(first),
        Poll::Pending => b.as_mut().poll(cx),
    })
    .await
}

/// Waits until every connection, and every view that outlived its connection, has ended.
async fn finish(permits: &Semaphore, limits: Limits) {
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let idle = permits.acquire_many(all);
    if tokio::time::timeout(limits.graceful, idle).await.is_err() {
        let open = limits.connections - permits.available_permits();
        tracing::warn!(
            "{open} connections or views had not ended after {} s and were broken off",
            limits.graceful.as_secs_f64()
        );
    }
}

/// Accepts connections for ever. An error never ends it (RUSTSEC-2024-0376): out of file descriptors, it waits
/// and goes on.
async fn accept_all(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    shared: &Arc<service::Shared>,
    phases: &channel::Receiver<Phase>,
) {
    loop {
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else {
            std::future::pending::<()>().await;
            continue;
        };
        match listener.accept().await {
            Ok((stream, peer)) => spawn(stream, peer, permit, shared, phases),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("no connection can be accepted: {error}; trying again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Takes in who has connected and was not accepted yet, and nobody after them: their requests may be on the way.
fn accept_waiting(
    listener: &std::net::TcpListener,
    permits: &Arc<Semaphore>,
    shared: &Arc<service::Shared>,
    phases: &channel::Receiver<Phase>,
) {
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned()
        && let Ok((stream, peer)) = listener.accept()
    {
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            spawn(stream, peer, permit, shared, phases);
        }
    }
}

fn spawn(
    stream: TcpStream,
    peer: SocketAddr,
    permit: tokio::sync::OwnedSemaphorePermit,
    shared: &Arc<service::Shared>,
    phases: &channel::Receiver<Phase>,
) {
    send_at_once(&stream);
    tokio::spawn(connection::serve(stream, peer, Arc::new(permit), Arc::clone(shared), phases.clone()));
}

/// Otherwise every small answer would wait for the peer's delayed acknowledgement.
fn send_at_once(stream: &TcpStream) {
    // A connection that has ended already cannot be told.
    let _ = stream.set_nodelay(true);
}

/// The client went away before it was accepted: nobody else is concerned.
fn is_of_one_connection(error: &std_io::Error) -> bool {
    use std_io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_answers_are_sent_at_once() -> Result<()> {
        crate::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let _client = TcpStream::connect(listener.local_addr()?).await?;
            let (stream, _) = listener.accept().await?;
            assert!(!stream.nodelay()?);
            send_at_once(&stream);
            assert!(stream.nodelay()?);
            Ok(())
        })
    }
}
