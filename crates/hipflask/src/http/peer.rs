//! Where a request came from, and how.

use std::net::{IpAddr, SocketAddr};

/// Where a request came from: the other end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// It was made in this process: by a test, or a command.
    Memory,
    /// A client with an address.
    Network(SocketAddr),
    /// A client on this machine, without an address, over a Unix socket.
    Unix,
}

impl Peer {
    /// Its address, if it has one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Peer::Network(address) => Some(address.ip()),
            Peer::Memory | Peer::Unix => None,
        }
    }
}

/// How the request came: decides the scheme of the URLs that are built for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Unencrypted.
    #[default]
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub(super) fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}
