//! Time-outs, limits, and the end of the server.

use std::io::Write;
use std::time::Duration;

use hipflask::Rule;
use hipflask::http::{Body, Bytes};
use hipflask::prelude::*;

use super::{Gate, SHORT, Server, app, rule, soon};

const GET_ROOT: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn hello() -> App {
    app().add_url_rule(rule("/"), async |body: Bytes| body.len().to_string())
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server = Server::start(hello().config("SERVER_HEADER_TIMEOUT", SHORT));
    for start in ["", "P", "PR", "G", "GET / HTTP/1.1\r\nHost: local"] {
        let mut client = server.connect().await;
        client.send(start).await;
        client.is_closed().await;
    }
}

#[tokio::test]
async fn a_head_that_comes_drop_by_drop_ends_the_connection() {
    let server = Server::start(hello().config("SERVER_HEADER_TIMEOUT", SHORT));
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n").await;
    client.drip(b'x').await;
    // With a reset, if a byte was still on its way when the server had waited long enough for the last one.
    assert_eq!(client.rest_or_reset().await, b"");
}

#[tokio::test]
async fn a_head_must_come_in_time_on_a_kept_connection_too() {
    let app = hello().config("SERVER_HEADER_TIMEOUT", SHORT).config("SERVER_KEEP_ALIVE_TIMEOUT", 3600);
    let server = Server::start(app);
    let mut client = server.connect().await;
    client.send(GET_ROOT).await;
    client.answer().await;
    // Another connection tells when the time-out is over: by then this one was looked at, and was idle.
    server.connect().await.is_closed().await;
    server.connect().await.is_closed().await;
    client.send("GET / HTTP/1.1\r\n").await;
    client.is_closed().await;
}

#[tokio::test]
async fn an_idle_connection_is_ended_and_a_busy_one_is_not() {
    let gate = Gate::new();
    let app = hello()
        .add_url_rule(Rule::new("/slow"), gate.view())
        .config("SERVER_HEADER_TIMEOUT", SHORT)
        .config("SERVER_KEEP_ALIVE_TIMEOUT", SHORT);
    let server = Server::start(app);
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    busy.send(GET_ROOT).await;
    busy.answer().await;
    busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    gate.begun().await;
    idle.send(GET_ROOT).await;
    idle.answer().await;
    // Both time-outs have passed when the idle one is closed.
    idle.is_closed().await;
    gate.open();
    assert_eq!(busy.answer().await.body, "finished");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_answered_with_408() {
    let server = Server::start(hello().config("SERVER_BODY_TIMEOUT", SHORT));
    for start in ["Content-Length: 5\r\n\r\nhell", "Transfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n"] {
        let mut client = server.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{start}")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")), "{start:?}");
        client.is_closed().await;
    }
}

