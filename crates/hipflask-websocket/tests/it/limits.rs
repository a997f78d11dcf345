//! Limits: of messages, frames and queues; and that whoever does not read holds up the other side.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hipflask::prelude::*;
use hipflask_websocket::prelude::*;
use tokio::sync::Semaphore;

use crate::raw::*;
use crate::{app, echo, rule};

fn limited(key: &str, value: usize) -> App {
    app().config(key, value).add_url_rule(rule("/"), async |handshake: Handshake| handshake.accept(echo))
}

#[hipflask::test]
async fn a_message_that_is_too_long_is_given_up_before_it_is_there() {
    let client = limited("WEBSOCKET_MAX_MESSAGE_SIZE", 1000).test_client();
    let open = async || Peer::open(&client, "/", &[]).await;
    let mut peer = open().await;
    peer.send(&frame(TEXT, "x".repeat(1000))).await;
    assert_eq!(peer.message().await.1.len(), 1000);
    peer.send(&frame(TEXT, "x".repeat(1001))).await;
    peer.is_closed_with(1009).await;
    // Announced, and never sent.
    for len in [1001u64, 1 << 40, (1 << 63) - 1] {
        let mut peer = open().await;
        peer.send_bytes(&[&[FIN | BINARY, 0x80 | 127][..], &len.to_be_bytes(), &[0; 4]].concat()[..]).await;
        if len < 65_536 {
            // It is not the shortest form.
            peer.is_closed_with(1002).await;
        } else {
            peer.is_closed_with(1009).await;
        }
    }
    // In small pieces.
    let mut peer = open().await;
    peer.send(&part(TEXT, "")).await;
    let piece = part(CONTINUATION, "x").masked();
    for _ in 0..1001 {
        if soon(tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &piece)).await.is_err() {
            break;
        }
    }
    peer.is_closed_with(1009).await;
}

#[hipflask::test]
async fn frames_have_a_limit_of_their_own_and_a_view_another_one() {
    let client = limited("WEBSOCKET_MAX_FRAME_SIZE", 100).test_client();
    let mut peer = Peer::open(&client, "/", &[]).await;
    peer.send(&part(TEXT, "x".repeat(100))).await;
    peer.send(&frame(CONTINUATION, "x".repeat(100))).await;
    assert_eq!(peer.message().await.1.len(), 200);
    peer.send(&frame(TEXT, "x".repeat(101))).await;
    peer.is_closed_with(1009).await;
    let view = async |handshake: Handshake| handshake.max_message_size(10).accept(echo);
    let client = app().add_url_rule(rule("/"), view).test_client();
    let mut socket = client.websocket("/").connect().await;
    socket.send("x".repeat(10)).await;
    assert_eq!(socket.receive_text().await.len(), 10);
    socket.send("x".repeat(11)).await;
    assert_eq!(socket.closed().await.code(), CloseCode::TOO_LARGE);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_the_view() {
    let (sent, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (Arc::clone(&sent), Arc::clone(&lost));
    let view = move |handshake: Handshake| {
        let (sent, lost) = counted.clone();
        std::future::ready(handshake.accept(async move |socket| {
            for n in 0..1000 {
                socket.send(format!("{n} {}", "x".repeat(1000))).await?;
                sent.fetch_add(1, Relaxed);
                if !socket.sender().try_send("more")? {
                    lost.fetch_add(1, Relaxed);
                }
            }
            Ok(())
        }))
    };
    let client = app().add_url_rule(rule("/"), view).test_client();
    let mut peer = Peer::open(&client, "/", &[]).await;
    let mut before = usize::MAX;
    // It goes on until everything is full, and then it waits.
    while before != sent.load(Relaxed) {
        before = sent.load(Relaxed);
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }
    // The queue, the buffer of frames, and that of the connection.
    assert!((100..250).contains(&before), "{before} were sent that nobody has read");
    let (mut count, mut more) = (0, 0);
    loop {
        let Frame(kind, payload) = peer.receive().await.expect("a frame");
        if kind == FIN | CLOSE {
            break;
        }
        if payload == b"more" {
            more += 1;
        } else {
            assert!(payload.starts_with(format!("{count} ").as_bytes()), "{count}");
            count += 1;
        }
    }
    assert_eq!((count, more), (1000, 1000 - lost.load(Relaxed)));
    assert!(lost.load(Relaxed) > 0, "there was not always room");
}

#[hipflask::test]
async fn a_view_that_does_not_receive_holds_up_the_client() {
    let (go, received) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let waiting = (Arc::clone(&go), Arc::clone(&received));
    let view = move |handshake: Handshake| {
        let (go, received) = waiting.clone();
        std::future::ready(handshake.accept(async move |mut socket| {
            go.acquire().await.expect("it is never closed").forget();
            while socket.receive().await?.is_some() {
                received.fetch_add(1, Relaxed);
            }
            Ok(())
        }))
    };
    for (key, limit, size, most) in
        [("WEBSOCKET_MAX_QUEUE", 4, 10, 8_000), ("WEBSOCKET_MAX_MESSAGE_SIZE", 20_000, 20_000, 8)]
    {
        let client = app().config(key, limit).add_url_rule(rule("/"), view.clone()).test_client();
        let mut peer = Peer::open(&client, "/", &[]).await;
        let bytes = frame(BINARY, "x".repeat(size)).masked();
        let mut written = 0;
        // What is not taken out of the connection fills it.
        while let Ok(result) = tokio::time::timeout(
            std::time::Duration::from_millis(300),
            tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &bytes),
        )
        .await
        {
            result.expect("it is open");
            written += 1;
        }
        assert!(written < most, "{key}: {written} were taken that nobody has received");
        received.store(0, Relaxed);
        go.add_permits(1);
        soon(async {
            while received.load(Relaxed) < written {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[hipflask::test]
async fn a_client_that_sends_pings_and_reads_nothing_makes_nothing_grow() {
    let client = limited("WEBSOCKET_MAX_QUEUE", 4).test_client();
    let mut peer = Peer::open(&client, "/", &[]).await;
    for n in 0..20_000 {
        peer.send(&frame(PING, format!("{n:0100}"))).await;
    }
    peer.send(&close(1000)).await;
    let rest = peer.rest().await;
    // Two megabytes of answers were not kept; the last one was.
    assert!(rest.len() < 2_500, "{} frames", rest.len());
    assert!(rest.last().is_some_and(|last| last.code() == 1000));
}
