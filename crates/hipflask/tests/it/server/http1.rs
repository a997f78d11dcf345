//! HTTP/1.1: connections, bodies, and clients that leave.

use std::sync::Arc;

use hipflask::http::{Body, Bytes};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{Rule, Status};
use tokio::sync::Semaphore;

use super::{Gate, Server, app, rule, soon, wait};

const PING: &str = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn ping() -> App {
    app()
        .add_url_rule(rule("/ping"), async || "pong")
        .add_url_rule(rule("/item/<id>"), async |args: ViewArgs| args.get::<String>("id").unwrap_or_default())
}

/// Sums up a request's body without keeping it.
async fn length(body: Bytes) -> String {
    body.len().to_string()
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::start(ping());
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send(PING).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "pong"));
        assert_eq!(answer.header("content-length"), Some("4"));
        assert_eq!(answer.header("connection"), None);
        assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")));
    }
}

#[tokio::test]
async fn a_connection_ends_where_the_client_or_its_version_wants_it() {
    let server = Server::start(ping());
    for request in ["GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "GET /ping HTTP/1.0\r\n\r\n"]
    {
        let mut client = server.connect().await;
        client.send(request).await;
        assert_eq!(client.answer().await.body, "pong");
        client.is_closed().await;
    }
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.body.as_str(), answer.header("connection")), ("pong", Some("keep-alive")));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_together() {
    let server = Server::start(ping());
    let mut client = server.connect().await;
    // The first answer may come alone: only then is the connection known to be in use.
    client.send(PING).await;
    client.answer().await;
    let requests: Vec<String> = (0..16).map(|n| format!("GET /item/{n} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
    client.send(requests.concat()).await;
    let first = client.answer().await;
    assert_eq!(first.body, "0");
    // They were written together, so the read that brought the first brought all.
    let mut received = std::mem::take(&mut client.received);
    assert_eq!(String::from_utf8_lossy(&received).matches("HTTP/1.1 200 OK").count(), 15);
    std::mem::swap(&mut client.received, &mut received);
    for n in 1..16 {
        assert_eq!(client.answer().await.body, n.to_string());
    }
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_view_of_the_next_request() {
    let (open, opened) = std::sync::mpsc::channel::<()>();
    let opened = Arc::new(std::sync::Mutex::new(opened));
    // It blocks its thread, as a view that is no `async fn` may.
    let blocking = move || {
        let opened = opened.lock().expect("no view panics");
        let _ = opened.recv();
        "finished"
    };
    let gate = Gate::new();
    let app = ping()
        .add_url_rule(rule("/async"), gate.view())
        .add_url_rule(rule("/blocking"), blocking.clone())
        .add_url_rule(rule("/inline"), hipflask::extension::inline(blocking));
    let server = Server::start(app);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut client = server.connect().await;
    for path in ["/blocking", "/inline", "/async"] {
        client.send(PING.to_owned() + &get(path)).await;
        assert_eq!(client.answer().await.body, "pong", "{path}");
        if path == "/async" {
            gate.open();
        } else {
            let _ = open.send(());
        }
        assert_eq!(client.answer().await.body, "finished", "{path}");
    }
}

#[tokio::test]
async fn a_body_comes_with_a_length_or_in_chunks() {
    let server = Server::start(app().add_url_rule(rule("/"), length));
    let mut client = server.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\n";
    for body in [
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        "Content-Length: 0005\r\n\r\nhello",
    ] {
        // All on one connection: each is read to its very end.
        client.send(format!("{head}{body}")).await;
        assert_eq!(client.answer().await.body, "5", "{body}");
    }
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let server = Server::start_here(app().add_url_rule(rule("/"), length));
    let mut client = server.connect().await;
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for byte in request.bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.body, "5");
}

#[tokio::test]
async fn a_request_body_is_read_as_it_comes() {
    let seen = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&seen);
    let view = move |body: Body| {
        let (mut body, count) = (body, Arc::clone(&count));
        async move {
            while let Some(chunk) = body.chunk().await {
                count.add_permits(chunk?.len());
            }
            Ok::<_, Error>("read")
        }
    };
    let server = Server::start(app().add_url_rule(rule("/"), view));
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..3 {
        client.send("1\r\nx\r\n").await;
        // The view has it before the next is sent.
        soon(wait(&seen)).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "read");
}

#[tokio::test]
async fn a_response_body_is_sent_as_it_is_made() {
    let go = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&go);
    let view = move || {
        let go = Arc::clone(&gate);
        async move {
            Body::stream(async move |mut out| {
                for n in 0..3 {
                    out.send(format!("line {n}\n")).await?;
                    wait(&go).await;
                }
                Ok(())
            })
        }
    };
    let server = Server::start(app().add_url_rule(rule("/"), view));
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(client.head().await.contains("transfer-encoding: chunked"));
    for n in 0..3 {
        assert_eq!(client.chunk().await, format!("line {n}\n").as_bytes());
        // Only now is the next one made.
        go.add_permits(1);
    }
    assert_eq!(client.chunk().await, b"");
    // HTTP/1.0 has no chunks; the end of the connection is the end of the body.
    go.add_permits(3);
    let answer = server.answer("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!((answer.body.as_str(), answer.header("transfer-encoding")), ("line 0\nline 1\nline 2\n", None));
}

#[tokio::test]
async fn a_body_of_known_length_is_streamed_with_it() {
    let view = async || {
        Body::stream_sized(6, async |mut out| {
            out.send("abc").await?;
            out.send("def").await
        })
    };
    let server = Server::start(app().add_url_rule(rule("/"), view));
    let answer = server.answer("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((answer.body.as_str(), answer.header("content-length")), ("abcdef", Some("6")));
    assert_eq!(answer.header("transfer-encoding"), None);
}

#[tokio::test]
async fn what_has_no_body_has_none_on_the_wire() {
    let server = Server::start(
        app()
            .add_url_rule(Rule::new("/text"), async || "five!")
            .add_url_rule(Rule::new("/stream"), async || Body::stream(async |mut out| out.send("x").await))
            .add_url_rule(Rule::new("/204"), async || (Status::NO_CONTENT, "not sent"))
            .add_url_rule(Rule::new("/304"), async || (Status::NOT_MODIFIED, "not sent"))
            .add_url_rule(Rule::new("/ping"), async || "pong"),
    );
    let mut client = server.connect().await;
    for (method, path, status, length) in [
        ("HEAD", "/text", 200, Some("5")),
        ("HEAD", "/stream", 200, None),
        ("GET", "/204", 204, None),
        ("GET", "/304", 304, None),
    ] {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n{PING}")).await;
        let answer = client.answer_without_body().await;
        assert_eq!((answer.status, answer.header("content-length")), (status, length), "{method} {path}");
        // The next answer follows at once.
        assert_eq!(client.answer().await.body, "pong", "{method} {path}");
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_continue_when_the_body_is_read() {
    let app = app().add_url_rule(rule("/"), length).add_url_rule(rule("/no"), async || Status::FORBIDDEN);
    let server = Server::start(app);
    let expect = "HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut client = server.connect().await;
    client.send(format!("POST / {expect}")).await;
    assert_eq!(client.answer().await.status, 100);
    client.send("hello").await;
    assert_eq!(client.answer().await.body, "5");
    // A view that does not want the body does not ask for it.
    let mut client = server.connect().await;
    client.send(format!("POST /no {expect}")).await;
    assert_eq!(client.answer().await.status, 403);
    client.is_closed().await;
    // Nor is one asked for that would be too large.
    let mut client = server.connect().await;
    client.send(format!("POST / {expect}").replace(": 5", ": 10000000000")).await;
    assert_eq!(client.answer().await.status, 413);
    client.is_closed().await;
}

#[tokio::test]
async fn a_view_that_answers_while_it_reads_has_its_body_asked_for_before_the_answer() {
    let server = Server::start(ping().add_url_rule(rule("/"), async |body: Body| body));
    let mut client = server.connect().await;
    for (length, body) in [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")] {
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{length}\r\nExpect: 100-continue\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 100, "{length}");
        client.send(body).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{length}");
        // All of the body was read, so the connection goes on.
        client.send(PING).await;
        assert_eq!(client.answer().await.body, "pong", "{length}");
    }
    // A client that does not wait to be asked gets the same.
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhe").await;
    assert_eq!(client.answer().await.status, 100);
    client.send("llo").await;
    assert_eq!(client.answer().await.body, "hello");
}

#[tokio::test]
async fn a_view_runs_to_its_end_when_the_client_has_left() {
    let gate = Gate::new();
    let server = Server::start(app().add_url_rule(rule("/"), gate.view()));
    for half_closed_first in [true, false] {
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        gate.begun().await;
        if half_closed_first {
            client.half_close().await;
        }
        drop(client);
        gate.open();
        gate.ended().await;
    }
}

#[tokio::test]
async fn a_view_runs_to_its_end_when_its_connection_was_reset() {
    let gate = Gate::new();
    let server = Server::start(app().add_url_rule(rule("/"), gate.view()));
    let client = server.connect().await;
    let mut client = client;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    gate.begun().await;
    client.stream.set_zero_linger().expect("the socket is open");
    drop(client);
    gate.open();
    gate.ended().await;
}

#[tokio::test]
async fn a_client_that_has_no_more_to_say_still_gets_its_answer() {
    let gate = Gate::new();
    let server = Server::start(app().add_url_rule(rule("/"), gate.view()));
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.half_close().await;
    gate.begun().await;
    gate.open();
    assert_eq!(client.answer().await.body, "finished");
    client.is_closed().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_never_looks_whole() {
    async fn broken(out: hipflask::http::BodySender) -> Result<()> {
        let mut out = out;
        out.send("half").await?;
        Err(Error::msg("the disk is gone"))
    }
    async fn panicking(out: hipflask::http::BodySender) -> Result<()> {
        let mut out = out;
        out.send("half").await?;
        panic!("the disk is gone")
    }
    let server = Server::start(
        ping()
            .add_url_rule(Rule::new("/chunked"), async || Body::stream(broken))
            .add_url_rule(Rule::new("/sized"), async || Body::stream_sized(8, broken))
            .add_url_rule(Rule::new("/panic"), async || Body::stream(panicking))
            .add_url_rule(Rule::new("/short"), async || Body::stream_sized(8, async |mut out| out.send("half").await))
            .add_url_rule(Rule::new("/long"), async || {
                Body::stream_sized(8, async |mut out| {
                    out.send("half").await?;
                    out.send("half and more").await
                })
            })
            .add_url_rule(Rule::new("/declared-short"), async || {
                let body = Body::stream(async |mut out| out.send("half").await);
                Response::new(body).with_header("content-length", "8")
            })
            .add_url_rule(Rule::new("/declared-long"), async || {
                let body = Body::stream(async |mut out| {
                    out.send("half").await?;
                    out.send("half and more").await
                });
                Response::new(body).with_header("content-length", "8")
            }),
    );
    for path in ["/chunked", "/panic", "/sized", "/short", "/long", "/declared-short", "/declared-long"] {
        let mut client = server.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = String::from_utf8(client.rest_or_reset().await).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        if head.contains("content-length: 8") {
            assert!(body.len() < 8, "{path}: {answer}");
        } else {
            assert!(!body.contains("0\r\n"), "{path}: the last chunk follows: {answer}");
        }
    }
    // Where the end of the connection is the end of the body, the connection must not end cleanly.
    for path in ["/chunked", "/panic"] {
        let mut client = server.connect().await;
        client.send(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert!(client.is_reset().await, "{path}");
    }
    assert_eq!(server.answer(PING).await.body, "pong");
}

#[tokio::test]
async fn a_length_that_a_view_got_wrong_is_put_right_where_the_body_is_at_hand() {
    let wrong = |body: &'static str| async move { Response::new(body).with_header("content-length", "8") };
    let server = Server::start(
        app()
            .add_url_rule(Rule::new("/short"), move || wrong("half"))
            .add_url_rule(Rule::new("/long"), move || wrong("half and more"))
            .add_url_rule(Rule::new("/empty"), move || wrong("")),
    );
    let mut client = server.connect().await;
    for (path, body) in [("/short", "half"), ("/long", "half and more"), ("/empty", "")] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!(answer.body, body, "{path}");
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_with_413_and_the_client_can_read_it() {
    let server = Server::start(app().config("MAX_CONTENT_LENGTH", 1000).add_url_rule(rule("/"), length));
    // More than the server reads before it answers, so that it ends the connection with bytes left unread.
    let large = [&[b'x'; 50 * 1024], PING.as_bytes()].concat();
    for head in ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nf0000\r\n"] {
        let mut client = server.connect().await;
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{head}");
        client.send([head.as_bytes(), &large].concat()).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 413, "{head}");
        // What is left of the body is not taken for a request.
        client.is_closed_gently().await;
    }
}

#[tokio::test]
async fn a_connection_is_kept_if_an_unread_body_has_come_already() {
    let server = Server::start(ping());
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send("POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").await;
        assert_eq!(client.answer().await.body, "pong");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_and_the_server_live_on() {
    let app = ping().add_url_rule(Rule::new("/async"), async || -> &str { panic!("in pieces") }).add_url_rule(
        rule("/sync/<how>"),
        |args: ViewArgs| {
            assert_ne!(args.get::<String>("how")?, "badly", "in pieces");
            Ok::<_, Error>("well")
        },
    );
    let server = Server::start(app);
    let mut client = server.connect().await;
    // Wherever it runs once it is known to be quick, it may panic there too.
    for _ in 0..20 {
        client.send("GET /sync/well HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(client.answer().await.body, "well");
    }
    for path in ["/async", "/sync/badly", "/async", "/sync/badly"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.body.contains("pieces"), "{path}");
    }
    client.send(PING).await;
    assert_eq!(client.answer().await.body, "pong");
}

#[tokio::test]
async fn an_answer_waits_for_nothing_that_the_client_sends_after_it() {
    let server = Server::start(ping());
    let mut client = server.connect().await;
    // Old clients end a body with an empty line too many, and a next request may come in pieces.
    for next in ["\r\n", "GET /ping HT"] {
        client.send("POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").await;
        client.send(next).await;
        assert_eq!(client.answer().await.body, "pong");
        let rest = if next.starts_with('G') { "TP/1.1\r\nHost: localhost\r\n\r\n" } else { PING };
        client.send(rest).await;
        assert_eq!(client.answer().await.body, "pong");
    }
    for next in ["\r\n", "GET /ping HT"] {
        let mut client = server.connect().await;
        client.send(format!("{PING}{next}")).await;
        assert_eq!(client.answer().await.body, "pong");
    }
}

#[tokio::test]
async fn a_stream_reaches_the_client_though_its_next_request_has_come_already() {
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
    let server = Server::start(ping().add_url_rule(Rule::new("/stream"), stream));
    let mut client = server.connect().await;
    client.send(format!("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n{PING}")).await;
    client.head().await;
    assert_eq!(client.chunk().await, b"first");
    gate.open();
    assert_eq!(client.chunk().await, b"finished");
    assert_eq!(client.chunk().await, b"");
    assert_eq!(client.answer().await.body, "pong");
}

#[tokio::test]
async fn a_stream_waits_for_a_client_that_does_not_read() {
    let sent = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&sent);
    let view = move || {
        let sent = Arc::clone(&count);
        async move {
            Body::stream(async move |mut out| {
                for _ in 0..1024 {
                    out.send(vec![b'x'; 64 * 1024]).await?;
                    sent.add_permits(1);
                }
                Ok(())
            })
        }
    };
    let server = Server::start(app().add_url_rule(rule("/"), view));
    let mut client = server.connect().await;
    // A request behind it must not make a difference.
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2)).await;
    client.head().await;
    // All of the first would be 64 MiB. What the sockets of the system hold is a few.
    let mut settled = 0;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        match sent.available_permits() {
            now if now == settled && now > 0 => break,
            now => settled = now,
        }
    }
    assert!(settled < 512, "{settled} pieces were made for no one");
    let mut first = 0;
    while first < 64 * 1024 * 1024 {
        first += client.chunk().await.len();
    }
    assert_eq!(client.chunk().await, b"");
}

#[tokio::test]
async fn where_an_answer_ends_is_not_for_a_view_to_say() {
    let app = ping().add_url_rule(rule("/early"), async || ("early", 103)).add_url_rule(rule("/chunked"), async || {
        Response::new("text").with_header("transfer-encoding", "chunked")?.with_header("connection", "keep-alive, x")
    });
    let server = Server::start(app);
    let mut client = server.connect().await;
    client.send("GET /early HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 500, "another answer would have to follow 103");
    client.send("GET /chunked HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.body.as_str(), answer.header("content-length")), ("text", Some("4")));
    assert_eq!((answer.header("transfer-encoding"), answer.header("connection")), (None, None));
    client.send(PING).await;
    assert_eq!(client.answer().await.body, "pong");
}

#[tokio::test]
async fn a_refusal_of_head_has_no_body() {
    let server = Server::start(ping());
    let mut client = server.connect().await;
    client.send("HEAD * HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer_without_body().await.status, 400);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn large_bodies_come_whole_both_ways_though_neither_side_takes_them_at_once() {
    let text: String = (0..400_000).map(|n| format!("{n:x} ")).collect();
    let sent = text.clone();
    let streamed = text.clone();
    let app = ping()
        .add_url_rule(rule("/echo"), async |body: Bytes| body)
        .add_url_rule(rule("/whole"), move || std::future::ready(sent.clone()))
        .add_url_rule(rule("/pieces"), move || {
            let text = streamed.clone();
            std::future::ready(Body::stream(async move |mut out| {
                for piece in text.as_bytes().chunks(100_001) {
                    out.send(piece.to_vec()).await?;
                }
                Ok(())
            }))
        });
    let server = Server::start(app.config("MAX_CONTENT_LENGTH", 10_000_000));
    let mut client = server.connect().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.send(get("/ping") + &get("/whole") + &get("/pieces") + PING).await;
    assert_eq!(client.answer().await.body, "pong");
    // More than a socket takes waits for the client.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for _ in 0..2 {
        assert!(client.answer().await.body == text, "another text");
    }
    assert_eq!(client.answer().await.body, "pong");

    let head = format!("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", text.len());
    for piece in [head.as_bytes(), text.as_bytes(), PING.as_bytes()].concat().chunks(70_001) {
        client.send(piece).await;
    }
    assert!(client.answer().await.body == text, "another text");
    assert_eq!(client.answer().await.body, "pong");
}
