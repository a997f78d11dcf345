//! What a socket is for.

#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use crate::base::config::Config;
#[cfg(feature = "tls")]
use crate::base::error::Result;
use crate::http::peer::Scheme;
#[cfg(feature = "tls")]
use crate::server::limits::ServerLimits;
#[cfg(feature = "tls")]
use crate::server::tls::acceptor::Acceptor;
#[cfg(feature = "tls")]
use crate::server::tls::settings::Tls;

/// What the connections of a socket are for.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// The application, without encryption.
    Plain,
    /// The application, over TLS.
    #[cfg(feature = "tls")]
    Secure(Arc<Acceptor>),
    /// Redirects to HTTPS at this port, and nothing else.
    Redirect(u16),
}

impl Role {
    /// The scheme of the addresses that are served.
    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Role::Plain | Role::Redirect(_) => Scheme::Http,
            #[cfg(feature = "tls")]
            Role::Secure(_) => Scheme::Https,
        }
    }
}

#[cfg(feature = "tls")]
impl Role {
    /// For the application over TLS; the files of the certificates are read.
    pub(crate) fn secure(tls: Tls, config: &Config) -> Result<Role> {
        let acceptor = Acceptor::new(tls, &ServerLimits::from_config(config)?, config.debug())?;
        Ok(Role::Secure(Arc::new(acceptor)))
    }
}
