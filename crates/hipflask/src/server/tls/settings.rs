//! Which certificates a server has, and whose it asks for.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::server::tls::by_name::ByName;
use crate::server::tls::identity::{Identity, pem};

/// The certificates of a server that speaks HTTPS, and whose certificates it asks for. It needs the feature `tls`.
///
/// Files are in PEM. That of a certificate has those of its issuers after it, as in the `fullchain.pem` of ACME clients;
/// a key is not encrypted. When files change they are read again, every `TLS_RELOAD_INTERVAL` and at SIGHUP: new
/// connections get what is in them then, and if anything is wrong with them, everything stays as it was.
///
/// ```no_run
/// # async fn run(app: hipflask::Frozen) -> hipflask::Result<()> {
/// use hipflask::server::{Server, Tls};
///
/// let tls = Tls::new("example.org.pem", "example.org.key").certificate("example.net.pem", "example.net.key");
/// let server = Server::new(app).bind(([0, 0, 0, 0], 443)).tls(tls);
/// server.bind(([0, 0, 0, 0], 80)).redirect_to_https().run().await
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until a server is given it"]
pub struct Tls {
    pairs: Vec<Pair>,
    client_ca: Option<PathBuf>,
    client_auth: ClientAuth,
}

/// Where a certificate and its key are.
#[derive(Clone, Debug)]
enum Pair {
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    /// They are made when they are needed first.
    Adhoc,
}

/// Whether clients must identify themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientAuth {
    Required,
    Optional,
}

impl Tls {
    /// One certificate and its key, which are in these files.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        Tls::of(Pair::Files { certificate: certificate.into(), key: key.into() })
    }

    /// A certificate for `localhost`, made when the server starts and signed by itself: for development. Browsers
    /// warn of it. Werkzeug's `ssl_context="adhoc"`.
    ///
    /// # Errors
    ///
    /// A server outside debug mode refuses it.
    pub fn adhoc() -> Tls {
        Tls::of(Pair::Adhoc)
    }

    fn of(pair: Pair) -> Tls {
        Tls { pairs: vec![pair], client_ca: None, client_auth: ClientAuth::Required }
    }

    /// Another certificate and its key. A client gets the first certificate for the name that it asks for (SNI), of a
    /// kind that it can verify; one that asks for none of the names gets the first of all.
    pub fn certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        self.pairs.push(Pair::Files { certificate: certificate.into(), key: key.into() });
        self
    }

    /// Clients must identify themselves with a certificate that one of the authorities in `file` has issued. What is in
    /// it: [`Request::client_certificate`](crate::http::Request::client_certificate).
    pub fn client_ca(mut self, file: impl Into<PathBuf>) -> Tls {
        self.client_ca = Some(file.into());
        self
    }

    /// Clients may do without a certificate; one that they have must still be valid.
    pub fn optional_client_certificates(mut self) -> Tls {
        self.client_auth = ClientAuth::Optional;
        self
    }

    /// Adds what the keys `TLS_…` say.
    ///
    /// # Errors
    ///
    /// If one of them has a value of another kind.
    pub fn with_config(mut self, config: &Config) -> Result<Tls> {
        if let Some(file) = config.find::<PathBuf>("TLS_CLIENT_CA")? {
            self.client_ca = Some(file);
        }
        self.client_auth = match config.get::<String>("TLS_CLIENT_AUTH")?.as_str() {
            "required" => ClientAuth::Required,
            "optional" => ClientAuth::Optional,
            other => {
                return Err(Error::msg(format!(
                    "the configuration key `TLS_CLIENT_AUTH` is `{other}`; it must be `required` or `optional`"
                )));
            }
        };
        Ok(self)
    }

    /// Looks for mistakes, as a server does when it starts.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, has something else in it, does not belong to the other, or is out of date.
    pub fn check(&self) -> Result<()> {
        self.load().map(drop)
    }

    pub(super) fn is_adhoc(&self) -> bool {
        self.pairs.iter().any(|pair| matches!(pair, Pair::Adhoc))
    }

    /// The files that it is made of.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let of_pairs = self.pairs.iter().flat_map(|pair| match pair {
            Pair::Files { certificate, key } => vec![certificate, key],
            Pair::Adhoc => Vec::new(),
        });
        of_pairs.chain(&self.client_ca)
    }

    /// Reads the files.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>> {
        let provider = provider();
        let identities = self.pairs.iter().map(|pair| match pair {
            Pair::Files { certificate, key } => Identity::read(certificate, key, &provider),
            Pair::Adhoc => Identity::adhoc(&provider),
        });
        let identities = ByName::new(identities.collect::<Result<_>>()?);
        let verifier = self.verifier(&provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| Error::msg(error.to_string()))?;
        let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(identities));
        config.alpn_protocols = [&b"h2"[..], b"http/1.1"].map(<[u8]>::to_vec).to_vec();
        if self.client_ca.is_some() {
            // A session that is resumed is not verified again: neither whether the certificate is still valid, nor
            // whether its authority is still trusted.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>> {
        let Some(file) = &self.client_ca else { return Ok(Arc::new(NoClientAuth)) };
        let name = file.display();
        let text = pem(file, "certificate authorities")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let added = certificate.map_err(|error| error.to_string());
            let added = added.and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
            added
                .map_err(|error| Error::msg(format!("a certificate authority in `{name}` cannot be used: {error}")))?;
        }
        if roots.is_empty() {
            return Err(Error::msg(format!(
                "there is no certificate in `{name}`, where certificate authorities belong"
            )));
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = match self.client_auth {
            ClientAuth::Required => builder,
            ClientAuth::Optional => builder.allow_unauthenticated(),
        };
        let verifier = builder.build();
        verifier.map_err(|error| Error::msg(format!("the authorities in `{name}` cannot be used: {error}")))
    }
}

/// The cryptography: that which the program has chosen, or ring.
fn provider() -> Arc<CryptoProvider> {
    let chosen = CryptoProvider::get_default().cloned();
    chosen.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}
