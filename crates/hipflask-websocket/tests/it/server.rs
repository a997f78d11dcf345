//! On real sockets: HTTP/1.1 and HTTP/2, and the end of the server.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::{Buf as _, Bytes};
use hipflask::prelude::*;
use hipflask_websocket::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::raw::*;
use crate::{echo, echoing, rule};

/// An application that serves as long as the value lives.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<()>>,
}

impl Server {
    pub(crate) fn start(app: App) -> Server {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let server = hipflask::server::Server::new(app.freeze().expect("it is well formed")).listener(listener);
        let ended = tokio::spawn(server.run_until(async {
            let _ = stopped.await;
        }));
        Server { address, stop, ended }
    }

    /// A client of HTTP/1.1, after its handshake. `behind` is sent in one piece with it.
    async fn connect(&self, path: &str, behind: &[u8]) -> Peer<TcpStream> {
        let mut stream = soon(TcpStream::connect(self.address)).await.expect("the server accepts");
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), behind].concat()).await.expect("the server reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(soon(stream.read_u8()).await.expect("an answer"));
        }
        let answer = String::from_utf8(answer).expect("it is text");
        assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
        assert!(answer.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(answer.contains("\r\nconnection: upgrade\r\n"), "{answer}");
        Peer { stream }
    }

    async fn stopped(self) {
        let _ = self.stop.send(());
        soon(self.ended).await.expect("it does not panic").expect("it stops in good order");
    }
}

/// A client of HTTP/2.
struct Http2 {
    send: h2::client::SendRequest<Bytes>,
}

impl Http2 {
    async fn connect(server: &Server) -> Http2 {
        let stream = soon(TcpStream::connect(server.address)).await.expect("the server accepts");
        let (send, connection) = soon(h2::client::handshake(stream)).await.expect("it speaks HTTP/2");
        tokio::spawn(connection);
        let client = Http2 { send };
        // With the first answer the client knows what the server can do.
        client.ask("GET", "/", None, &[]).await;
        assert!(client.send.is_extended_connect_protocol_enabled());
        client
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        protocol: Option<&'static str>,
        headers: &[(&str, &str)],
    ) -> (http::response::Parts, Stream) {
        let mut request = http::Request::builder().method(method).uri(format!("http://localhost{path}"));
        request = request.version(http::Version::HTTP_2);
        if let Some(protocol) = protocol {
            request = request.extension(h2::ext::Protocol::from_static(protocol));
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut sender = soon(self.send.clone().ready()).await.expect("it is open");
        let request = request.body(()).expect("a request");
        let (response, send) = sender.send_request(request, protocol.is_none()).expect("it is open");
        let (head, receive) = soon(response).await.expect("an answer").into_parts();
        (head, Stream { send, receive, rest: Bytes::new() })
    }

    async fn websocket(&self, path: &str) -> Peer<Stream> {
        let (head, stream) = self.ask("CONNECT", path, Some("websocket"), &[("sec-websocket-version", "13")]).await;
        assert_eq!(head.status, 200);
        assert!(!head.headers.contains_key("sec-websocket-accept") && !head.headers.contains_key("upgrade"));
        Peer { stream }
    }
}

/// A stream of HTTP/2 as one of bytes.
struct Stream {
    send: h2::SendStream<Bytes>,
    receive: h2::RecvStream,
    rest: Bytes,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.receive.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(data) => self.rest = data.map_err(std::io::Error::other)?,
            }
            let len = self.rest.len();
            let _ = self.receive.flow_control().release_capacity(len);
        }
        let len = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..len]);
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let sent = self.send.send_data(Bytes::copy_from_slice(bytes), false);
        Poll::Ready(sent.map(|()| bytes.len()).map_err(std::io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(std::io::Error::other))
    }
}

async fn echoes<S: AsyncRead + AsyncWrite + Unpin>(peer: &mut Peer<S>, text: &str) {
    peer.send(&frame(TEXT, text)).await;
    assert!(peer.message().await == (true, text.as_bytes().to_vec()));
}

#[tokio::test]
async fn messages_go_over_http1() {
    let server = Server::start(echoing().config("MAX_CONNECTIONS", 1));
    for _ in 0..3 {
        // What comes in one piece with the request belongs to it.
        let mut peer = server.connect("/echo", &frame(TEXT, "early").masked()).await;
        assert_eq!(peer.receive().await, Some(frame(TEXT, "early")));
        echoes(&mut peer, "hello").await;
        echoes(&mut peer, &"x".repeat(1_000_000)).await;
        peer.send(&close(1000)).await;
        peer.is_closed_with(1000).await;
    }
}

