//! HTTP/2 by prior knowledge.

use std::sync::Arc;
use std::time::Duration;

use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use hipflask::http::{Body, BodySender, Bytes};
use hipflask::prelude::*;
use hipflask::{Rule, Status};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Events, Gate, SHORT, Server, app, rule, soon, wait};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// A connection; its task ends with it.
struct Connection {
    send: SendRequest<Bytes>,
    ended: JoinHandle<std::result::Result<(), h2::Error>>,
}

impl Connection {
    async fn open(server: &Server) -> Connection {
        Connection::with(server, h2::client::Builder::new()).await
    }

    async fn with(server: &Server, builder: h2::client::Builder) -> Connection {
        let stream = server.connect().await.stream;
        let (send, connection) = soon(builder.handshake(stream)).await.expect("the server speaks HTTP/2");
        Connection { send, ended: tokio::spawn(connection) }
    }

    /// Begins a request; its body is still to be sent, unless `body` is `None`.
    async fn begin(&self, method: &str, path: &str, ends: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let request = http::Request::builder().method(method).uri(format!("http://localhost{path}"));
        let request = request.version(http::Version::HTTP_2).body(()).expect("a request");
        let mut send = soon(self.send.clone().ready()).await.expect("the connection is open");
        send.send_request(request, ends).expect("the connection is open")
    }

    async fn get(&self, path: &str) -> (u16, std::result::Result<String, h2::Error>) {
        let (response, _) = self.begin("GET", path, true).await;
        receive(response).await
    }
}

/// The status and the body, or why it broke off.
async fn receive(response: ResponseFuture) -> (u16, std::result::Result<String, h2::Error>) {
    let response = match soon(response).await {
        Ok(response) => response,
        Err(error) => return (0, Err(error)),
    };
    (response.status().as_u16(), receive_body(response).await)
}

async fn receive_body(response: http::Response<h2::RecvStream>) -> std::result::Result<String, h2::Error> {
    let mut body = response.into_body();
    let mut all = Vec::new();
    while let Some(chunk) = soon(body.data()).await {
        let chunk = chunk?;
        let _ = body.flow_control().release_capacity(chunk.len());
        all.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(all).expect("text"))
}

fn ok(body: &str) -> (u16, Option<String>) {
    (200, Some(body.to_owned()))
}

fn plain(answer: (u16, std::result::Result<String, h2::Error>)) -> (u16, Option<String>) {
    (answer.0, answer.1.ok())
}

fn ping() -> App {
    app()
        .add_url_rule(rule("/ping"), async || "pong")
        .add_url_rule(rule("/"), async |body: Bytes| body.len().to_string())
}

#[tokio::test]
async fn requests_share_a_connection() {
    let gate = Gate::new();
    let server = Server::start(ping().add_url_rule(Rule::new("/slow"), gate.view()));
    let client = Connection::open(&server).await;
    let (slow, _) = client.begin("GET", "/slow", true).await;
    gate.begun().await;
    // The second does not wait for the first.
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
    gate.open();
    assert_eq!(plain(receive(slow).await), ok("finished"));
}

#[tokio::test]
async fn bodies_are_streamed_both_ways() {
    let echo = async |body: Body| {
        let mut body = body;
        Body::stream(async move |mut out| {
            while let Some(chunk) = body.chunk().await {
                out.send(chunk?).await?;
            }
            Ok(())
        })
    };
    let server = Server::start(app().add_url_rule(rule("/"), echo));
    let client = Connection::open(&server).await;
    let (response, mut body) = client.begin("POST", "/", false).await;
    let mut answer = soon(response).await.expect("an answer").into_body();
    for n in 0..3 {
        let text = format!("line {n}");
        body.send_data(text.clone().into(), n == 2).expect("the stream is open");
        assert_eq!(soon(answer.data()).await.expect("a chunk").expect("no error"), text);
    }
    // At most an empty frame tells the end.
    assert!(soon(answer.data()).await.is_none_or(|end| end.is_ok_and(|end| end.is_empty())));
    // One beyond all windows, in one piece.
    let large = "x".repeat(3_000_000);
    let text = large.clone();
    let server = Server::start(app().add_url_rule(rule("/"), move || {
        let text = text.clone();
        async move { text }
    }));
    let client = Connection::open(&server).await;
    assert!(plain(client.get("/").await) == ok(&large));
}

