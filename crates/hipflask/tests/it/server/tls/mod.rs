//! HTTPS, as `docs/server.md` describes it. The clients are those of rustls, and check what they are shown.

mod certificates;
mod clients;
mod handshakes;
mod http;
mod redirect;
mod reload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hipflask::http::Bytes;
use hipflask::prelude::*;
use hipflask::server::Tls;
use hipflask::{Frozen, Rule};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Server, soon};

/// A certificate authority, and a folder for what it issues, which is removed with it.
struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key.
struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
    /// The certificate with that of its authority, in PEM.
    chain: String,
}

impl Authority {
    fn new() -> Authority {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("tls-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
        std::fs::create_dir_all(&folder).expect("the folder for tests can be written to");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.self_signed(&key).expect("it is well formed");
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Authority { certificate: der, pem, issuer: Issuer::new(params, key), folder }
    }

    fn issue(&self, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is well formed");
        Issued { chain: certificate.pem() + &self.pem, certificate, key }
    }

    fn issue_for(&self, name: &str) -> Issued {
        self.issue(params(name))
    }

    /// Writes a file, with the permissions of a private key.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("the folder can be written to");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
        path
    }

    /// The files of a certificate for the host `name`.
    fn files(&self, name: &str) -> [PathBuf; 2] {
        let issued = self.issue_for(name);
        [("pem", issued.chain), ("key", issued.key.serialize_pem())]
            .map(|(end, text)| self.write(&format!("{name}.{end}"), &text))
    }

    fn tls(&self) -> Tls {
        let [certificate, key] = self.files("localhost");
        Tls::new(certificate, key)
    }

    /// A client that trusts it.
    fn client(&self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth()
    }

    /// One that shows a certificate.
    fn client_as(&self, own: &Issued) -> ClientConfig {
        let key = PrivateKeyDer::try_from(own.key.serialize_der()).expect("it is a key");
        let builder = ClientConfig::builder().with_root_certificates(self.roots());
        builder.with_client_auth_cert(vec![own.certificate.der().clone()], key).expect("they belong together")
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("it is an authority");
        roots
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Server {
    /// Starts it on a runtime of its own, with TLS.
    fn start_with(app: App, tls: Tls) -> Server {
        Server::start_as(app, |server| server.tls(tls))
    }
}

/// What goes wrong at the start of a server for `app` with `tls`.
fn start_error(app: App, tls: Tls) -> String {
    let frozen: Frozen = super::freeze(app);
    let server = hipflask::server::Server::new(frozen).bind(([127, 0, 0, 1], 0)).tls(tls);
    let error = hipflask::block_on(server.run_until(async {})).expect_err("it does not start");
    error.to_string()
}

/// An encrypted connection.
struct Secure(TlsStream<TcpStream>);

impl Secure {
    async fn try_open(server: &Server, client: ClientConfig, name: &str) -> std::io::Result<Secure> {
        let socket = soon(TcpStream::connect(server.address)).await?;
        let name = ServerName::try_from(name.to_owned()).expect("it is a name");
        soon(TlsConnector::from(Arc::new(client)).connect(name, socket)).await.map(Secure)
    }

    async fn open(server: &Server, client: ClientConfig) -> Secure {
        Secure::try_open(server, client, "localhost").await.expect("the handshake succeeds")
    }

    async fn send(&mut self, text: &str) {
        soon(self.0.write_all(text.as_bytes())).await.expect("the server reads");
        soon(self.0.flush()).await.expect("the server reads");
    }

    /// Everything up to the end. It is an error if the server did not say that it was the end.
    async fn rest(&mut self) -> std::io::Result<String> {
        let mut text = Vec::new();
        soon(self.0.read_to_end(&mut text)).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The answer to one request, which is the last.
    async fn ask(&mut self, path: &str) -> std::io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        soon(self.0.write_all(request.as_bytes())).await?;
        self.rest().await
    }
}

/// Says how the request came.
fn app() -> App {
    async fn how(ctx: &mut Context) -> String {
        let name = ctx.request().client_certificate().map_or("nobody", |own| own.common_name().unwrap_or("nameless"));
        format!("{} {name} {}", ctx.request().is_secure(), ctx.request().url())
    }
    super::app().add_url_rule(Rule::new("/how"), how).add_url_rule(super::rule("/echo"), async |body: Bytes| body)
}