#[tokio::test]
async fn a_body_that_comes_drop_by_drop_is_answered_with_408() {
    let server = Server::start(hello().config("SERVER_BODY_TIMEOUT", 0.2));
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n").await;
    // A byte now and then keeps it from ever being idle; that is no reason to wait indefinitely.
    client.drip(b'x').await;
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn a_view_that_takes_its_time_costs_the_body_none() {
    let gate = Gate::new();
    let view = gate.view();
    let slow = move |body: Body| {
        let ready = view();
        async move {
            ready.await;
            let bytes = body.collect(u64::MAX).await?;
            Ok::<_, Error>(bytes.len().to_string())
        }
    };
    let app = app().add_url_rule(rule("/"), slow).config("SERVER_BODY_TIMEOUT", 0.5);
    let server = Server::start(app);
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe").await;
    gate.begun().await;
    client.send("llo").await;
    // Longer than a body may take. All of it has come, but the view has not asked for it yet.
    tokio::time::sleep(Duration::from_millis(700)).await;
    gate.open();
    assert_eq!(client.answer().await.body, "5");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let view = async || {
        Body::stream(async |mut out| {
            loop {
                out.send(vec![b'x'; 64 * 1024]).await?;
            }
        })
    };
    let app = app().add_url_rule(rule("/"), view);
    // The look at a stalled connection comes with the first time-out of all.
    let app = app.config("SERVER_WRITE_TIMEOUT", SHORT).config("SERVER_HEADER_TIMEOUT", SHORT);
    let server = Server::start(app);
    let mut client = server.connect().await;
    client.send(GET_ROOT).await;
    client.head().await;
    // The server is done with it though it never read: only then can the server stop.
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    client.rest_or_reset().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let server = Server::start(hello().config("MAX_CONNECTIONS", 1));
    let mut first = server.connect().await;
    first.send(GET_ROOT).await;
    first.answer().await;
    let mut second = server.connect().await;
    second.send(GET_ROOT).await;
    // The first is served as long as it stays.
    for _ in 0..3 {
        first.send(GET_ROOT).await;
        first.answer().await;
        assert_eq!(second.stream.try_read(&mut [0]).map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    }
    drop(first);
    assert_eq!(second.answer().await.status, 200);
}

#[tokio::test]
async fn it_finishes_what_is_in_flight_and_takes_no_more() {
    let gate = Gate::new();
    let server = Server::start(hello().add_url_rule(Rule::new("/slow"), gate.view()));
    let address = server.address;
    let (mut busy, mut idle, mut silent) = (server.connect().await, server.connect().await, server.connect().await);
    idle.send(GET_ROOT).await;
    idle.answer().await;
    busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    gate.begun().await;
    let stopped = server.stop();
    // Connections that have nothing in flight end at once.
    idle.is_closed().await;
    silent.is_closed().await;
    let refused = soon(tokio::net::TcpStream::connect(address)).await;
    assert_eq!(refused.map(drop).map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionRefused));
    assert!(!stopped.is_finished());
    gate.open();
    let answer = busy.answer().await;
    // The client is told not to use the connection again.
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("finished", Some("close")));
    busy.is_closed().await;
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn it_finishes_a_body_that_is_being_sent() {
    let gate = Gate::new();
    let view = gate.view();
    let stream = move || {
        let rest = view();
        async move {
            Body::stream(async move |mut out| {
                out.send("first").await?;
                out.send(rest.await).await
            })
        }
    };
    let server = Server::start(app().add_url_rule(rule("/"), stream));
    let mut client = server.connect().await;
    client.send(GET_ROOT).await;
    client.head().await;
    assert_eq!(client.chunk().await, b"first");
    let stopped = server.stop();
    gate.open();
    assert_eq!(client.chunk().await, b"finished");
    assert_eq!(client.chunk().await, b"");
    client.is_closed().await;
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn it_answers_clients_that_came_just_before_the_end() {
    let server = Server::start_here(hello());
    // Connected and sent without giving the server a chance to accept: here it runs when we wait.
    let mut socket = std::net::TcpStream::connect(server.address).expect("it listens");
    socket.write_all(GET_ROOT.as_bytes()).expect("the system takes it");
    socket.set_nonblocking(true).expect("a socket can be");
    let mut client = super::Client::new(tokio::net::TcpStream::from_std(socket).expect("a runtime is here"));
    let stopped = server.stop();
    assert_eq!(client.answer().await.status, 200);
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn it_waits_for_a_view_whose_client_has_left() {
    let gate = Gate::new();
    let server = Server::start(hello().add_url_rule(Rule::new("/slow"), gate.view()));
    let mut client = server.connect().await;
    client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    gate.begun().await;
    drop(client);
    let stopped = server.stop();
    gate.open();
    gate.ended().await;
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn it_breaks_off_what_does_not_end() {
    let gate = Gate::new();
    let app = hello().add_url_rule(Rule::new("/slow"), gate.view()).config("SERVER_GRACEFUL_TIMEOUT", SHORT);
    let server = Server::start(app);
    let (mut never, mut half) = (server.connect().await, server.connect().await);
    never.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    gate.begun().await;
    half.send("GET / HTTP/1.1\r\nHost: loc").await;
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    never.is_closed().await;
    half.is_closed().await;
}

#[tokio::test]
async fn what_runs_at_the_start_and_at_the_end_runs_around_the_requests() {
    let record = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let record = std::sync::Arc::clone(&record);
        move || record.lock().expect("no test panics while it notes").push(what)
    };
    let view = note("view");
    let app = app().on_startup(note("start")).on_shutdown(note("end")).add_url_rule(rule("/"), move || {
        view();
        "ok"
    });
    let server = Server::start(app);
    assert_eq!(server.answer(GET_ROOT).await.body, "ok");
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    assert_eq!(*record.lock().expect("nothing panicked"), ["start", "view", "end"]);
}

#[test]
fn limits_that_make_no_sense_are_reported() {
    for (key, value) in [("SERVER_HEADER_TIMEOUT", 0.0), ("SERVER_BODY_TIMEOUT", -1.0), ("MAX_CONNECTIONS", 0.0)] {
        let errors = hello().config(key, value).freeze().expect_err("it does not serve");
        assert!(errors.to_string().contains(key), "{errors}");
    }
}

#[test]
fn the_limits_are_the_documented_ones() {
    let config = app().freeze().expect("it is well formed").config().clone();
    let page = include_str!("../../../../../docs/server.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let documented: Vec<(&str, f64)> = rows
        .map(|(key, rest)| (key, rest.split(" | ").next().and_then(|value| value.parse().ok()).expect("a number")))
        .collect();
    for (key, value) in &documented {
        assert_eq!(config.get::<f64>(key).expect("the key is known"), *value, "{key}");
    }
    for key in config.keys().filter(|key| key.starts_with("SERVER_") && key.ends_with("_TIMEOUT")) {
        assert!(documented.iter().any(|(documented, _)| *documented == key), "{key} is not in the table");
    }
}
