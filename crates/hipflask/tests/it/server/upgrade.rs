//! Connections that change their protocol.

use std::sync::Arc;

use hipflask::http::Upgraded;
use hipflask::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::client::Client;
use super::{SHORT, Server, app, rule, soon, wait};

const PING: &str = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn upgrade(path: &str, connection: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\nUpgrade: chat, Echo\r\n\r\n")
}

/// Sends back what comes, until nothing more does or the server stops.
async fn echo(mut connection: Upgraded) -> Result<()> {
    let mut stopping = std::pin::pin!(connection.stopping());
    let mut bytes = [0; 100];
    loop {
        tokio::select! {
            read = connection.read(&mut bytes) => match read? {
                0 => return Ok(()),
                len => connection.write_all(&bytes[..len]).await?,
            },
            () = &mut stopping => {
                connection.write_all(b"bye").await?;
                return Ok(connection.shutdown().await?);
            }
        }
    }
}

fn echoing() -> App {
    app()
        .add_url_rule(rule("/ping"), async || "pong")
        .add_url_rule(rule("/echo"), async || Response::upgrade("echo", echo)?.with_header("x-view", "it ran"))
}

/// A client that speaks the new protocol.
async fn upgraded(server: &Server) -> Client {
    let mut client = server.connect().await;
    client.send(upgrade("/echo", "upgrade")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    client
}

async fn echoes(client: &mut Client, text: &str) {
    client.send(text).await;
    assert_eq!(client.take_text(text.len()).await, text);
}

#[tokio::test]
async fn a_connection_is_handed_over_with_what_was_sent_behind_the_request() {
    let server = Server::start(echoing().config("MAX_CONNECTIONS", 1));
    for connection in ["Upgrade", "keep-alive, upgrade", "close, upgrade"] {
        let mut client = server.connect().await;
        // A request before it is answered before it, and what comes with it is not a request.
        client.send(format!("{PING}{}{PING}", upgrade("/echo", connection))).await;
        assert_eq!(client.answer().await.body, "pong");
        let head = client.head().await;
        let mut lines: Vec<&str> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
        lines.sort_unstable();
        let expected =
            ["", "HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: echo", "x-view: it ran"];
        assert_eq!(lines, expected, "{connection}");
        assert_eq!(client.take_text(PING.len()).await, PING);
        echoes(&mut client, "and more").await;
        client.half_close().await;
        client.is_closed().await;
    }
    // Its place is free.
    assert_eq!(server.answer(PING).await.body, "pong");
}

#[tokio::test]
async fn it_has_a_place_among_the_connections_as_long_as_it_is_open() {
    let (done, is_done) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let told = (Arc::clone(&done), Arc::clone(&is_done));
    let leave = move || {
        let (done, is_done) = told.clone();
        std::future::ready(Response::upgrade("echo", async move |mut connection: Upgraded| {
            // What outlives the function counts all the same.
            tokio::spawn(async move {
                while let Ok(byte) = connection.read_u8().await {
                    let _ = connection.write_u8(byte).await;
                }
                wait(&done).await;
                drop(connection);
                is_done.add_permits(1);
            });
            Ok(())
        }))
    };
    let server = Server::start(echoing().add_url_rule(rule("/leave"), leave).config("MAX_CONNECTIONS", 1));
    let mut client = server.connect().await;
    client.send(upgrade("/leave", "upgrade")).await;
    client.head().await;
    let mut next = server.connect().await;
    next.send(PING).await;
    for _ in 0..10 {
        echoes(&mut client, "still here").await;
        assert_eq!(next.stream.try_read(&mut [0]).map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    }
    client.half_close().await;
    done.add_permits(1);
    soon(wait(&is_done)).await;
    assert_eq!(next.answer().await.body, "pong");
}

#[tokio::test]
async fn no_time_out_of_the_server_ends_it() {
    let config = ["SERVER_HEADER_TIMEOUT", "SERVER_KEEP_ALIVE_TIMEOUT", "SERVER_WRITE_TIMEOUT"];
    let app = config.into_iter().fold(echoing(), |app, key| app.config(key, SHORT));
    let server = Server::start(app);
    let mut client = upgraded(&server).await;
    for _ in 0..3 {
        // A connection that says nothing tells that the time-outs have passed.
        server.connect().await.is_closed().await;
        echoes(&mut client, "still here").await;
    }
}

#[tokio::test]
async fn it_is_told_when_the_server_stops() {
    let server = Server::start(echoing());
    let mut client = upgraded(&server).await;
    echoes(&mut client, "hello").await;
    let stopped = server.stop();
    assert_eq!(client.rest().await, b"bye");
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn it_is_broken_off_when_it_does_not_end() {
    let deaf = async || Response::upgrade("echo", async |_connection: Upgraded| std::future::pending().await);
    let server = Server::start(echoing().add_url_rule(rule("/deaf"), deaf).config("SERVER_GRACEFUL_TIMEOUT", SHORT));
    let mut client = server.connect().await;
    client.send(upgrade("/deaf", "upgrade")).await;
    client.head().await;
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    client.is_closed().await;
}

#[tokio::test]
async fn a_client_that_did_not_offer_the_protocol_is_told_of_it() {
    let server = Server::start(echoing());
    for (head, what) in [
        ("HTTP/1.1\r\nHost: localhost\r\n", "no upgrade"),
        ("HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket, echo/2\r\n", "another protocol"),
        ("HTTP/1.1\r\nHost: localhost\r\nUpgrade: echo\r\n", "a field that was meant for a proxy"),
        ("HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n", "a version that cannot"),
    ] {
        let mut client = server.connect().await;
        client.send(format!("GET /echo {head}\r\n")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("upgrade")), (426, Some("echo")), "{what}");
        assert_eq!(answer.header("connection"), Some("upgrade, close"), "{what}");
        client.is_closed().await;
    }
}

#[tokio::test]
async fn a_body_that_was_not_read_cannot_be_told_from_the_new_protocol() {
    let server = Server::start(echoing());
    let request = upgrade("/echo", "upgrade").replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n");
    let mut client = server.connect().await;
    client.send(format!("{request}hel")).await;
    assert_eq!(client.answer().await.status, 400);
    client.is_closed_gently().await;
    let mut client = server.connect().await;
    client.send(format!("{request}hellomore")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(client.take_text(4).await, "more");
}

#[tokio::test]
async fn a_status_alone_is_not_an_upgrade_and_an_upgrade_with_another_status_is_none() {
    let server = Server::start(
        echoing()
            .add_url_rule(rule("/status"), async || ("", 101))
            .add_url_rule(rule("/other"), async || Ok::<_, Error>(Response::upgrade("echo", echo)?.with_status(204))),
    );
    for (path, status) in [("/status", 500), ("/other", 204)] {
        let mut client = server.connect().await;
        client.send(upgrade(path, "upgrade") + PING).await;
        assert_eq!(client.answer().await.status, status, "{path}");
        assert_eq!(client.answer().await.body, "pong", "{path}");
    }
}

#[tokio::test]
async fn what_fails_or_panics_ends_its_connection_and_nothing_else() {
    let failing = async || {
        Response::upgrade("echo", async |mut connection: Upgraded| match connection.read_u8().await? {
            b'p' => panic!("in pieces"),
            _ => Err(Error::msg("no such command")),
        })
    };
    let server = Server::start(echoing().add_url_rule(rule("/failing"), failing).config("MAX_CONNECTIONS", 1));
    for command in ["panic", "fail"] {
        let mut client = server.connect().await;
        client.send(upgrade("/failing", "upgrade")).await;
        client.head().await;
        client.send(&command[..1]).await;
        client.is_closed().await;
        assert_eq!(server.answer(PING).await.body, "pong", "{command}");
    }
}

#[tokio::test]
async fn a_rule_for_websockets_is_for_nothing_else() {
    let socket = async || Response::upgrade("websocket", echo);
    let server = Server::start(
        app()
            .add_url_rule(rule("/page"), async || "page")
            .add_url_rule(rule("/ws").methods([GET]).websocket(true), socket),
    );
    let asking = |path: &str| upgrade(path, "Upgrade").replace("chat, Echo", "websocket");
    let mut client = server.connect().await;
    client.send(asking("/ws")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    echoes(&mut client, "hello").await;
    for (request, what) in [(asking("/page"), "a page"), (PING.replace("/ping", "/ws"), "no WebSocket")] {
        let mut client = server.connect().await;
        client.send(request).await;
        assert_eq!(client.answer().await.status, 400, "{what}");
    }
}
