//! Which certificate a client is shown, and what is said of one that cannot be used.

use hipflask::server::Tls;
use rcgen::date_time_ymd;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::super::Server;
use super::{Authority, Secure, app, params, start_error};

#[hipflask::test]
async fn a_client_gets_the_certificate_for_the_name_it_asks_for() {
    let authority = Authority::new();
    let add = |tls: Option<Tls>, name: &str| {
        let [certificate, key] = authority.files(name);
        Some(match tls {
            None => Tls::new(certificate, key),
            Some(tls) => tls.certificate(certificate, key),
        })
    };
    let names = ["localhost", "shop.example", "*.wild.example"];
    let server = Server::start_with(app(), names.into_iter().fold(None, add).expect("there are some"));
    for (asked, shown) in [
        ("localhost", Some("localhost")),
        ("shop.example", Some("shop.example")),
        ("SHOP.example", Some("shop.example")),
        ("a.wild.example", Some("*.wild.example")),
        // The first of all, which is not for these.
        ("a.b.wild.example", None),
        ("wild.example", None),
        ("other.example", None),
        ("127.0.0.1", None),
    ] {
        let connection = Secure::try_open(&server, authority.client(), asked).await;
        let Ok(connection) = connection else {
            assert_eq!(shown, None, "{asked}");
            continue;
        };
        let own = connection.0.get_ref().1.peer_certificates().expect("a server has one")[0].clone();
        let file = std::fs::read(authority.folder.join(format!("{}.pem", shown.expect(asked)))).expect("it is there");
        assert_eq!(own, CertificateDer::from_pem_slice(&file).expect("it is one"), "{asked}");
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said_at_the_start() {
    let authority = Authority::new();
    let (good, other) = (authority.issue_for("localhost"), authority.issue_for("localhost"));
    let mut expired = params("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let mut early = params("localhost");
    early.not_before = date_time_ymd(4000, 1, 1);
    let (expired, early) = (authority.issue(expired), authority.issue(early));
    let key = good.key.serialize_pem();
    let unordered = format!("{}{}{}", good.certificate.pem(), other.certificate.pem(), authority.pem);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMA==\n-----END RSA PRIVATE KEY-----\n";
    let broken = good.chain.replacen('M', "?", 1);
    for (certificate, key, said) in [
        (&good.chain[..], &other.key.serialize_pem()[..], "does not belong to the certificate in"),
        (&key, &good.chain, "but a private key; have the two been swapped?"),
        (&good.chain, &good.chain, "there is no private key in `{key}`, but a certificate"),
        (
            &good.chain,
            "-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n",
            "there is no private key in `{key}`: a line",
        ),
        (&expired.chain, &expired.key.serialize_pem(), "expired on 2020-01-01"),
        (&early.chain, &early.key.serialize_pem(), "is not valid before 4000-01-01"),
        (&unordered, &key, "certificate 2 is not that of the issuer of certificate 1"),
        (&good.chain, encrypted, "is encrypted, and nobody is here to type its password"),
        (&good.chain, old, "is encrypted"),
        ("\x30\x03abc", &key, "is not in PEM"),
        (&broken, &key, "cannot be read"),
        (
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            &key,
            "certificate 1 in `{certificate}` cannot be read",
        ),
    ] {
        let files = [authority.write("certificate", certificate), authority.write("key", key)];
        let error = start_error(app(), Tls::new(&files[0], &files[1]));
        let [certificate, key] = files.map(|file| file.display().to_string());
        let said = said.replace("{certificate}", &certificate).replace("{key}", &key);
        assert!(error.contains(&said), "{said}: {error}");
        assert!(!error.contains('\n') && (error.contains(&certificate) || error.contains(&key)), "{error}");
    }
    let missing = authority.folder.join("nothing");
    let [certificate, key] = authority.files("localhost");
    assert!(start_error(app(), Tls::new(&missing, &key)).contains("nothing` cannot be read: No such file"));
    assert!(start_error(app(), Tls::new(&certificate, &missing)).contains("the private key in"));
    let ca = start_error(app(), Tls::new(&certificate, &key).client_ca(&key));
    assert!(ca.contains("where certificate authorities belong"), "{ca}");
    Tls::new(certificate, key).check().expect("nothing is wrong with these");
}

#[test]
fn no_certificate_is_made_in_production() {
    let error = start_error(app(), Tls::adhoc());
    assert!(error.contains("is for development only"), "{error}");
}

#[hipflask::test]
async fn a_certificate_is_made_for_development() {
    let server = Server::start_with(app().config("DEBUG", true), Tls::adhoc());
    // Whatever is shown is trusted here, so only its form and its names are looked at.
    let socket = tokio::net::TcpStream::connect(server.address).await.expect("the server accepts");
    let shown = super::clients::shown_to_anybody(socket).await;
    let mut roots = tokio_rustls::rustls::RootCertStore::empty();
    roots.add(shown).expect("it can be trusted");
    let client = tokio_rustls::rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut connection = Secure::try_open(&server, client.clone(), name).await.expect(name);
        let answer = connection.ask("/how").await.expect("an answer");
        assert!(answer.contains("true nobody"), "{answer}");
        assert!(!answer.contains("strict-transport-security"), "a developer's machine is left alone: {answer}");
    }
    assert!(Secure::try_open(&server, client, "example.org").await.is_err());
}
