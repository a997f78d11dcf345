//! From an accepted socket to an encrypted connection.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch as channel;
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};

use crate::base::error::{Error, Result};
use crate::http::certificate::ClientCertificate;
use crate::server::first_of::first_of;
use crate::server::limits::{FIRST_WORDS, ServerLimits};
use crate::server::phase::{Phase, reached};
use crate::server::protocol::Protocol;
use crate::server::tls::first_byte;
use crate::server::tls::handshakes::Handshakes;
use crate::server::tls::secured::Secured;
use crate::server::tls::settings::Tls;

/// Opens encrypted connections; the sockets of a server that speak TLS each have one.
pub(crate) struct Acceptor {
    pub(super) tls: Tls,
    /// What the next connection gets. Those that are open keep theirs.
    config: RwLock<Arc<ServerConfig>>,
    handshakes: Arc<Handshakes>,
    time: Duration,
}

/// An encrypted connection, and what was agreed on.
pub(crate) struct Opened {
    pub(crate) stream: Secured,
    pub(crate) protocol: Protocol,
    pub(crate) certificate: Option<ClientCertificate>,
}

impl Acceptor {
    /// Reads the files.
    pub(crate) fn new(tls: Tls, limits: &ServerLimits, is_debug: bool) -> Result<Acceptor> {
        if tls.is_adhoc() && !is_debug {
            return Err(Error::msg(
                "a certificate that is made at the start is for development only: no client has a reason to trust it; \
                 give the files of a certificate and its key",
            ));
        }
        let config = RwLock::new(tls.load()?);
        let handshakes = Arc::new(Handshakes::new(limits.handshakes));
        Ok(Acceptor { tls, config, handshakes, time: limits.handshake })
    }

    /// Reads the files again. If anything is wrong with them, everything stays as it was.
    pub(super) fn reload(&self) -> Result<()> {
        let config = self.tls.load()?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Opens a connection; `None` if the client does not do its part, or not in time.
    pub(crate) async fn open(&self, socket: TcpStream, phase: channel::Receiver<Phase>) -> Option<Opened> {
        let mut place = self.handshakes.begin();
        let given_up = async {
            place.given_up().await;
            Err(io::Error::other("there are too many others (MAX_HANDSHAKES)"))
        };
        let handshake = async {
            let late = |_| Err(io::ErrorKind::TimedOut.into());
            timeout(self.time, self.handshake(socket, phase)).await.unwrap_or_else(late)
        };
        match first_of(handshake, given_up).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!("a TLS handshake failed: {error}");
                None
            }
        }
    }

    async fn handshake(&self, socket: TcpStream, phase: channel::Receiver<Phase>) -> io::Result<Option<Opened>> {
        // A client that has said nothing has nothing to lose when the server closes.
        let closing = async {
            reached(phase.clone(), Phase::Finishing).await;
            sleep(FIRST_WORDS).await;
            Err(io::Error::other("the server closes"))
        };
        if !first_of(first_byte::is_of_handshake(&socket), closing).await? {
            first_byte::refuse(socket).await?;
            return Ok(None);
        }
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        let aborted = async {
            reached(phase.clone(), Phase::BreakingOff).await;
            Err(io::Error::other("the server closes"))
        };
        let stream = first_of(TlsAcceptor::from(config).accept(socket), aborted).await?;
        Ok(Some(Opened::new(stream)))
    }
}

impl Opened {
    fn new(stream: TlsStream<TcpStream>) -> Opened {
        let (_, session) = stream.get_ref();
        let protocol = match session.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let certificate = client_certificate(session);
        Opened { stream: Secured::new(stream), protocol, certificate }
    }
}

fn client_certificate(session: &rustls::ServerConnection) -> Option<ClientCertificate> {
    let chain = session.peer_certificates()?;
    ClientCertificate::new(chain.iter().map(|certificate| certificate.to_vec()).collect())
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acceptor").field(&self.tls).finish()
    }
}