#[tokio::test]
async fn messages_go_over_http2_beside_each_other() {
    let server = Server::start(echoing().config("MAX_CONNECTIONS", 1));
    let client = Http2::connect(&server).await;
    let (mut one, mut other) = (client.websocket("/echo").await, client.websocket("/echo").await);
    for _ in 0..3 {
        echoes(&mut one, "one").await;
        echoes(&mut other, &"other".repeat(100_000)).await;
    }
    one.send(&close(4000)).await;
    one.is_closed_with(4000).await;
    echoes(&mut other, "still here").await;
    other.send_bytes(&[FIN | TEXT, 0]).await;
    other.is_closed_with(1002).await;
    // What refuses does so as in HTTP/1.1, except that there is no key.
    for (path, version, origin, status) in [
        ("/echo", "12", "http://localhost", 426),
        ("/echo", "13", "https://evil.test", 403),
        ("/nowhere", "13", "http://localhost", 404),
        ("/echo", "13", "http://localhost", 200),
    ] {
        let headers = [("sec-websocket-version", version), ("origin", origin)];
        let (head, _stream) = client.ask("CONNECT", path, Some("websocket"), &headers).await;
        assert_eq!(head.status, status, "{path} {version} {origin}");
    }
    let (head, _) = client.ask("GET", "/echo", None, &[]).await;
    assert_eq!(head.status, 400, "the rule is for WebSockets");
}

#[tokio::test]
async fn a_client_of_http2_that_does_not_read_holds_up_the_view() {
    let view = async |handshake: Handshake| {
        handshake.accept(async |socket| {
            for n in 0..200u8 {
                socket.send(vec![n; 10_000]).await?;
            }
            Ok(())
        })
    };
    let server = Server::start(echoing().add_url_rule(rule("/flood"), view));
    let client = Http2::connect(&server).await;
    let mut peer = client.websocket("/flood").await;
    // The window of the connection is full, until it is read.
    for n in 0..200 {
        assert!(peer.message().await == (false, vec![n; 10_000]), "{n}");
    }
    assert_eq!(peer.receive().await, Some(close(1000)));
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let server = Server::start(echoing());
    let mut http1 = server.connect("/echo", b"").await;
    let client = Http2::connect(&server).await;
    let mut http2 = client.websocket("/echo").await;
    echoes(&mut http1, "hello").await;
    echoes(&mut http2, "hello").await;
    let stopping = tokio::spawn(server.stopped());
    for code in [http1.receive().await, http2.receive().await] {
        assert_eq!(code.map(|frame| frame.code()), Some(1001));
    }
    http1.send(&close(1001)).await;
    http2.send(&close(1001)).await;
    assert_eq!(http1.rest().await, []);
    assert_eq!(http2.rest().await, []);
    drop((http1, http2, client));
    soon(stopping).await.expect("it stops");
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_clients_that_say_nothing() {
    let deaf = async |handshake: Handshake| handshake.accept(async |_| std::future::pending().await);
    let app = echoing().config("SERVER_GRACEFUL_TIMEOUT", 0.2).add_url_rule(rule("/deaf"), deaf);
    let server = Server::start(app);
    let (mut one, mut other) = (server.connect("/echo", b"").await, server.connect("/deaf", b"").await);
    server.stopped().await;
    for peer in [&mut one, &mut other] {
        let rest = peer.rest().await;
        assert_eq!(rest.iter().map(Frame::code).collect::<Vec<_>>(), [1001]);
    }
}

#[tokio::test]
async fn a_client_that_vanishes_is_noticed() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let view = move |handshake: Handshake| {
        let tell = tell.clone();
        std::future::ready(handshake.accept(async move |mut socket| {
            let result = echo_until(&mut socket).await;
            let _ = tell.send(socket.ended().expect("it has ended").code().as_u16());
            result
        }))
    };
    let server = Server::start(echoing().add_url_rule(rule("/told"), view));
    let mut peer = server.connect("/told", b"").await;
    echoes(&mut peer, "hello").await;
    drop(peer);
    assert_eq!(soon(told.recv()).await, Some(1006));
    let client = Http2::connect(&server).await;
    let mut peer = client.websocket("/told").await;
    echoes(&mut peer, "hello").await;
    peer.stream.send.send_reset(h2::Reason::CANCEL);
    assert_eq!(soon(told.recv()).await, Some(1006));
}

async fn echo_until(socket: &mut WebSocket) -> Result<()> {
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_chat_sends_to_everybody() {
    use std::sync::{Arc, Mutex};
    let members: Arc<Mutex<Vec<Sender>>> = Arc::default();
    let view = move |handshake: Handshake| {
        let members = Arc::clone(&members);
        std::future::ready(handshake.accept(async move |mut socket| {
            members.lock().expect("no panic").push(socket.sender());
            while let Some(message) = socket.receive().await? {
                let all = members.lock().expect("no panic").clone();
                for member in all {
                    let _ = member.send(message.clone()).await;
                }
            }
            Ok(())
        }))
    };
    let server = Server::start(echoing().add_url_rule(rule("/chat"), view));
    let client = Http2::connect(&server).await;
    let mut http2 = client.websocket("/chat").await;
    let mut http1 = server.connect("/chat", b"").await;
    echoes(&mut http1, "warm up").await;
    let _ = echo;
    http1.send(&frame(TEXT, "to all")).await;
    loop {
        if http2.message().await.1 == b"to all" {
            break;
        }
    }
    assert_eq!(http1.message().await.1, b"to all");
}
