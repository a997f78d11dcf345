//! A connection, and what is known of it before its first byte.

use std::net::SocketAddr;

use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio::sync::watch as channel;

#[cfg(feature = "tls")]
use crate::http::certificate::ClientCertificate;
use crate::http::peer::{Peer, Scheme};
#[cfg(feature = "tls")]
use crate::server::phase::Phase;
use crate::server::protocol::Protocol;
use crate::server::role::Role;
use crate::server::stream::Stream;

/// An accepted connection.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// What is to be done with it.
    pub(super) role: Role,
    pub(super) scheme: Scheme,
    /// Its protocol, if that was negotiated; otherwise its first bytes tell.
    pub(super) protocol: Option<Protocol>,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<ClientCertificate>,
}

impl Accepted {
    /// An unencrypted connection, or one that is not encrypted yet.
    pub(super) fn in_clear(stream: Stream, peer: Peer) -> Accepted {
        Accepted {
            stream,
            peer,
            role: Role::Plain,
            scheme: Scheme::Http,
            protocol: None,
            #[cfg(feature = "tls")]
            certificate: None,
        }
    }

    /// The connection once it is encrypted, if that is its role. `None` if the client does not do its part.
    #[cfg(feature = "tls")]
    pub(super) async fn open(mut self, phase: channel::Receiver<Phase>) -> Option<Accepted> {
        let Role::Secure(acceptor) = &self.role else { return Some(self) };
        // Boxed, because it would make every connection larger.
        let opened = Box::pin(acceptor.open(self.stream.into_tcp()?, phase)).await?;
        self.stream = Stream::secured(opened.stream);
        (self.scheme, self.protocol, self.certificate) = (Scheme::Https, Some(opened.protocol), opened.certificate);
        Some(self)
    }

    pub(super) fn tcp(socket: TcpStream, peer: SocketAddr) -> Accepted {
        Accepted::in_clear(Stream::tcp(socket), Peer::Network(peer))
    }
}
