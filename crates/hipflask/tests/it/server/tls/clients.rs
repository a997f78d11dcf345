//! Clients that identify themselves, and one that trusts anybody.

use std::sync::Arc;

use hipflask::Rule;
use hipflask::prelude::*;
use rcgen::{DnType, ExtendedKeyUsagePurpose, SanType};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::super::{Server, soon};
use super::{Authority, Issued, Secure, app, params};

fn ada(authority: &Authority) -> Issued {
    let mut params = params("ada.example");
    params.distinguished_name.push(DnType::CommonName, "Ada");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names.push(SanType::Rfc822Name("ada@example.org".try_into().expect("ASCII")));
    params.subject_alt_names.push(SanType::URI("spiffe://example.org/ada".try_into().expect("ASCII")));
    authority.issue(params)
}

/// Whether a request is answered, and what the answer ends with.
async fn ask(server: &Server, client: ClientConfig) -> Option<String> {
    let mut connection = Secure::try_open(server, client, "localhost").await.ok()?;
    let answer = connection.ask("/how").await.ok()?;
    answer.rsplit_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

#[hipflask::test]
async fn clients_identify_themselves() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let ca = ours.write("clients.pem", &ours.pem);
    let required = Server::start_with(app(), ours.tls().client_ca(&ca));
    let optional = Server::start_with(app(), ours.tls().client_ca(&ca).optional_client_certificates());
    let ada_said = Some("true Ada https://localhost/how");
    for _ in 0..2 {
        assert_eq!(ask(&required, ours.client_as(&ada(&ours))).await.as_deref(), ada_said);
        assert_eq!(ask(&optional, ours.client_as(&ada(&ours))).await.as_deref(), ada_said);
    }
    assert_eq!(ask(&required, ours.client()).await, None, "without one");
    assert_eq!(ask(&optional, ours.client()).await.as_deref(), Some("true nobody https://localhost/how"));
    // A certificate of a stranger's is refused, and not only ignored.
    assert_eq!(ask(&required, ours.client_as(&ada(&theirs))).await, None);
    assert_eq!(ask(&optional, ours.client_as(&ada(&theirs))).await, None);
    let mut expired = params("old.example");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    assert_eq!(ask(&optional, ours.client_as(&ours.issue(expired))).await, None);
}

#[hipflask::test]
async fn a_view_reads_who_the_client_is() {
    async fn who(ctx: &mut Context) -> Result<String> {
        let Some(own) = ctx.request().client_certificate() else { abort!(403) };
        let names: Vec<&str> = own.dns_names().chain(own.email_addresses()).chain(own.uris()).collect();
        let chain: Vec<usize> = own.chain().map(<[u8]>::len).collect();
        assert_eq!(chain, [own.der().len()]);
        assert!(own.not_after() > hipflask::DateTime::now());
        Ok(format!("{:?} {names:?} {}", own.common_name(), own.serial()))
    }
    let authority = Authority::new();
    let ca = authority.write("clients.pem", &authority.pem);
    let server =
        Server::start_with(super::super::app().add_url_rule(Rule::new("/how"), who), authority.tls().client_ca(ca));
    let own = ada(&authority);
    let said = ask(&server, authority.client_as(&own)).await.expect("an answer");
    assert!(
        said.starts_with(r#"Some("Ada") ["ada.example", "ada@example.org", "spiffe://example.org/ada"] "#),
        "{said}"
    );
    // Over HTTP/2 too, and for every request of a connection.
    let mut client = authority.client_as(&own);
    client.alpn_protocols = vec![b"h2".to_vec()];
    let connection = Secure::open(&server, client).await;
    let (send, connection) = soon(h2::client::handshake(connection.0)).await.expect("it is HTTP/2");
    let connection = tokio::spawn(connection);
    for _ in 0..2 {
        let request = http::Request::get("https://localhost/how").version(http::Version::HTTP_2).body(());
        let mut send = soon(send.clone().ready()).await.expect("the connection is open");
        let (response, _) = send.send_request(request.expect("a request"), true).expect("it is open");
        assert_eq!(soon(response).await.expect("an answer").status(), 200);
    }
    connection.abort();
}

/// The certificate that a server shows, whatever it is.
pub(super) async fn shown_to_anybody(socket: TcpStream) -> CertificateDer<'static> {
    let provider = rustls::crypto::ring::default_provider();
    let client = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let name = ServerName::try_from("localhost").expect("it is a name");
    let connector = TlsConnector::from(Arc::new(client.with_no_client_auth()));
    let stream = soon(connector.connect(name, socket)).await.expect("the handshake succeeds");
    stream.get_ref().1.peer_certificates().expect("a server has one")[0].clone()
}

#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
