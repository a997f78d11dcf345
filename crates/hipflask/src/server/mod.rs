//! The server: connections with limits and time-outs, our own HTTP/1, and hyper's HTTP/2.

mod accept;
mod accepted;
mod body;
mod connection;
mod drive;
mod finished;
mod first_of;
mod gated;
mod http1;
mod io;
mod limits;
mod listener;
mod notice;
mod phase;
mod policy;
mod protocol;
mod redirect;
mod role;
mod service;
mod signals;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod tunnel;
#[cfg(unix)]
mod unix;
mod upgrade;
mod watch;
mod wire;

use std::future::Future;
use std::io as std_io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;

use crate::app::frozen::Frozen;
use crate::base::error::{Error, Result};
#[cfg(unix)]
use crate::server::unix::UnixSocket;

pub(crate) use accept::serve_until;
pub(crate) use first_of::first_of;
pub(crate) use limits::ServerLimits;
pub(crate) use listener::{Listener, Listeners};
pub(crate) use role::Role;
pub(crate) use signals::wait as wait_for_signal;

#[cfg(feature = "tls")]
pub use crate::server::tls::settings::Tls;

/// Serves `app` at `address` until the process is told to stop by Ctrl-C or SIGTERM; requests in flight are
/// finished first.
///
/// The command `run` of every binary does this, with a runtime and messages around it; this is for programs that
/// have their own. It is short for a [`Server`] with one address.
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
/// If the address is not available, or something that runs at the start fails.
pub async fn serve(app: Frozen, address: SocketAddr) -> Result<()> {
    Server::new(app).bind(address).run().await
}

/// Serves `app` on a socket that is already listening, until `stop` is ready; requests in flight are finished
/// first.
///
/// Use it for a socket that was passed to the process, for a stop other than a signal, and for tests with real
/// connections. Otherwise it works like [`serve`]. It is short for a [`Server`] with one listener.
///
/// ```
/// # hipflask::block_on(async {
/// use hipflask::Rule;
/// use hipflask::prelude::*;
///
/// let app = App::new("doc", ".").add_url_rule(Rule::new("/"), async || "Hello!");
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let stop = async { /* here: at once */ };
/// hipflask::server::serve_on(app.freeze()?, listener, stop).await
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// If the socket cannot be used, or something that runs at the start or at the end fails.
pub async fn serve_on(app: Frozen, listener: std::net::TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    Server::new(app).listener(listener).run_until(stop).await
}

/// A server, and the sockets that it listens on: any number of them, of any kind.
///
/// ```
/// # hipflask::block_on(async {
/// use hipflask::Rule;
/// use hipflask::prelude::*;
/// use hipflask::server::Server;
///
/// let app = App::new("doc", ".").add_url_rule(Rule::new("/"), async || "Hello!");
/// let inherited = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let server = Server::new(app.freeze()?).bind(([127, 0, 0, 1], 0)).listener(inherited);
/// let stop = async { /* here: at once */ };
/// server.run_until(stop).await
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a server does nothing until it runs"]
pub struct Server {
    app: Frozen,
    sockets: Vec<(Socket, Purpose)>,
}

/// What a requested socket is for.
#[derive(Debug)]
enum Purpose {
    Plain,
    #[cfg(feature = "tls")]
    Tls(Tls),
    Redirect,
}

/// A requested socket.
#[derive(Debug)]
enum Socket {
    Address(SocketAddr),
    Listener(std::net::TcpListener),
    #[cfg(unix)]
    Path(PathBuf),
    #[cfg(unix)]
    UnixListener(std::os::unix::net::UnixListener),
}

impl Server {
    /// A server without sockets.
    pub fn new(app: Frozen) -> Server {
        Server { app, sockets: Vec::new() }
    }

    fn with(mut self, socket: Socket) -> Server {
        self.sockets.push((socket, Purpose::Plain));
        self
    }

    /// Listens on `address`. Port 0 means any free port.
    pub fn bind(self, address: impl Into<SocketAddr>) -> Server {
        self.with(Socket::Address(address.into()))
    }

