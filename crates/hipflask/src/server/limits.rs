//! What the server may be asked for at most, and for how long it waits.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::base::config::Config;
use crate::base::error::{Error, Result};

/// The longest head of a request, in bytes.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The grace period for a connection that was opened just before the server closes.
pub(super) const FIRST_WORDS: Duration = Duration::from_millis(100);

/// The limits of a server, from the configuration keys `SERVER_…` and `MAX_CONNECTIONS`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    pub(crate) connections: usize,
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
            let duration = config.seconds(key)?.filter(|duration| !duration.is_zero());
            duration
                .ok_or_else(|| Error::msg(format!("the configuration key `{key}` must be a number of seconds above 0")))
        };
        let connections = config.get::<usize>("MAX_CONNECTIONS")?;
        Ok(ServerLimits {
            connections: connections.clamp(1, Semaphore::MAX_PERMITS),
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
