//! Time-outs, with a clock of the test's own.

use std::time::Duration;

use hipflask::prelude::*;
use hipflask_websocket::ClosedBy;
use hipflask_websocket::prelude::*;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::raw::*;
use crate::{app, rule};

/// An application whose view receives until the end, and tells of it.
fn telling(app: App) -> (App, UnboundedReceiver<ConnectionClosed>) {
    let (tell, heard) = unbounded_channel();
    let view = move |handshake: Handshake| {
        let tell = tell.clone();
        std::future::ready(handshake.accept(async move |mut socket| {
            while let Ok(Some(_)) = socket.receive().await {}
            let _ = tell.send(socket.ended().expect("it has ended"));
            Ok(())
        }))
    };
    (app.add_url_rule(rule("/"), view), heard)
}

/// The next frame, however long it takes.
async fn next(peer: &mut Peer) -> (Option<(u8, Vec<u8>)>, u64) {
    let began = Instant::now();
    let mut head = [0; 2];
    if peer.stream.read_exact(&mut head).await.is_err() {
        return (None, began.elapsed().as_secs());
    }
    let mut payload = vec![0; head[1].into()];
    peer.stream.read_exact(&mut payload).await.expect("a payload");
    (Some((head[0], payload)), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_and_then_given_up() {
    let (app, mut heard) = telling(app());
    let mut peer = Peer::open(&app.test_client(), "/", &[]).await;
    for _ in 0..3 {
        assert_eq!(next(&mut peer).await, (Some((FIN | PING, Vec::new())), 25));
        peer.send(&frame(PONG, "")).await;
    }
    // Whatever is heard shows that it is there.
    sleep(Duration::from_secs(20)).await;
    peer.send(&frame(TEXT, "here")).await;
    assert_eq!(next(&mut peer).await, (Some((FIN | PING, Vec::new())), 25));
    assert_eq!(next(&mut peer).await, (None, 20), "there is nobody to be told why");
    let end = heard.recv().await.expect("it ends");
    assert_eq!(
        (end.code(), end.by(), end.reason()),
        (CloseCode::ABNORMAL, ClosedBy::Failure, "a ping was not answered")
    );
}

#[tokio::test(start_paused = true)]
async fn the_times_can_be_set_and_the_ping_switched_off() {
    let (app, _heard) = telling(app().config("WEBSOCKET_PING_INTERVAL", 2).config("WEBSOCKET_PING_TIMEOUT", 3));
    let mut peer = Peer::open(&app.test_client(), "/", &[]).await;
    assert_eq!(next(&mut peer).await, (Some((FIN | PING, Vec::new())), 2));
    assert_eq!(next(&mut peer).await, (None, 3));
    let (app, _heard) = telling(crate::app().config("WEBSOCKET_PING_INTERVAL", None::<u8>));
    let mut peer = Peer::open(&app.test_client(), "/", &[]).await;
    assert!(timeout(Duration::from_secs(1_000_000), next(&mut peer)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_without_messages_is_closed_if_that_was_asked_for() {
    let (app, mut heard) = telling(app().config("WEBSOCKET_IDLE_TIMEOUT", 60));
    let mut peer = Peer::open(&app.test_client(), "/", &[]).await;
    sleep(Duration::from_secs(20)).await;
    peer.send(&frame(TEXT, "here")).await;
    let began = Instant::now();
    loop {
        match next(&mut peer).await.0.expect("a frame") {
            // An answer to a ping is not a message.
            (kind, _) if kind == FIN | PING => peer.send(&frame(PONG, "")).await,
            (kind, payload) => {
                assert_eq!((kind, &payload[..2]), (FIN | CLOSE, &1001u16.to_be_bytes()[..]));
                break;
            }
        }
    }
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!(heard.recv().await.map(|end| (end.code(), end.by())), Some((CloseCode::GOING_AWAY, ClosedBy::Us)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_a_close_frame_is_not_waited_for() {
    let view = async |handshake: Handshake| handshake.accept(async |_| Ok(()));
    let (tell, mut told) = unbounded_channel();
    let app = app().add_url_rule(rule("/"), view).on_finished(move |_| _ = tell.send(Instant::now()));
    let mut peer = Peer::open(&app.test_client(), "/", &[]).await;
    let began = Instant::now();
    assert_eq!(next(&mut peer).await.0, Some((FIN | CLOSE, 1000u16.to_be_bytes().to_vec())));
    // Neither pings nor messages keep it open.
    for _ in 0..9 {
        advance(Duration::from_secs(1)).await;
        peer.send(&frame(TEXT, "still here")).await;
        peer.send(&frame(PING, "still here")).await;
    }
    assert_eq!(next(&mut peer).await.0, None);
    assert_eq!((told.recv().await.expect("it ends") - began).as_secs(), 10);
    // Nor is one that has closed and does not end the connection.
    let (app, _heard) = telling(crate::app());
    let (tell, mut told) = unbounded_channel();
    let mut peer = Peer::open(&app.on_finished(move |_| _ = tell.send(())).test_client(), "/", &[]).await;
    peer.send(&close(1000)).await;
    assert_eq!(next(&mut peer).await.0, Some((FIN | CLOSE, 1000u16.to_be_bytes().to_vec())));
    let began = Instant::now();
    told.recv().await.expect("it ends");
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_accepts_nothing_is_given_up_even_if_it_talks() {
    let (tell, mut heard) = unbounded_channel();
    let view = move |handshake: Handshake| {
        let tell = tell.clone();
        std::future::ready(handshake.accept(async move |socket| {
            let error = loop {
                if let Err(error) = socket.send("x".repeat(10_000)).await {
                    break error;
                }
            };
            let _ = tell.send(error.to_string());
            Err(error)
        }))
    };
    let mut peer = Peer::open(&app().add_url_rule(rule("/"), view).test_client(), "/", &[]).await;
    let began = Instant::now();
    let error = loop {
        sleep(Duration::from_secs(5)).await;
        let _ = timeout(
            Duration::from_secs(1),
            tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &frame(PONG, "").masked()),
        )
        .await;
        if let Ok(error) = heard.try_recv() {
            break error;
        }
    };
    assert_eq!(error, "the WebSocket broke off: 1006 the other side accepts no bytes");
    assert!((60..70).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_view_that_takes_its_time_is_not_taken_for_a_silent_client() {
    let view = async |handshake: Handshake| {
        handshake.accept(async |mut socket| {
            sleep(Duration::from_secs(300)).await;
            while let Some(message) = socket.receive().await? {
                socket.send(message).await?;
            }
            Ok(())
        })
    };
    let app = app().config("WEBSOCKET_MAX_QUEUE", 1).add_url_rule(rule("/"), view);
    let mut peer = Peer::open(&app.test_client(), "/", &[]).await;
    // More than is read before the first is received.
    for n in 0..3 {
        peer.send(&frame(TEXT, n.to_string())).await;
    }
    for n in 0..3 {
        assert_eq!(next(&mut peer).await.0, Some((FIN | TEXT, n.to_string().into_bytes())));
    }
}
