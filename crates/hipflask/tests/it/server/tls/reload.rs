//! Certificates that are renewed while the server runs.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use hipflask::server::Tls;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::super::{SHORT, Server, soon};
use super::{Authority, Secure, app};

/// The certificate that a new connection is shown.
async fn shown(server: &Server, authority: &Authority) -> CertificateDer<'static> {
    let connection = Secure::open(server, authority.client()).await;
    connection.0.get_ref().1.peer_certificates().expect("a server has one")[0].clone()
}

async fn becomes(server: &Server, authority: &Authority, wanted: &CertificateDer<'_>) {
    soon(async {
        while shown(server, authority).await != *wanted {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[hipflask::test]
async fn a_changed_certificate_is_taken_and_no_request_fails() {
    let authority = Authority::new();
    let [certificate, key] = authority.files("localhost");
    let tls = Tls::new(&certificate, &key);
    let server = Arc::new(Server::start_with(app().config("TLS_RELOAD_INTERVAL", SHORT), tls));
    let mut kept = Secure::open(&server, authority.client()).await;
    let (asked, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (server, asked, stop, client) =
                (Arc::clone(&server), Arc::clone(&asked), Arc::clone(&stop), authority.client());
            tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    let mut connection = Secure::open(&server, client.clone()).await;
                    assert!(connection.ask("/how").await.expect("an answer").contains(" 200 "));
                    asked.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let new = authority.issue_for("localhost");
        authority.write("localhost.pem", &new.chain);
        // In between the two do not belong together, and the old pair stays.
        assert!(Tls::new(&certificate, &key).check().is_err());
        authority.write("localhost.key", &new.key.serialize_pem());
        becomes(&server, &authority, new.certificate.der()).await;
    }
    let good = shown(&server, &authority).await;
    authority.write("localhost.pem", "-----BEGIN CERTIFICATE-----\n");
    let before = asked.load(Relaxed);
    soon(async {
        while asked.load(Relaxed) < before + 20 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(shown(&server, &authority).await, good, "a bad file changes nothing");
    stop.store(true, Relaxed);
    for client in clients {
        soon(client).await.expect("no request failed");
    }
    assert!(kept.ask("/how").await.expect("an old connection goes on").contains(" 200 "));
}

#[hipflask::test]
async fn a_signal_has_them_read_again() {
    let authority = Authority::new();
    let tls = authority.tls();
    let server = Server::start_with(app().config("TLS_RELOAD_INTERVAL", serde_json::Value::Null), tls);
    let old = shown(&server, &authority).await;
    let new = authority.issue_for("localhost");
    authority.write("localhost.pem", &new.chain);
    authority.write("localhost.key", &new.key.serialize_pem());
    assert_eq!(shown(&server, &authority).await, old, "nobody has said anything");
    let sent = Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    becomes(&server, &authority, new.certificate.der()).await;
}
