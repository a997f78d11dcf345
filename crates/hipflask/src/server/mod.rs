//! The server: hyper, with the limits, time-outs and manners that it leaves to its users.

mod body;
mod connection;
mod gated;
mod io;
mod policy;
mod service;
mod signals;
mod watch;

use std::io as std_io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch as channel};

use crate::app::Frozen;
use crate::config::Config;
use crate::{Error, Result};

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
/// hipflask::serve_on(app.freeze().map_err(|errors| Error::msg(errors.to_string()))?, listener, stop).await
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
    pub(crate) access_log: bool,
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
            access_log: config.switch("ACCESS_LOG", true),
        })
    }
}

/// Serves `app` on a listener until `stop` is ready, then finishes what is in flight.
pub(crate) async fn serve_until(app: Frozen, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    let limits = Limits::from_config(app.config())?;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let (closing, closed) = channel::channel(false);
    let shared = Arc::new(service::Shared { app: app.clone(), limits });
    let accepting = accept_all(&listener, &permits, &shared, &closed);
    first_of(stop, accepting).await;
    drop(listener);
    let _ = closing.send(true);
    finish(&permits, limits).await;
    app.stop().await
}

/// Waits for `stop`; `work` never ends by itself.
async fn first_of(stop: impl Future<Output = ()>, work: impl Future<Output = std::convert::Infallible>) {
    let (mut stop, mut work) = (std::pin::pin!(stop), std::pin::pin!(work));
    std::future::poll_fn(|cx| match stop.as_mut().poll(cx) {
        std::task::Poll::Ready(()) => std::task::Poll::Ready(()),
        std::task::Poll::Pending => work.as_mut().poll(cx).map(|never| match never {}),
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
            limits.graceful.as_secs()
        );
    }
}

/// Accepts connections for ever. An error never ends it (RUSTSEC-2024-0376): out of file descriptors, it waits
/// and goes on.
async fn accept_all(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    shared: &Arc<service::Shared>,
    closed: &channel::Receiver<bool>,
) -> std::convert::Infallible {
    loop {
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else {
            std::future::pending::<()>().await;
            continue;
        };
        match listener.accept().await {
            Ok((stream, peer)) => spawn(stream, peer, permit, shared, closed),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("no connection can be accepted: {error}; trying again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn spawn(
    stream: TcpStream,
    peer: SocketAddr,
    permit: tokio::sync::OwnedSemaphorePermit,
    shared: &Arc<service::Shared>,
    closed: &channel::Receiver<bool>,
) {
    // Without it every small answer waits for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    tokio::spawn(connection::serve(stream, peer, Arc::new(permit), Arc::clone(shared), closed.clone()));
}

/// The client went away before it was accepted: nobody else is concerned.
fn is_of_one_connection(error: &std_io::Error) -> bool {
    use std_io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
