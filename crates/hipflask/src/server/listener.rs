//! Sockets that listen, and the connections that come from them.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, TcpStream};

use crate::base::config::Config;
use crate::base::error::Result;
use crate::server::accepted::Accepted;
use crate::server::role::Role;
#[cfg(unix)]
use crate::server::unix::{self, UnixSocket};

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Listener> {
        TcpListener::bind(address).await.map(Listener::Tcp)
    }

    pub(super) fn from_std(listener: std::net::TcpListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Listener::Tcp)
    }

    /// Its address, if it has one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Listener::Unix(_) => None,
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Listener::Tcp(listener) => {
                let (socket, peer) = ready!(listener.poll_accept(cx))?;
                Poll::Ready(Ok(Accepted::tcp(socket, peer)))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => listener.poll_accept(cx),
        }
    }

    /// Stops listening; only clients that have already connected remain. Nothing waits for them, so the system
    /// itself is asked: the runtime may not know about them yet.
    fn close(self) -> io::Result<Closed> {
        match self {
            Listener::Tcp(listener) => listener.into_std().map(Closed::Tcp),
            #[cfg(unix)]
            Listener::Unix(listener) => listener.close().map(Closed::Unix),
        }
    }
}

/// A socket that no longer listens, as a list of the clients that are waiting.
pub(super) enum Closed {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(unix::Closed),
}

impl Closed {
    fn accept(&self) -> io::Result<Accepted> {
        match self {
            Closed::Tcp(listener) => {
                let (socket, peer) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Accepted::tcp(TcpStream::from_std(socket)?, peer))
            }
            #[cfg(unix)]
            Closed::Unix(listener) => listener.accept(),
        }
    }
}

impl Iterator for Closed {
    type Item = Accepted;

    fn next(&mut self) -> Option<Accepted> {
        loop {
            match self.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return None,
            }
        }
    }
}

/// All sockets of a server.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Vec<(Listener, Role)>,
    /// Whose turn it is, so that a busy socket does not keep the others waiting.
    next: usize,
}

impl From<Listener> for Listeners {
    fn from(listener: Listener) -> Listeners {
        Listeners { all: vec![(listener, Role::Plain)], next: 0 }
    }
}

impl Listeners {
    pub(crate) fn push(&mut self, listener: Listener, role: Role) {
        self.all.push((listener, role));
    }

    /// The addresses at which the application is served without encryption.
    pub(super) fn plain_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let plain = self.all.iter().filter(|(_, role)| matches!(role, Role::Plain));
        plain.filter_map(|(listener, _)| listener.address())
    }

    /// The port that clients use for HTTPS: what the configuration says, or else that of the first socket with TLS, or
    /// else the usual one.
    pub(crate) fn https_port(&self, config: &Config) -> Result<u16> {
        #[cfg(feature = "tls")]
        let own = self.all.iter().find(|(_, role)| matches!(role, Role::Secure(_)));
        #[cfg(not(feature = "tls"))]
        let own: Option<&(Listener, Role)> = None;
        let own = || own.and_then(|(listener, _)| listener.address()).map_or(443, |address| address.port());
        Ok(config.find::<u16>("HTTPS_PORT")?.unwrap_or_else(own))
    }

    #[cfg(feature = "tls")]
    pub(super) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.all.iter().map(|(_, role)| role)
    }

    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        for _ in 0..self.all.len() {
            let (listener, role) = &self.all[self.next];
            self.next = (self.next + 1) % self.all.len();
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted.map(|accepted| Accepted { role: role.clone(), ..accepted }));
            }
        }
        Poll::Pending
    }

    /// Stops listening; clients that have already connected are still served.
    pub(super) fn close(self) -> impl Iterator<Item = Accepted> {
        let closed = self.all.into_iter().filter_map(|(listener, role)| Some((listener.close().ok()?, role)));
        closed.flat_map(|(closed, role)| closed.map(move |accepted| Accepted { role: role.clone(), ..accepted }))
    }
}

/// The client went away before it was accepted; no other connection is affected.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn small_answers_are_sent_at_once_and_silent_clients_are_looked_after() -> io::Result<()> {
        crate::block_on(async {
            for closes in [false, true] {
                let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await?;
                let _client = TcpStream::connect(listener.address().expect("it has one")).await?;
                let mut listeners = Listeners::from(listener);
                let accepted = if closes {
                    listeners.close().next().expect("a client waits")
                } else {
                    poll_fn(|cx| listeners.poll_accept(cx)).await?
                };
                assert_eq!(accepted.stream.options()?, (true, true), "{closes}");
            }
            Ok(())
        })
    }
}
