//! Several certificates on one socket: which of them a client gets (SNI, RFC 6066 §3).

use std::sync::Arc;

use tokio_rustls::rustls;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::server::tls::identity::Identity;

/// The certificates in the order in which they were given.
#[derive(Debug)]
pub(super) struct ByName(Vec<Identity>);

impl ByName {
    pub(super) fn new(identities: Vec<Identity>) -> ByName {
        ByName(identities)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = || self.0.iter().filter(|own| own.key.key.choose_scheme(hello.signature_schemes()).is_some());
        let named = hello.server_name().and_then(|name| usable().find(|own| own.is_for(name)));
        named.or_else(|| usable().next()).map(|own| Arc::clone(&own.key))
    }
}

impl Identity {
    /// Whether it is for the host `name` (RFC 9525 §6.3).
    fn is_for(&self, name: &str) -> bool {
        let rest = name.split_once('.').map(|(_, rest)| rest);
        self.names.iter().any(|own| match own.strip_prefix("*.") {
            Some(domain) => rest.is_some_and(|rest| rest.eq_ignore_ascii_case(domain)),
            None => own.eq_ignore_ascii_case(name),
        })
    }
}
