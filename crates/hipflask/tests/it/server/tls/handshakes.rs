//! Clients that do not do their part.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::super::{SHORT, Server, soon};
use super::{Authority, Secure, app};

/// Whatever the server still sends, up to the end of the connection, however it ends.
async fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = soon(socket.read_to_end(&mut bytes)).await;
    bytes
}

#[hipflask::test]
async fn clients_that_say_nothing_make_room_for_others() {
    let authority = Authority::new();
    let app = app().config("MAX_HANDSHAKES", 3).config("SERVER_HANDSHAKE_TIMEOUT", 600);
    let server = Server::start_with(app, authority.tls());
    let mut silent = JoinSet::new();
    for n in 0..10 {
        let mut socket = TcpStream::connect(server.address).await.expect("the server accepts");
        // One that began and stopped is no better.
        socket.write_all(&[22, 3, 1, 2, 0][..n % 2 * 5]).await.expect("it is connected");
        silent.spawn(async move { rest(&mut socket).await });
    }
    for _ in 0..10 - 3 {
        let sent = soon(silent.join_next()).await.expect("there are others").expect("no panic");
        assert!(sent.is_empty());
    }
    for _ in 0..5 {
        let mut connection = Secure::open(&server, authority.client()).await;
        assert!(connection.ask("/how").await.expect("an answer").contains("true nobody"));
    }
    soon(silent.join_next()).await.expect("there is one").expect("no panic");
}

#[hipflask::test]
async fn a_handshake_has_its_time() {
    let authority = Authority::new();
    let server = Server::start_with(app().config("SERVER_HANDSHAKE_TIMEOUT", SHORT), authority.tls());
    for begun in [&b""[..], &[22], &[22, 3, 1, 2, 0, 1]] {
        let mut socket = TcpStream::connect(server.address).await.expect("the server accepts");
        socket.write_all(begun).await.expect("it is connected");
        assert!(rest(&mut socket).await.is_empty(), "{begun:?}");
    }
}

#[hipflask::test]
async fn what_is_not_a_handshake_is_refused() {
    let authority = Authority::new();
    let server = Server::start_with(app(), authority.tls());
    for (sent, answered) in [
        (&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], "HTTP/1.1 400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (&[0x80, 0x2e, 1, 0, 2], ""),
        (&[0], ""),
    ] {
        let mut socket = TcpStream::connect(server.address).await.expect("the server accepts");
        socket.write_all(sent).await.expect("it is connected");
        let answer = String::from_utf8_lossy(&rest(&mut socket).await).into_owned();
        assert_eq!(answer.lines().next().unwrap_or_default(), answered);
    }
    // A record that is one, with nonsense inside, is told so by an alert.
    let mut socket = TcpStream::connect(server.address).await.expect("the server accepts");
    socket.write_all(&[22, 3, 1, 0, 4, 99, 0, 0, 0]).await.expect("it is connected");
    assert_eq!(rest(&mut socket).await.first(), Some(&21));
}

/// The first message of a client, made by hand, because no current library speaks what is old: with the highest version
/// that it knows, and the suites that it has.
fn hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites.len()).expect("there are few").to_be_bytes());
    body.extend(suites);
    body.extend([1, 0]);
    // P-256, points as they are, and signatures by ECDSA and RSA with SHA-256.
    body.extend([0, 22, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]);
    let len = u8::try_from(body.len()).expect("it is short");
    let message = [&[1, 0, 0, len], &body[..]].concat();
    [&[22, 3, 1, 0, len + 4], &message[..]].concat()
}

/// What scanners look for first. Everything that is not TLS 1.2 or 1.3 with forward secrecy and authenticated encryption
/// is refused.
#[hipflask::test]
async fn what_is_old_is_refused() {
    const SSL3: u16 = 0x0300;
    const TLS10: u16 = 0x0301;
    const TLS11: u16 = 0x0302;
    const TLS12: u16 = 0x0303;
    const ECDHE_ECDSA_AES128_GCM: u16 = 0xc02b;
    let authority = Authority::new();
    let server = Server::start_with(app(), authority.tls());
    for (version, suite, is_answered) in [
        (TLS12, ECDHE_ECDSA_AES128_GCM, true),
        (SSL3, ECDHE_ECDSA_AES128_GCM, false),
        (TLS10, ECDHE_ECDSA_AES128_GCM, false),
        (TLS11, ECDHE_ECDSA_AES128_GCM, false),
        // Without forward secrecy, with CBC, with RC4, with 3DES, without encryption, without a certificate.
        (TLS12, 0x009c, false),
        (TLS12, 0xc023, false),
        (TLS12, 0xc007, false),
        (TLS12, 0xc008, false),
        (TLS12, 0xc006, false),
        (TLS12, 0xc018, false),
    ] {
        let mut socket = TcpStream::connect(server.address).await.expect("the server accepts");
        socket.write_all(&hello(version, &[suite])).await.expect("it is connected");
        let mut kind = [0];
        soon(socket.read_exact(&mut kind)).await.expect("it says something");
        // A handshake goes on, or an alert ends it.
        assert_eq!(kind[0] == 22, is_answered, "{version:04x} {suite:04x}: {kind:?}");
    }
}
