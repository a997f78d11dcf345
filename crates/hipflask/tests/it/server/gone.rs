//! Clients that leave while a response is streamed to them. Nothing has to be sent for the server to notice.

use hipflask::prelude::*;

use super::client::Client;
use super::{Events, SHORT, Server, app, rule};

const EVENTS: &str = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
const PING: &str = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// It has room for one connection, so that another is served only when the first is over.
fn app_with(events: &Events) -> App {
    let app = app().add_url_rule(rule("/events"), events.view()).add_url_rule(rule("/ping"), async || "pong");
    app.config("MAX_CONNECTIONS", 1)
}

/// The same, with connections that are looked at all the time.
fn app_that_looks(events: &Events) -> App {
    // The first says how often, the second when for the first time.
    app_with(events).config("SERVER_WRITE_TIMEOUT", SHORT).config("SERVER_HEADER_TIMEOUT", SHORT)
}

/// A client that has the first of the events.
async fn listening(server: &Server) -> Client {
    let mut client = server.connect().await;
    client.send(EVENTS).await;
    client.head().await;
    assert_eq!(client.chunk().await, b"first");
    client
}

fn reset(client: Client) {
    client.stream.set_zero_linger().expect("the socket is open");
}

#[tokio::test]
async fn a_stream_ends_when_its_client_closes_or_resets_the_connection() {
    let events = Events::new();
    let server = Server::start(app_with(&events));
    for leave in [drop, reset] {
        leave(listening(&server).await);
        events.dropped().await;
        assert_eq!(server.answer(PING).await.body, "pong");
    }
}

#[tokio::test]
async fn a_stream_whose_end_is_the_connections_ends_with_its_client_too() {
    let events = Events::new();
    let server = Server::start(app_with(&events));
    let mut client = server.connect().await;
    client.send("GET /events HTTP/1.0\r\n\r\n").await;
    client.head().await;
    reset(client);
    events.dropped().await;
}

#[tokio::test]
async fn a_client_that_has_only_no_more_to_say_gets_all_of_a_stream() {
    let events = Events::new();
    let server = Server::start(app_that_looks(&events).config("MAX_CONNECTIONS", 2));
    let mut client = listening(&server).await;
    client.half_close().await;
    for _ in 0..3 {
        // A connection that says nothing tells when the server has looked at the others too.
        server.connect().await.is_closed().await;
        events.send();
        assert_eq!(client.chunk().await, b"more");
    }
    // It closes the rest in silence; what is sent next has its system answer with a reset.
    drop(client);
    events.send();
    events.dropped().await;
}

#[tokio::test]
async fn what_comes_while_a_stream_waits_is_answered_behind_it() {
    let gate = super::Gate::new();
    let view = gate.view();
    let stream = move || {
        let rest = view();
        async move {
            hipflask::http::Body::stream(async move |mut out| {
                out.send("first").await?;
                out.send(rest.await).await
            })
        }
    };
    let server = Server::start(app_with(&Events::new()).add_url_rule(rule("/stream"), stream));
    let mut client = server.connect().await;
    client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.head().await;
    assert_eq!(client.chunk().await, b"first");
    client.send(PING.repeat(2)).await;
    client.half_close().await;
    gate.open();
    assert_eq!(client.chunk().await, b"finished");
    assert_eq!(client.chunk().await, b"");
    assert_eq!(client.answer().await.body, "pong");
    assert_eq!(client.answer().await.body, "pong");
    client.is_closed().await;
}

#[tokio::test]
async fn a_client_that_leaves_much_behind_is_gone_all_the_same() {
    let events = Events::new();
    let server = Server::start(app_that_looks(&events));
    let mut client = listening(&server).await;
    // More than is read while the stream waits, so the end of it is never read.
    client.send(PING.repeat(10_000)).await;
    reset(client);
    events.dropped().await;
    assert_eq!(server.answer(PING).await.body, "pong");
}

#[tokio::test]
async fn the_body_of_a_request_is_left_to_its_reader() {
    // An echo reads while it is sent, so its stream must not take the bytes away.
    let server =
        Server::start(app_with(&Events::new()).add_url_rule(rule("/echo"), async |body: hipflask::http::Body| body));
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    for _ in 0..3 {
        client.send("4\r\nmore\r\n").await;
        assert_eq!(client.chunk().await, b"more");
    }
    client.send(format!("0\r\n\r\n{PING}")).await;
    assert_eq!(client.chunk().await, b"");
    assert_eq!(client.answer().await.body, "pong");
}
