//! What the server may be asked for at most, and for how long it waits.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::base::config::Config;
use crate::base::error::{Error, Result};

/// The longest head of a request, in bytes.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The grace period for a connection that was opened just before the server closes.
pub(super) const FIRST_WORDS: Duration = Duration::from_millis(100);

/// The limits of a server, from the configuration keys `SERVER_…`, `MAX_CONNECTIONS` and `MAX_BUFFERED`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    pub(crate) connections: usize,
    /// How many bytes of bodies may be in memory, of all connections together.
    pub(crate) buffered: usize,
    pub(crate) header: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) body: Duration,
    pub(crate) write: Duration,
    pub(crate) graceful: Duration,
    /// How many TLS handshakes may be in progress, and how long one may take.
    #[cfg(feature = "tls")]
    pub(crate) handshakes: usize,
    #[cfg(feature = "tls")]
    pub(crate) handshake: Duration,
}

impl ServerLimits {
    pub(crate) fn from_config(config: &Config) -> Result<ServerLimits> {
        let seconds = |key| {
            let missing = || Error::msg(format!("the configuration key `{key}` must be a number of seconds"));
            config.seconds(key)?.ok_or_else(missing)
        };
        let connections = config.get::<usize>("MAX_CONNECTIONS")?;
        Ok(ServerLimits {
            connections: connections.clamp(1, Semaphore::MAX_PERMITS),
            buffered: config.get("MAX_BUFFERED")?,
            header: seconds("SERVER_HEADER_TIMEOUT")?,
            keep_alive: seconds("SERVER_KEEP_ALIVE_TIMEOUT")?,
            body: seconds("SERVER_BODY_TIMEOUT")?,
            write: seconds("SERVER_WRITE_TIMEOUT")?,
            graceful: seconds("SERVER_GRACEFUL_TIMEOUT")?,
            #[cfg(feature = "tls")]
            handshakes: config.get("MAX_HANDSHAKES")?,
            #[cfg(feature = "tls")]
            handshake: seconds("SERVER_HANDSHAKE_TIMEOUT")?,
        })
    }
}
