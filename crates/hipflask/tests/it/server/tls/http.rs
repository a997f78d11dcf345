//! HTTP over TLS: the versions, and what a view sees.

use hipflask::Rule;
use hipflask::http::{Body, BodySender, Upgraded};
use hipflask::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion};

use super::super::{Gate, Server, soon};
use super::{Authority, Secure, app};

#[hipflask::test]
async fn a_request_over_tls_is_secure() {
    let authority = Authority::new();
    let server = Server::start_with(
        app().config("SECRET_KEY", "a key that is long enough, and only for tests"),
        authority.tls(),
    );
    for (version, is) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let client = ClientConfig::builder_with_protocol_versions(&[version]);
        let client = client.with_root_certificates(authority.roots()).with_no_client_auth();
        let mut connection = Secure::open(&server, client).await;
        assert_eq!(connection.0.get_ref().1.protocol_version(), Some(is));
        let answer = connection.ask("/how?a=%20").await.expect("the server says goodbye");
        assert!(answer.ends_with("\r\n\r\ntrue nobody https://localhost/how?a=%20"), "{answer}");
        assert!(answer.contains("\r\nstrict-transport-security: max-age="), "{answer}");
    }
}

#[hipflask::test]
async fn http2_is_agreed_on() {
    let authority = Authority::new();
    let server = Server::start_with(app(), authority.tls());
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let mut client = authority.client();
        client.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut connection = Secure::open(&server, client).await;
        let spoken = connection.0.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(spoken.as_deref(), agreed.map(str::as_bytes));
        if agreed == Some("h2") {
            let (send, connection) = soon(h2::client::handshake(connection.0)).await.expect("it is HTTP/2");
            let connection = tokio::spawn(connection);
            let request = http::Request::get("https://localhost/how").version(http::Version::HTTP_2);
            let mut send = soon(send.ready()).await.expect("the connection is open");
            let (response, _) = send.send_request(request.body(()).expect("a request"), true).expect("it is open");
            let mut body = soon(response).await.expect("an answer").into_body();
            let data = soon(body.data()).await.expect("a body").expect("it arrives");
            assert_eq!(&data[..], b"true nobody https://localhost/how");
            connection.abort();
        } else {
            assert!(connection.ask("/how").await.expect("an answer").ends_with("true nobody https://localhost/how"));
        }
    }
    let mut client = authority.client();
    client.alpn_protocols = vec![b"spdy/3".to_vec()];
    assert!(Secure::try_open(&server, client, "localhost").await.is_err(), "nothing in common");
}

/// The client reads only when it has sent everything: what is encrypted waits in several places.
#[hipflask::test]
async fn large_bodies_go_both_ways() {
    let authority = Authority::new();
    let server = Server::start_with(app(), authority.tls());
    let mut connection = Secure::open(&server, authority.client()).await;
    let body: Vec<u8> = (0..1_900_000_u32).map(|n| (n % 251) as u8).collect();
    for _ in 0..2 {
        connection
            .send(&format!("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len()))
            .await;
        soon(connection.0.write_all(&body)).await.expect("the server reads");
        let mut received = Vec::new();
        while !received.ends_with(&body[body.len() - 1000..]) {
            let mut piece = [0; 16 * 1024];
            let len = soon(connection.0.read(&mut piece)).await.expect("it arrives");
            assert!(len > 0, "the end came after {} bytes", received.len());
            received.extend_from_slice(&piece[..len]);
        }
        assert!(received.ends_with(&body));
    }
    // Pipelined requests are answered in order.
    let one = "GET /how HTTP/1.1\r\nHost: localhost\r\n\r\n";
    connection.send(&one.repeat(20)).await;
    let answers = connection.ask("/how").await.expect("answers");
    assert_eq!(answers.matches("true nobody").count(), 21);
}

/// The end of a body that is the end of the connection is told from one that was cut off.
#[hipflask::test]
async fn only_a_whole_answer_ends_with_a_goodbye() {
    let authority = Authority::new();
    let stream = |fails: bool| {
        move || {
            std::future::ready(Body::stream(async move |mut sender: BodySender| {
                sender.send("begun").await?;
                if fails { Err(Error::msg("broken off")) } else { Ok(()) }
            }))
        }
    };
    let app = app().add_url_rule(Rule::new("/whole"), stream(false)).add_url_rule(Rule::new("/broken"), stream(true));
    let server = Server::start_with(app, authority.tls());
    for (path, is_whole) in [("/whole", true), ("/broken", false)] {
        let mut connection = Secure::open(&server, authority.client()).await;
        connection.send(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert_eq!(connection.rest().await.is_ok(), is_whole, "{path}");
    }
}

#[hipflask::test]
async fn another_protocol_is_encrypted_too() {
    let authority = Authority::new();
    let echo = async || {
        Response::upgrade("echo", async |mut connection: Upgraded| {
            let mut bytes = [0; 4];
            connection.read_exact(&mut bytes).await?;
            connection.write_all(&bytes).await?;
            connection.shutdown().await?;
            Ok(())
        })
    };
    let server = Server::start_with(app().add_url_rule(Rule::new("/upgrade"), echo), authority.tls());
    let mut connection = Secure::open(&server, authority.client()).await;
    connection
        .send("GET /upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nping")
        .await;
    let answer = connection.rest().await.expect("it ends with a goodbye");
    assert!(answer.starts_with("HTTP/1.1 101") && answer.ends_with("\r\n\r\nping"), "{answer}");
}

#[hipflask::test]
async fn a_client_that_has_said_everything_is_answered() {
    let authority = Authority::new();
    let gate = Gate::new();
    let server = Server::start_with(app().add_url_rule(Rule::new("/gate"), gate.view()), authority.tls());
    let mut connection = Secure::open(&server, authority.client()).await;
    connection.send("GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    soon(connection.0.shutdown()).await.expect("it closes its side");
    gate.begun().await;
    gate.open();
    assert!(connection.rest().await.expect("an answer").ends_with("\r\n\r\nfinished"));
}

#[hipflask::test]
async fn what_is_in_flight_is_finished_when_the_server_stops() {
    let authority = Authority::new();
    let gate = Gate::new();
    let server = Server::start_with(app().add_url_rule(Rule::new("/gate"), gate.view()), authority.tls());
    let _silent = tokio::net::TcpStream::connect(server.address).await.expect("the server accepts");
    let _idle = Secure::open(&server, authority.client()).await;
    let mut connection = Secure::open(&server, authority.client()).await;
    connection.send("GET /gate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    gate.begun().await;
    let ending = server.stop();
    gate.open();
    let answer = connection.rest().await.expect("an answer");
    assert!(answer.ends_with("\r\n\r\nfinished"), "{answer}");
    let began = std::time::Instant::now();
    soon(ending).await.expect("no panic").expect("no error");
    assert!(began.elapsed().as_secs() < 5, "a client that has said nothing keeps nobody waiting");
}
