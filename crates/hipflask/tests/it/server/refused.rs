//! Requests that are refused before any view sees them, and what happens to their connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hipflask::http::Bytes;
use hipflask::prelude::*;

use super::{Server, app, rule};

/// Counts its visitors, those too that should never have come.
fn counting() -> (Arc<AtomicUsize>, App) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let view = move |body: Bytes| {
        counter.fetch_add(1, Relaxed);
        async move { body.len().to_string() }
    };
    (count, app().add_url_rule(rule("/"), view))
}

/// Sends `bytes` and another request behind them: the first answer has one of `statuses`, the connection ends
/// after it, and no view has run.
async fn is_refused(bytes: impl AsRef<[u8]>, statuses: &[u16]) {
    let (count, app) = counting();
    let server = Server::start(app);
    let mut client = server.connect().await;
    // What follows is more than the server reads before it answers: the answer must come through all the same.
    let more = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let bytes = [bytes.as_ref(), &more].concat();
    client.send_if_taken(&bytes).await;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let answer = client.answer().await;
    assert!(statuses.contains(&answer.status), "{} for {text:?}", answer.status);
    client.is_closed_gently().await;
    assert_eq!(count.load(Relaxed), 0, "{text:?}");
    // Only this connection is concerned.
    assert_eq!(server.answer("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn malformed_heads() {
    for head in [
        "\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1 x\r\nHost: localhost\r\n\r\n",
        "GET / /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
        "GET /\rHTTP/1.1\r\nHost: localhost\r\n\r\n",
        "get / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A : b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX A: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nNoColon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n X-A: a\r\nHost: localhost\r\n\r\n",
    ] {
        is_refused(head, &[400]).await;
    }
}

#[tokio::test]
async fn lines_that_end_in_a_bare_lf() {
    for head in [
        "GET / HTTP/1.1\nHost: localhost\n\n",
        "GET / HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        is_refused(head, &[400]).await;
    }
}

#[tokio::test]
async fn bodies_whose_length_could_be_read_in_two_ways() {
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5, 5\r\n\r\nhello",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -5\r\n\r\nhello",
        "Content-Length: 5;x\r\n\r\nhello",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 18446744073709551621\r\n\r\nhello",
        "Content-Length:\r\n\r\nhello",
        "Transfer-Encoding: gzip\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ] {
        is_refused(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{framing}"), &[400]).await;
    }
    is_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]).await;
}

#[tokio::test]
async fn ambiguity_behind_a_good_request_on_the_same_connection() {
    let (count, app) = counting();
    let server = Server::start(app);
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\n";
    let mut client = server.connect().await;
    client
        .send(format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\na\nb\nc\r\n0\r\n\r\n{head}X-A: a\nX-B: b\r\n\r\n"))
        .await;
    assert_eq!(client.answer().await.body, "5");
    assert_eq!(client.answer().await.status, 400);
    client.is_closed().await;
    assert_eq!(count.load(Relaxed), 1);
}

#[tokio::test]
async fn chunks_that_are_malformed_or_cut_off() {
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(64 * 1024));
    let trailers = format!("5\r\nhello\r\n0\r\n{}\r\n", "T: x\r\n".repeat(200));
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        long.as_str(),
        trailers.as_str(),
    ] {
        is_refused(format!("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), &[400])
            .await;
    }
}

#[tokio::test]
async fn bodies_that_the_client_cuts_off() {
    let (count, app) = counting();
    let server = Server::start(app);
    for request in [
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nonly this",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(request).await;
        client.half_close().await;
        // The client can still read why.
        assert_eq!(client.answer().await.status, 400, "{request:?}");
        client.is_closed().await;
    }
    assert_eq!(count.load(Relaxed), 0);
}

#[tokio::test]
async fn hosts() {
    for fields in ["", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nHost: evil.test\r\n"] {
        is_refused(format!("GET / HTTP/1.1\r\n{fields}\r\n"), &[400]).await;
    }
    // What no host can be called is refused by the application, so the connection lives on.
    let (count, app) = counting();
    let server = Server::start(app);
    let mut client = server.connect().await;
    for host in ["", "a b", "a@b", "localhost:99999", "<script>", "a\\b", "a/b", "[::1"] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 400, "{host:?}");
    }
    assert_eq!(count.load(Relaxed), 0);
}

#[tokio::test]
async fn targets_may_be_paths_or_addresses_and_for_options_a_star() {
    let app = app()
        .config("TRUSTED_HOSTS", ["localhost"])
        .add_url_rule(rule("/<path:path>"), async |ctx: &mut Context| ctx.request().url());
    let server = Server::start(app);
    let mut client = server.connect().await;
    for (target, status, body) in [
        ("/a", 200, "http://localhost/a"),
        // The target's host counts, not that of the header; and it is checked.
        ("http://localhost/a", 200, "http://localhost/a"),
        ("http://LOCALHOST/a", 200, "http://localhost/a"),
        ("http://evil.test/a", 400, ""),
    ] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{target}");
        assert!(answer.body.starts_with(body), "{target}: {}", answer.body);
    }
    client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 404);
    for (request, status) in [
        ("GET *", 400),
        ("GET a", 400),
        ("GET localhost:80", 400),
        ("GET ftp://localhost/a", 400),
        ("GET /a\u{e9}", 400),
        ("CONNECT localhost:80", 501),
    ] {
        is_refused(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n"), &[status]).await;
    }
}

#[tokio::test]
async fn heads_that_are_too_large() {
    let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let (_, app) = counting();
    let server = Server::start(app);
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: v\r\n")).collect::<String>();
    assert_eq!(server.answer(&get(&fields(99))).await.status, 200);
    assert_eq!(server.answer(&get(&format!("X-A: {}\r\n", "v".repeat(60_000)))).await.status, 200);
    let target = |len: usize| format!("GET /?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(len));
    assert_eq!(server.answer(&target(30_000)).await.status, 200);

    is_refused(get(&fields(100)), &[431]).await;
    is_refused(get(&fields(10_000)), &[431]).await;
    is_refused(get(&format!("X-A: {}\r\n", "v".repeat(70_000))), &[431]).await;
    is_refused(get(&format!("X-A: {}\r\n", "v".repeat(2_000_000))), &[431]).await;
    is_refused(target(40_000), &[414]).await;
    is_refused(target(70_000), &[414]).await;
}

#[tokio::test]
async fn random_bytes_never_stop_the_server() {
    let (_, app) = counting();
    let server = Server::start(app);
    // A small generator, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let good = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for _ in 0..200 {
        let mut bytes = good.to_vec();
        for _ in 0..=random() % 3 {
            let at = random() as usize % bytes.len();
            bytes[at] = random() as u8;
        }
        let mut client = server.connect().await;
        client.send_if_taken(&bytes).await;
        client.half_close_if_open().await;
        client.rest_or_reset().await;
    }
    assert_eq!(server.answer("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status, 200);
}
