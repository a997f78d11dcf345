//! What is wrapped around an application, and what comes after its requests, over real connections.

use std::sync::Arc;

use hipflask::Rule;
use hipflask::extension::inline;
use hipflask::extension::{Answer, Handler};
use hipflask::http::{Body, Bytes};
use hipflask::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Gate, Server, app, rule, soon};

/// Answers one path before the application sees it.
struct Health(Arc<dyn Handler>);

impl Handler for Health {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        if ctx.request().path() == "/health" {
            return Answer::Ready(Ok(Some(Response::new("up"))));
        }
        self.0.call(ctx)
    }
}

#[tokio::test]
async fn what_is_wrapped_around_an_application_answers_first() {
    let server = Server::start(app().add_url_rule(rule("/"), async || "the application").wrap(Health));
    for (path, body) in [("/health", "up"), ("/", "the application")] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(server.answer(&request).await.body, body);
    }
}

/// An application that says how its requests end, and the other end of that channel.
fn watched() -> (App, UnboundedReceiver<String>) {
    let (teardown, ends) = unbounded_channel();
    let finished = teardown.clone();
    let endless = |ctx: &mut Context| {
        ctx.stream_with_context(async |_ctx, mut out| {
            loop {
                out.send(vec![b'x'; 64 * 1024]).await?;
            }
        })
    };
    let app = app()
        .add_url_rule(rule("/endless").endpoint("endless"), endless)
        .add_url_rule(rule("/sized").endpoint("sized"), || {
            Body::stream_sized(4, async |mut out| out.send("four").await)
        })
        .teardown_request(inline(move |ctx: &mut Context| {
            _ = teardown.send(format!("teardown {}", ctx.request().path()));
        }))
        .on_finished(move |f| {
            let how = if f.is_complete() { "whole" } else { "broken" };
            let bytes = if f.is_complete() { f.bytes().to_string() } else { "some".to_owned() };
            let remote = f.request().remote_addr().is_some_and(|address| address.is_loopback());
            let rule = f.rule().unwrap_or("no rule");
            _ = finished.send(format!("{} {bytes} {how} {rule} {remote}", f.status().as_u16()));
        });
    (app, ends)
}

async fn next(ends: &mut UnboundedReceiver<String>) -> String {
    soon(ends.recv()).await.expect("the application lives")
}

/// Stops the server; nothing more must have been told by then.
async fn stop(server: Server, mut ends: UnboundedReceiver<String>) {
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    assert_eq!(soon(ends.recv()).await, None);
}

#[tokio::test]
async fn every_request_is_told_of_once() {
    let (app, mut ends) = watched();
    let server = Server::start(app);
    for (path, status, rule) in [("/sized", 200, "/sized"), ("/nowhere", 404, "no rule")] {
        let answer = server.answer(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert_eq!(next(&mut ends).await, format!("teardown {path}"));
        assert_eq!(next(&mut ends).await, format!("{status} {} whole {rule} true", answer.body.len()));
    }
    // It never came to the application.
    server.answer("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n").await;
    assert!(next(&mut ends).await.starts_with("501 "));
    stop(server, ends).await;
}

#[tokio::test]
async fn a_stream_whose_client_leaves_ends_once() {
    let (app, mut ends) = watched();
    let server = Server::start(app);
    let mut client = server.connect().await;
    client.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.head().await;
    client.chunk().await;
    drop(client);
    assert_eq!(next(&mut ends).await, "teardown /endless");
    assert_eq!(next(&mut ends).await, "200 some broken /endless true");
    stop(server, ends).await;
}

#[tokio::test]
async fn a_stream_of_http2_that_is_reset_ends_once() {
    let (app, mut ends) = watched();
    let server = Server::start(app);
    let mut client = Http2::open(&server).await;
    let response = client.get("/endless");
    let mut body = soon(response).await.expect("an answer").into_body();
    let first: Bytes = soon(body.data()).await.expect("a piece").expect("it is whole");
    assert!(!first.is_empty());
    drop(body);
    assert_eq!(next(&mut ends).await, "teardown /endless");
    assert_eq!(next(&mut ends).await, "200 some broken /endless true");
    client.close().await;
    stop(server, ends).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_told_of_when_the_view_has_ended() {
    let (app, mut ends) = watched();
    let gate = Gate::new();
    let server = Server::start(app.add_url_rule(Rule::new("/slow").endpoint("slow"), gate.view()));
    let mut client = Http2::open(&server).await;
    let slow = client.get("/slow");
    gate.begun().await;
    drop(slow);
    // When this is answered, the server has read that the other one is given up.
    soon(client.get("/nowhere")).await.expect("an answer");
    assert_eq!(next(&mut ends).await, "teardown /nowhere");
    assert!(next(&mut ends).await.starts_with("404 "));
    gate.open();
    assert_eq!(next(&mut ends).await, "teardown /slow");
    assert_eq!(next(&mut ends).await, "499 some broken /slow true");
    client.close().await;
    stop(server, ends).await;
}

/// A connection over HTTP/2.
struct Http2 {
    send: h2::client::SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<std::result::Result<(), h2::Error>>,
}

impl Http2 {
    async fn open(server: &Server) -> Http2 {
        let stream = server.connect().await.stream;
        let (send, connection) = soon(h2::client::handshake(stream)).await.expect("the server speaks HTTP/2");
        Http2 { send, connection: tokio::spawn(connection) }
    }

    fn get(&mut self, path: &str) -> h2::client::ResponseFuture {
        let request = http::Request::get(format!("http://localhost{path}")).version(http::Version::HTTP_2).body(());
        self.send.send_request(request.expect("a request"), true).expect("it is open").0
    }

    async fn close(self) {
        drop(self.send);
        soon(self.connection).await.expect("it does not panic").expect("it ends in good order");
    }
}