#[tokio::test]
async fn what_has_no_body_has_none_on_the_wire() {
    let server = Server::start(ping().add_url_rule(Rule::new("/204"), async || (Status::NO_CONTENT, "not sent")));
    let client = Connection::open(&server).await;
    for (method, path, status, length) in [("HEAD", "/ping", 200, Some("4")), ("GET", "/204", 204, None)] {
        let (response, _) = client.begin(method, path, true).await;
        let response = soon(response).await.expect("an answer");
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("content-length").map(|value| value.to_str().expect("text")), length);
        assert!(response.into_body().is_end_stream());
    }
}

#[tokio::test]
async fn a_view_runs_to_its_end_when_its_stream_is_reset_or_its_connection_lost() {
    let gate = Gate::new();
    let server = Server::start(ping().add_url_rule(Rule::new("/slow"), gate.view()));
    let client = Connection::open(&server).await;
    let (_response, mut stream) = client.begin("GET", "/slow", true).await;
    gate.begun().await;
    stream.send_reset(Reason::CANCEL);
    // The server knows of it when it answers what was sent behind it.
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
    gate.open();
    gate.ended().await;

    let (_response, _stream) = client.begin("GET", "/slow", true).await;
    gate.begun().await;
    client.ended.abort();
    drop(client);
    gate.open();
    gate.ended().await;
}

