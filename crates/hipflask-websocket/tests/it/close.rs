//! Closing: the cases of Autobahn's test suite, group 7, and closing from this side.

use hipflask::prelude::*;
use hipflask_websocket::ClosedBy;
use hipflask_websocket::prelude::*;
use tokio::io::AsyncWriteExt;

use crate::raw::*;
use crate::{app, rule};

#[hipflask::test]
async fn a_close_frame_is_answered_and_nothing_after_it() {
    // 7.1.1 to 7.1.6
    let hello = || frame(TEXT, "Hello");
    for after in [close(1000), frame(PING, "late"), hello(), part(CONTINUATION, "late"), Frame(0xff, vec![1; 200])] {
        case("after a close", &[close(1000), after], &[close(1000)]).await;
    }
    case("within a message", &[part(TEXT, "x"), close(1000), frame(CONTINUATION, "y")], &[close(1000)]).await;
    let mut peer = Peer::of_echo().await;
    peer.send(&hello()).await;
    assert_eq!(peer.receive().await, Some(hello()));
    peer.send(&close(1000)).await;
    peer.is_closed_with(1000).await;
}

#[hipflask::test]
async fn the_payload_of_a_close_frame_is_checked() {
    let with = |code: u16, reason: &[u8]| frame(CLOSE, [&code.to_be_bytes(), reason].concat());
    // 7.3
    case("nothing", &[frame(CLOSE, "")], &[frame(CLOSE, "")]).await;
    case("half a code", &[frame(CLOSE, "a")], &[close(1002)]).await;
    case("a reason", &[with(1000, b"Hello World!")], &[close(1000)]).await;
    case("a long reason", &[with(1000, &[b'*'; 123])], &[close(1000)]).await;
    case("a reason that is too long", &[with(1000, &[b'*'; 124])], &[close(1002)]).await;
    // 7.5
    case("no UTF-8", &[with(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")], &[close(1007)]).await;
    // 7.7
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        case(&code.to_string(), &[with(code, b"")], &[close(code)]).await;
        case(&code.to_string(), &[with(code, b"because")], &[close(code)]).await;
    }
    // 7.9, 7.13
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        case(&code.to_string(), &[with(code, b"")], &[close(1002)]).await;
        case(&code.to_string(), &[with(code, b"because")], &[close(1002)]).await;
    }
}

/// The socket of a view, and what the view then says.
async fn closing<F, Fut>(f: F) -> Peer
where
    F: Fn(WebSocket) -> Fut + Send + Sync + Clone + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let view = move |handshake: Handshake| {
        let f = f.clone();
        std::future::ready(handshake.accept(async move |socket| f(socket).await))
    };
    Peer::open(&app().add_url_rule(rule("/"), view).test_client(), "/", &[]).await
}

#[hipflask::test]
async fn a_function_closes_with_what_it_says() {
    for (code, reason) in [(1000, ""), (4001, "the game is over"), (3000, "ü")] {
        let mut peer = closing(move |socket: WebSocket| async move {
            socket.send("last").await?;
            socket.close(code, reason)?;
            let ended = socket.ended().expect("it is closed");
            assert_eq!((ended.code().as_u16(), ended.reason(), ended.by()), (code, reason, ClosedBy::Us));
            let late = socket.send("late").await.expect_err("it is closed");
            assert!(late.find::<ConnectionClosed>().is_some());
            socket.close(1001, "a second time")
        })
        .await;
        assert_eq!(peer.receive().await, Some(frame(TEXT, "last")));
        let expected = frame(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat());
        assert_eq!(peer.receive().await, Some(expected));
        // What comes before the answer is not looked at.
        peer.send(&frame(TEXT, "late")).await;
        peer.send(&frame(PING, "late")).await;
        peer.send(&close(code)).await;
        assert_eq!(peer.rest().await, []);
    }
}

