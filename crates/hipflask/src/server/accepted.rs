//! A connection, and what is known of it before its first byte.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::http::peer::{Peer, Scheme};
use crate::server::stream::Stream;

/// An accepted connection.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    pub(super) scheme: Scheme,
    /// Its protocol, if that was negotiated; otherwise its first bytes tell.
    pub(super) protocol: Option<Protocol>,
}

impl Accepted {
    /// An unencrypted connection.
    pub(super) fn in_clear(stream: Stream, peer: Peer) -> Accepted {
        Accepted { stream, peer, scheme: Scheme::Http, protocol: None }
    }

    pub(super) fn tcp(socket: TcpStream, peer: SocketAddr) -> Accepted {
        Accepted::in_clear(Stream::tcp(socket), Peer::Network(peer))
    }
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}