    /// Accepts connections from a socket that is already listening: one that another process has passed on, or
    /// whose port has to be known before the server runs.
    pub fn listener(self, listener: std::net::TcpListener) -> Server {
        self.with(Socket::Listener(listener))
    }

    /// Listens on a Unix socket, whose file is created at `path` and removed at the end. A file left behind by an
    /// earlier process is replaced; it is an error if another process is listening there.
    ///
    /// The file's permissions decide who may connect: those of the folder, and the process's `umask`. Requests
    /// that come this way have no [`remote_addr`](crate::http::Request::remote_addr).
    #[cfg(unix)]
    pub fn unix(self, path: impl Into<PathBuf>) -> Server {
        self.with(Socket::Path(path.into()))
    }

    /// Accepts connections from a Unix socket that is already listening. Its file is left alone.
    #[cfg(unix)]
    pub fn unix_listener(self, listener: std::os::unix::net::UnixListener) -> Server {
        self.with(Socket::UnixListener(listener))
    }

    /// The socket that was added last speaks HTTPS. It needs the feature `tls`.
    ///
    /// # Panics
    ///
    /// If no socket was added.
    #[cfg(feature = "tls")]
    #[track_caller]
    pub fn tls(self, tls: Tls) -> Server {
        self.last_is(Purpose::Tls(tls))
    }

    /// The socket that was added last only redirects to HTTPS, with the method and the target that were asked for, at
    /// the port `HTTPS_PORT`, or else that of the first socket with TLS.
    ///
    /// # Panics
    ///
    /// If no socket was added.
    #[track_caller]
    pub fn redirect_to_https(self) -> Server {
        self.last_is(Purpose::Redirect)
    }

    #[track_caller]
    fn last_is(mut self, purpose: Purpose) -> Server {
        match self.sockets.last_mut() {
            Some((_, is_for)) => *is_for = purpose,
            None => crate::base::panics::misuse(format_args!("add the socket first, with `bind` or `listener`")),
        }
        self
    }

    /// Serves until the process is told to stop by Ctrl-C or SIGTERM; requests in flight are finished first.
    ///
    /// # Errors
    ///
    /// If a socket cannot be opened or there is none, or something that runs at the start or at the end fails.
    pub async fn run(self) -> Result<()> {
        self.run_until(wait_for_signal()).await
    }

    /// Serves until `stop` is ready; requests in flight are finished first.
    ///
    /// # Errors
    ///
    /// If a socket cannot be opened or there is none, or something that runs at the start or at the end fails.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<()> {
        let app = self.app.clone();
        let listeners = self.listen().await?;
        app.start().await?;
        serve_until(app, listeners, stop).await
    }

    async fn listen(self) -> Result<Listeners> {
        if self.sockets.is_empty() {
            return Err(Error::msg("the server has no socket; give it one with `bind`, `listener` or `unix`"));
        }
        let (mut listeners, mut redirecting) = (Listeners::default(), Vec::new());
        for (socket, purpose) in self.sockets {
            let listener = socket.listen().await?;
            match purpose {
                Purpose::Plain => listeners.push(listener, Role::Plain),
                #[cfg(feature = "tls")]
                Purpose::Tls(tls) => listeners.push(listener, Role::secure(tls, self.app.config())?),
                Purpose::Redirect => redirecting.push(listener),
            }
        }
        let port = listeners.https_port(self.app.config())?;
        redirecting.into_iter().for_each(|listener| listeners.push(listener, Role::Redirect(port)));
        Ok(listeners)
    }
}

impl Socket {
    async fn listen(self) -> Result<Listener> {
        let named = |name: &dyn std::fmt::Display, error: std_io::Error| {
            Error::msg(format!("the server cannot listen at {name}: {error}"))
        };
        match self {
            Socket::Address(address) => Listener::bind(address).await.map_err(|error| named(&address, error)),
            Socket::Listener(listener) => Ok(Listener::from_std(listener)?),
            #[cfg(unix)]
            Socket::Path(path) => {
                UnixSocket::bind(&path).await.map(Listener::Unix).map_err(|error| named(&path.display(), error))
            }
            #[cfg(unix)]
            Socket::UnixListener(listener) => Ok(Listener::Unix(UnixSocket::from_std(listener)?)),
        }
    }
}