#[tokio::test]
async fn a_stream_ends_when_it_is_reset_or_its_connection_is_lost() {
    let events = Events::new();
    let server = Server::start(ping().add_url_rule(rule("/events"), events.view()).config("MAX_CONNECTIONS", 1));
    for is_lost in [false, true] {
        let client = Connection::open(&server).await;
        let (response, mut stream) = client.begin("GET", "/events", true).await;
        let mut body = soon(response).await.expect("an answer").into_body();
        assert_eq!(soon(body.data()).await.expect("a piece").expect("no error"), "first");
        if is_lost {
            client.ended.abort();
            drop((client, stream, body));
        } else {
            stream.send_reset(Reason::CANCEL);
        }
        events.dropped().await;
    }
    // The place of the connection is free again.
    assert_eq!(plain(Connection::open(&server).await.get("/ping").await), ok("pong"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_reset_and_nothing_else_is() {
    async fn broken(mut out: BodySender) -> Result<()> {
        out.send("half").await?;
        Err(Error::msg("the disk is gone"))
    }
    async fn panicking(mut out: BodySender) -> Result<()> {
        out.send("half").await?;
        panic!("the disk is gone")
    }
    let declared = |body: &'static str| async move {
        let body = Body::stream(async move |mut out| out.send(body).await);
        Response::new(body).with_header("content-length", "8")
    };
    let gate = Gate::new();
    let server = Server::start(
        ping()
            .add_url_rule(Rule::new("/slow"), gate.view())
            .add_url_rule(Rule::new("/broken"), async || Body::stream(broken))
            .add_url_rule(Rule::new("/sized"), async || Body::stream_sized(8, broken))
            .add_url_rule(Rule::new("/panic"), async || Body::stream(panicking))
            .add_url_rule(Rule::new("/short"), move || declared("half"))
            .add_url_rule(Rule::new("/long"), move || declared("half and more"))
            .add_url_rule(Rule::new("/corrected"), async || Response::new("half").with_header("content-length", "8")),
    );
    let client = Connection::open(&server).await;
    let (slow, _) = client.begin("GET", "/slow", true).await;
    gate.begun().await;
    for path in ["/broken", "/sized", "/panic", "/short", "/long"] {
        // The reset may overtake the head.
        let (_, body) = client.get(path).await;
        assert_eq!(body.expect_err("it is not whole").reason(), Some(Reason::INTERNAL_ERROR), "{path}");
    }
    assert_eq!(plain(client.get("/corrected").await), ok("half"));
    gate.open();
    assert_eq!(plain(receive(slow).await), ok("finished"));
}

#[tokio::test]
async fn an_upgrade_is_refused_and_no_interim_answer_is_one() {
    let upgrade = async || hipflask::Response::upgrade("echo", async |_| Ok(()));
    let server = Server::start(
        ping().add_url_rule(Rule::new("/upgrade"), upgrade).add_url_rule(Rule::new("/early"), async || ("early", 103)),
    );
    let client = Connection::open(&server).await;
    // The error says what would do.
    let (status, body) = client.get("/upgrade").await;
    assert_eq!((status, body.is_ok_and(|body| body.contains("HTTP/1.1"))), (505, true));
    assert_eq!(client.get("/early").await.0, 500);
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
}

/// A stream that speaks another protocol.
struct Tunnel {
    send: SendStream<Bytes>,
    receive: h2::RecvStream,
}

impl Tunnel {
    /// Asks for a tunnel; the answer, and the tunnel if there is one.
    async fn open(client: &Connection, path: &str, protocol: &'static str) -> (http::Response<()>, Tunnel) {
        let request = http::Request::builder().method("CONNECT").uri(format!("http://localhost{path}"));
        let request = request.version(http::Version::HTTP_2).extension(h2::ext::Protocol::from_static(protocol));
        // With the first answer the client knows what the server can do.
        let _ = client.get("/").await;
        let mut sender = soon(client.send.clone().ready()).await.expect("the connection is open");
        assert!(sender.is_extended_connect_protocol_enabled());
        let (response, send) = sender.send_request(request.body(()).expect("a request"), false).expect("it is open");
        let (head, receive) = soon(response).await.expect("an answer").into_parts();
        (http::Response::from_parts(head, ()), Tunnel { send, receive })
    }

    async fn echoes(&mut self, text: &'static str) {
        self.send.send_data(text.into(), false).expect("the stream is open");
        let mut received = Vec::new();
        while received.len() < text.len() {
            received.extend(soon(self.receive.data()).await.expect("more").expect("no error"));
        }
        assert_eq!(received, text.as_bytes());
    }
}

/// Sends back what comes.
async fn echo(connection: hipflask::http::Upgraded) -> Result<()> {
    let (mut reading, mut writing) = tokio::io::split(connection);
    tokio::io::copy(&mut reading, &mut writing).await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_changes_its_protocol_beside_others() {
    let (ends, ended) = tokio::sync::mpsc::unbounded_channel();
    let app = ping()
        .config("SERVER_KEEP_ALIVE_TIMEOUT", SHORT)
        .config("SERVER_HEADER_TIMEOUT", SHORT)
        .add_url_rule(Rule::new("/echo"), async |ctx: &mut Context| {
            let request = ctx.request();
            let asked = format!("{} {}", request.method(), request.is_websocket());
            hipflask::Response::upgrade("Echo", echo)?.with_header("x-asked", asked)
        })
        .on_finished(move |finished| {
            let told = (finished.rule().unwrap_or_default().to_owned(), finished.bytes(), finished.is_complete());
            let _ = ends.send(told);
        });
    let server = Server::start(app);
    let mut ended = ended;
    let client = Connection::open(&server).await;
    let (answer, mut tunnel) = Tunnel::open(&client, "/echo", "echo").await;
    assert_eq!((answer.status().as_u16(), answer.headers()["x-asked"].to_str().ok()), (200, Some("GET false")));
    for name in ["upgrade", "connection", "content-length", "x-frame-options"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    let (_, mut other) = Tunnel::open(&client, "/echo", "echo").await;
    for _ in 0..3 {
        // A connection that says nothing tells that the time-outs have passed.
        server.connect().await.is_closed().await;
        tunnel.echoes("one").await;
        other.echoes("the other").await;
        assert_eq!(plain(client.get("/ping").await), ok("pong"));
    }
    tunnel.send.send_data(Bytes::new(), true).expect("the stream is open");
    assert!(soon(tunnel.receive.data()).await.is_none_or(|end| end.is_ok_and(|end| end.is_empty())));
    other.send.send_reset(Reason::CANCEL);
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(soon(ended.recv()).await.filter(|(rule, ..)| rule == "/echo"));
    }
    assert_eq!(told[0], ("/echo".to_owned(), 9, true));
    assert_eq!((told[1].0.as_str(), told[1].1), ("/echo", 27));
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
}

#[tokio::test]
async fn a_tunnel_is_refused_like_any_other_request() {
    let server = Server::start(
        ping()
            .add_url_rule(Rule::new("/echo"), async || hipflask::Response::upgrade("echo", echo))
            .add_url_rule(Rule::new("/no"), async || -> Result<&str> { abort!(403) }),
    );
    let client = Connection::open(&server).await;
    for (path, protocol, status) in
        [("/echo", "chat", 505), ("/no", "echo", 403), ("/nowhere", "echo", 404), ("/ping", "echo", 501)]
    {
        let (answer, _tunnel) = Tunnel::open(&client, path, protocol).await;
        assert_eq!(answer.status(), status, "{path} {protocol}");
    }
}

#[tokio::test]
async fn a_tunnel_is_told_when_the_server_stops() {
    let farewell = async || {
        hipflask::Response::upgrade("echo", async |mut connection: hipflask::http::Upgraded| {
            connection.stopping().await;
            Ok(tokio::io::AsyncWriteExt::write_all(&mut connection, b"bye").await?)
        })
    };
    let server = Server::start(app().add_url_rule(Rule::new("/"), farewell));
    let client = Connection::open(&server).await;
    let (_, mut tunnel) = Tunnel::open(&client, "/", "echo").await;
    let stopped = server.stop();
    assert_eq!(soon(tunnel.receive.data()).await.expect("a piece").expect("no error"), "bye");
    drop(tunnel);
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn heads_that_http1_would_not_have_are_refused() {
    let server = Server::start(ping());
    let client = Connection::open(&server).await;
    for (method, target, host, status) in [
        ("GET", "http://localhost/ping", "localhost", 200),
        ("GET", "http://localhost/ping", "evil.test", 400),
        ("get", "http://localhost/ping", "localhost", 400),
        ("CONNECT", "localhost:80", "localhost:80", 501),
    ] {
        let request = http::Request::builder().method(method).uri(target).version(http::Version::HTTP_2);
        let request = request.header("host", host).body(()).expect("a request");
        let mut send = soon(client.send.clone().ready()).await.expect("the connection is open");
        let (response, _stream) = send.send_request(request, true).expect("the connection is open");
        assert_eq!(receive(response).await.0, status, "{method} {target} {host}");
    }
    // Nor are headers beyond all measure taken.
    let request = http::Request::get("http://localhost/ping").version(http::Version::HTTP_2);
    let request = request.header("x-a", "v".repeat(70_000)).body(()).expect("a request");
    let mut send = soon(client.send.clone().ready()).await.expect("the connection is open");
    let (response, _stream) = send.send_request(request, true).expect("the connection is open");
    assert_ne!(receive(response).await.0, 200);
    assert_eq!(plain(Connection::open(&server).await.get("/ping").await), ok("pong"));
}

#[tokio::test]
async fn a_body_that_is_too_large_or_never_comes_is_answered_and_the_connection_lives_on() {
    let app = ping().config("MAX_CONTENT_LENGTH", 1000).config("SERVER_BODY_TIMEOUT", SHORT);
    let server = Server::start(app);
    let client = Connection::open(&server).await;
    let (response, mut body) = client.begin("POST", "/", false).await;
    body.send_data(vec![b'x'; 2000].into(), false).expect("the stream is open");
    assert_eq!(receive(response).await.0, 413);
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.push(client.begin("POST", "/", false).await);
    }
    for (response, _body) in waiting {
        assert_eq!(receive(response).await.0, 408);
    }
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
}

#[tokio::test]
async fn no_more_than_128_views_of_one_connection_run_at_once() {
    let gate = Gate::new();
    let server = Server::start(ping().add_url_rule(Rule::new("/slow"), gate.view()));
    let client = Connection::open(&server).await;
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
    assert_eq!(client.send.current_max_send_streams(), 128);
    // A client that resets its streams may open others, but the views of the first still run.
    for _ in 0..128 {
        let (_response, mut stream) = client.begin("GET", "/slow", true).await;
        gate.begun().await;
        stream.send_reset(Reason::CANCEL);
    }
    let (one_more, _stream) = client.begin("GET", "/slow", true).await;
    // Another connection is served meanwhile.
    assert_eq!(plain(Connection::open(&server).await.get("/ping").await), ok("pong"));
    assert_eq!(gate.unseen(), 0);
    for _ in 0..129 {
        gate.open();
    }
    assert_eq!(plain(receive(one_more).await), ok("finished"));
}

#[tokio::test]
async fn a_client_that_opens_and_resets_in_a_flood_is_shown_the_door() {
    let gate = Gate::new();
    let server = Server::start(ping().add_url_rule(Rule::new("/slow"), gate.view()));
    let mut flood = [PREFACE, SETTINGS].concat();
    for stream in (1..2000_u32).step_by(2) {
        // GET /slow of `a`, complete, and the reset of its stream.
        flood.extend(b"\0\0\x0c\x01\x05");
        flood.extend(stream.to_be_bytes());
        flood.extend(b"\x82\x86\x04\x05/slow\x01\x01a");
        flood.extend(b"\0\0\x04\x03\0");
        flood.extend(stream.to_be_bytes());
        flood.extend(b"\0\0\0\x08");
    }
    let mut client = server.connect().await;
    client.send_if_taken(&flood).await;
    client.rest_or_reset().await;
    assert!(gate.unseen() <= 128, "{} views run", gate.unseen());
    assert_eq!(plain(Connection::open(&server).await.get("/ping").await), ok("pong"));
}

#[tokio::test]
async fn an_idle_connection_is_taken_leave_of() {
    let server =
        Server::start(ping().config("SERVER_KEEP_ALIVE_TIMEOUT", SHORT).config("SERVER_HEADER_TIMEOUT", SHORT));
    let client = Connection::open(&server).await;
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
    // With a GOAWAY: the client knows that nothing of its own was lost.
    assert!(soon(client.ended).await.expect("it does not panic").is_ok());
    let gone = soon(client.send.ready()).await.expect_err("the connection has ended");
    assert!(gone.is_go_away() && gone.reason() == Some(Reason::NO_ERROR), "{gone:?}");
}

#[tokio::test]
async fn frames_that_belong_to_no_request_do_not_begin_one() {
    let server = Server::start(ping().config("SERVER_HEADER_TIMEOUT", SHORT));
    let stream = server.connect().await.stream;
    let (send, mut connection) = soon(h2::client::handshake(stream)).await.expect("the server speaks HTTP/2");
    let mut pings = connection.ping_pong().expect("the first to ask");
    let client = Connection { send, ended: tokio::spawn(connection) };
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
    soon(pings.ping(h2::Ping::opaque())).await.expect("the server answers");
    // A connection of HTTP/1 that says nothing tells when the time-out is over, twice.
    for _ in 0..2 {
        server.connect().await.is_closed().await;
    }
    assert_eq!(plain(client.get("/ping").await), ok("pong"));
}

#[tokio::test]
async fn a_client_that_makes_no_room_is_cut_off() {
    let sent = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&sent);
    let view = move || {
        let sent = Arc::clone(&count);
        async move {
            Body::stream(async move |mut out| {
                loop {
                    out.send(vec![b'x'; 64 * 1024]).await?;
                    sent.add_permits(1);
                }
            })
        }
    };
    let app = app().add_url_rule(rule("/"), view).add_url_rule(rule("/full"), async || "x".repeat(1_000_000));
    let app = app.config("SERVER_WRITE_TIMEOUT", SHORT).config("SERVER_HEADER_TIMEOUT", SHORT);
    let server = Server::start(app.config("SERVER_KEEP_ALIVE_TIMEOUT", 3600));
    for path in ["/", "/full"] {
        let mut client = Connection::open(&server).await;
        let (response, _) = client.begin("GET", path, true).await;
        // The body is neither read nor dropped.
        let response = soon(response).await.expect("an answer");
        let _ = soon(&mut client.ended).await.expect("it does not panic");
        assert!(receive_body(response).await.is_err(), "{path}");
    }
    // It was not produced ahead of its reader either.
    soon(wait(&sent)).await;
    assert!(sent.available_permits() < 64, "{} pieces were made for no one", sent.available_permits());
}

#[tokio::test]
async fn the_end_of_the_server_is_told_and_waits_for_what_is_in_flight() {
    let gate = Gate::new();
    let server = Server::start(ping().add_url_rule(Rule::new("/slow"), gate.view()));
    let (busy, idle) = (Connection::open(&server).await, Connection::open(&server).await);
    assert_eq!(plain(idle.get("/ping").await), ok("pong"));
    let (slow, _) = busy.begin("GET", "/slow", true).await;
    gate.begun().await;
    let stopped = server.stop();
    assert!(soon(idle.ended).await.expect("it does not panic").is_ok());
    // It was told to go away, so the next request is not even sent.
    let refused = async {
        loop {
            match busy.send.clone().ready().await {
                Err(error) => return error.reason(),
                Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    assert_eq!(soon(refused).await, Some(Reason::NO_ERROR));
    assert!(!stopped.is_finished());
    gate.open();
    assert_eq!(plain(receive(slow).await), ok("finished"));
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn the_end_of_the_server_waits_for_views_whose_connection_is_lost() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().expect("no test panics while it notes").push(what)
    };
    let gate = Gate::new();
    let (view, ended) = (gate.view(), note("view"));
    let view = move || {
        let (view, ended) = (view(), ended.clone());
        async move {
            view.await;
            ended();
            "finished"
        }
    };
    let server = Server::start_here(app().add_url_rule(rule("/"), view).on_shutdown(note("end")));
    let client = Connection::open(&server).await;
    let (_response, _stream) = client.begin("GET", "/", true).await;
    gate.begun().await;
    client.ended.abort();
    let stopped = server.stop();
    // All that can happen without the view gets its turn.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    gate.open();
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
    assert_eq!(*order.lock().expect("nothing panicked"), ["view", "end"]);
}

#[tokio::test]
async fn frames_that_make_no_sense_end_only_their_connection() {
    let server = Server::start(ping());
    for frames in [
        // Headers on an even stream, data on a stream that is not open, a frame of 16 MiB, no preface.
        [PREFACE, SETTINGS, b"\0\0\x01\x01\x05\0\0\0\x02\x82"].concat(),
        [PREFACE, SETTINGS, b"\0\0\x01\0\x01\0\0\0\x05x"].concat(),
        [PREFACE, SETTINGS, b"\xff\xff\xff\0\0\0\0\0\x01"].concat(),
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec(),
        b"PRINT / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
    ] {
        let mut client = server.connect().await;
        client.send_if_taken(&frames).await;
        client.rest_or_reset().await;
    }
    assert_eq!(plain(Connection::open(&server).await.get("/ping").await), ok("pong"));
}

/// Many bodies at once, each within its limit, that are never complete: a connection has a share of the memory.
#[tokio::test]
async fn the_bodies_of_a_connection_share_what_may_be_kept_in_memory() {
    let server = Server::start(ping().config("MAX_BUFFERED", 800_000).config("MAX_CONTENT_LENGTH", 400_000));
    let (greedy, other) = tokio::join!(Connection::open(&server), Connection::open(&server));
    let post = async |connection: &Connection| {
        let (response, mut body) = connection.begin("POST", "/", false).await;
        for _ in 0..4 {
            body.reserve_capacity(16_000);
            body.send_data(vec![b'x'; 16_000].into(), false).expect("the stream is open");
        }
        (response, body)
    };
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(post(&greedy).await);
    }
    // Some are told that there is no room, the others wait for the rest of their bodies.
    let (mut refused, mut waiting) = (0, Vec::new());
    for (response, body) in first {
        match tokio::time::timeout(Duration::from_millis(500), response).await {
            Ok(response) => {
                let response = response.expect("an answer");
                assert_eq!(
                    (response.status().as_u16(), response.headers()["retry-after"].to_str().ok()),
                    (503, Some("1"))
                );
                refused += 1;
            }
            Err(_) => waiting.push(body),
        }
    }
    assert!(refused >= 2 && !waiting.is_empty(), "{refused} refused, {} waiting", waiting.len());
    let whole = async |connection: &Connection| {
        let (response, mut body) = post(connection).await;
        body.send_data(Bytes::new(), true).expect("the stream is open");
        plain(receive(response).await)
    };
    assert_eq!(whole(&other).await, ok("64000"), "another connection has a share of its own");
    drop((waiting, greedy));
    let again = Connection::open(&server).await;
    assert_eq!(whole(&again).await, ok("64000"), "and what was taken is given back");
}