#[hipflask::test]
async fn codes_that_must_not_be_sent_and_reasons_that_are_too_long_are_errors() {
    let mut peer = closing(async |socket: WebSocket| {
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            let error = socket.close(code, "").expect_err("it must not be sent").to_string();
            assert!(error.contains(&format!("with the code {code}")), "{error}");
        }
        assert!(socket.close(1000, &"x".repeat(124)).is_err());
        assert_eq!(socket.ended(), None);
        socket.close(1000, &"x".repeat(123))
    })
    .await;
    let Frame(kind, payload) = peer.receive().await.expect("a frame");
    assert_eq!((kind, payload.len()), (FIN | CLOSE, 125));
}

#[hipflask::test]
async fn a_function_that_returns_fails_or_panics_closes() {
    let mut peer = closing(async |_: WebSocket| Ok(())).await;
    assert_eq!(peer.receive().await, Some(close(1000)));
    let mut peer = closing(async |_: WebSocket| Err(Error::msg("the disk is gone"))).await;
    assert_eq!(peer.receive().await, Some(close(1011)), "and the reason is for the log");
    let mut peer = closing(async |_: WebSocket| panic!("in pieces")).await;
    assert_eq!(peer.receive().await, Some(close(1011)));
    let mut peer = closing(async |_: WebSocket| abort!(404)).await;
    assert_eq!(peer.receive().await, Some(close(1011)));
    // Both sides at once.
    let mut peer = closing(async |_: WebSocket| Ok(())).await;
    peer.send(&close(1001)).await;
    let rest = peer.rest().await;
    assert!(matches!(&rest[..], [one] if [1000, 1001].contains(&one.code())), "one of them was first: {rest:?}");
}

#[hipflask::test]
async fn a_function_is_told_who_has_closed_and_why() {
    for (sent, told) in [
        (close(1001), "None, the other side closed the WebSocket: 1001"),
        (frame(CLOSE, b"\x0f\xa1bye\n"), "None, the other side closed the WebSocket: 4001 bye\\n"),
        (frame(CLOSE, ""), "None, the other side closed the WebSocket: 1005"),
        (frame(3, ""), "error, the WebSocket broke off: 1002 the opcode is not known"),
    ] {
        let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let mut peer = closing(move |mut socket: WebSocket| {
            let tell = tell.clone();
            async move {
                assert_eq!(socket.receive().await?, Some("first".into()), "what came before the end comes first");
                let result = match socket.receive().await {
                    Ok(None) => "None",
                    Ok(Some(_)) => "a message",
                    Err(_) => "error",
                };
                let _ = tell.send(format!("{result}, {}", socket.ended().expect("it has ended")));
                // It stays so.
                assert!(!matches!(socket.receive().await, Ok(Some(_))));
                assert_eq!(socket.sender().closed().await, socket.ended().expect("it has ended"));
                Ok(())
            }
        })
        .await;
        peer.send(&frame(TEXT, "first")).await;
        peer.send(&sent).await;
        assert_eq!(soon(heard.recv()).await.as_deref(), Some(told));
    }
    // Without a word.
    let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut peer = closing(move |mut socket: WebSocket| {
        let tell = tell.clone();
        async move {
            let error = socket.receive().await.expect_err("it is gone");
            let _ = tell.send(error.to_string());
            Err(error)
        }
    })
    .await;
    peer.stream.shutdown().await.expect("it is open");
    let told = "the WebSocket broke off: 1006 the connection ended without a close frame";
    assert_eq!(soon(heard.recv()).await.as_deref(), Some(told));
}

#[hipflask::test]
async fn a_handle_that_was_kept_keeps_nothing_open() {
    let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut peer = closing(move |socket: WebSocket| {
        let _ = tell.send(socket.sender());
        async move {
            drop(socket);
            Ok(())
        }
    })
    .await;
    let sender = soon(heard.recv()).await.expect("a sender");
    assert_eq!(peer.receive().await, Some(close(1000)));
    assert_eq!(soon(sender.closed()).await.code(), CloseCode::NORMAL);
    assert!(sender.send("late").await.is_err() && sender.try_send("late").is_err());
}
