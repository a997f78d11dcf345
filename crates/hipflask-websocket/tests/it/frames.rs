//! Frames, pings, reserved bits, opcodes and fragments: the cases of Autobahn's test suite, groups 1 to 5, 9 and 10.

use crate::raw::*;

#[hipflask::test]
async fn messages_of_every_length_come_back() {
    // 1.1, 1.2
    for opcode in [TEXT, BINARY] {
        for len in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
            let message = frame(opcode, "*".repeat(len));
            let what = format!("{opcode} {len}");
            case(&what, &[message.clone(), close(1000)], &[message, close(1000)]).await;
        }
    }
}

#[hipflask::test]
async fn long_messages_come_back_whatever_pieces_they_come_in() {
    // 9.1 to 9.6, 10.1
    let mut peer = Peer::of_echo().await;
    for opcode in [TEXT, BINARY] {
        for (len, piece) in [(65_536, 1300), (262_144, 4096), (1_048_576, 262_144), (1_048_576, 1_048_576)] {
            let text = "0123456789abcdef".repeat(len / 16);
            let count = len.div_ceil(piece);
            for (n, chunk) in text.as_bytes().chunks(piece).enumerate() {
                let kind = if n == 0 { opcode } else { CONTINUATION };
                let next = if n + 1 == count { frame(kind, chunk) } else { part(kind, chunk) };
                peer.send(&next).await;
            }
            let (is_text, content) = peer.message().await;
            assert!(is_text == (opcode == TEXT) && content == text.as_bytes(), "{opcode} {len} {piece}");
        }
    }
}

#[hipflask::test]
async fn pings_are_answered_and_pongs_are_not() {
    // 2.1 to 2.11
    let (long, bytes) = ("x".repeat(125), [0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb]);
    for payload in [&b""[..], b"Hello", &bytes, long.as_bytes()] {
        case("a ping", &[frame(PING, payload), close(1000)], &[frame(PONG, payload), close(1000)]).await;
        case("a pong", &[frame(PONG, payload), close(1000)], &[close(1000)]).await;
    }
    case("a ping that is too long", &[frame(PING, "x".repeat(126))], &[close(1002)]).await;
    let sent = [frame(PONG, "unasked"), frame(PING, "asked"), close(1000)];
    case("a pong before a ping", &sent, &[frame(PONG, "asked"), close(1000)]).await;
    let numbered = |opcode| (0..10).map(move |n| frame(opcode, format!("payload-{n}")));
    let sent: Vec<Frame> = numbered(PING).chain([close(1000)]).collect();
    let expected: Vec<Frame> = numbered(PONG).chain([close(1000)]).collect();
    case("ten pings", &sent, &expected).await;
}

#[hipflask::test]
async fn reserved_bits_and_opcodes_fail_the_connection() {
    // 3.1 to 3.7
    for bits in [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70] {
        for opcode in [TEXT, BINARY, PING, PONG, CLOSE] {
            let wrong = Frame(FIN | bits | opcode, b"Hello".to_vec());
            let what = format!("{bits:x} {opcode}");
            case(&what, &[wrong.clone(), frame(PING, "")], &[close(1002)]).await;
            let good = frame(TEXT, "good");
            let expected = [good.clone(), close(1002)];
            echoes_first(&what, &good, &wrong, &expected).await;
        }
    }
    // 4.1, 4.2
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in ["", "reserved"] {
            let what = format!("opcode {opcode}");
            case(&what, &[frame(opcode, payload), frame(PING, "")], &[close(1002)]).await;
            let good = frame(TEXT, "good");
            echoes_first(&what, &good, &frame(opcode, payload), &[good.clone(), close(1002)]).await;
        }
    }
}

/// A message that came back before something was wrong.
async fn echoes_first(what: &str, good: &Frame, wrong: &Frame, expected: &[Frame]) {
    let mut peer = Peer::of_echo().await;
    peer.send(good).await;
    let mut received = vec![peer.receive().await.expect("a message")];
    peer.send(wrong).await;
    received.extend(peer.rest().await);
    let last = received.last().map(Frame::code);
    assert_eq!((&received[0], last, received.len()), (&expected[0], Some(1002), 2), "{what}");
}

#[hipflask::test]
async fn fragments_become_a_message_and_control_frames_may_be_between_them() {
    let whole = || frame(TEXT, "fragment1fragment2");
    let (first, last) = (part(TEXT, "fragment1"), frame(CONTINUATION, "fragment2"));
    // 5.1, 5.2
    for opcode in [PING, PONG, CLOSE] {
        case("a control frame in pieces", &[part(opcode, "a"), frame(CONTINUATION, "b")], &[close(1002)]).await;
    }
    // 5.3 to 5.8
    case("two fragments", &[first.clone(), last.clone(), close(1000)], &[whole(), close(1000)]).await;
    let sent = [first.clone(), frame(PING, "ping"), last.clone(), close(1000)];
    case("a ping between", &sent, &[frame(PONG, "ping"), whole(), close(1000)]).await;
    // 5.9 to 5.14
    for continuation in [frame(CONTINUATION, "x"), part(CONTINUATION, "x"), frame(CONTINUATION, "")] {
        let sent = [continuation, frame(TEXT, "Hello")];
        case("nothing to continue", &sent, &[close(1002)]).await;
    }
    // 5.15 to 5.18
    for second in [part(CONTINUATION, "x"), frame(CONTINUATION, "x")] {
        let mut peer = Peer::of_echo().await;
        for next in [&first, &last] {
            peer.send(next).await;
        }
        assert_eq!(peer.receive().await, Some(whole()));
        peer.send(&second).await;
        peer.is_closed_with(1002).await;
    }
    for second in [frame(TEXT, "x"), part(TEXT, "x"), frame(BINARY, "x")] {
        case("a message within a message", &[first.clone(), second], &[close(1002)]).await;
    }
    // 5.19, 5.20
    let sent = [
        part(TEXT, "fragment1"),
        part(CONTINUATION, "fragment2"),
        frame(PING, "pongme 1"),
        part(CONTINUATION, "fragment3"),
        part(CONTINUATION, "fragment4"),
        frame(PING, "pongme 2"),
        frame(CONTINUATION, "fragment5"),
        close(1000),
    ];
    let message = frame(TEXT, "fragment1fragment2fragment3fragment4fragment5");
    case("pings between", &sent, &[frame(PONG, "pongme 1"), frame(PONG, "pongme 2"), message, close(1000)]).await;
    // 6.1
    let sent = [part(TEXT, ""), part(CONTINUATION, ""), frame(CONTINUATION, ""), close(1000)];
    case("three empty fragments", &sent, &[frame(TEXT, ""), close(1000)]).await;
}

#[hipflask::test]
async fn a_head_has_one_form() {
    for (what, head) in [
        ("no mask", &[FIN | TEXT, 2, b'h', b'i'][..]),
        ("no mask, and no payload", &[FIN | PING, 0]),
        ("16 bits for what needs 7", &[FIN | TEXT, 0x80 | 126, 0, 125, 0, 0, 0, 0]),
        ("64 bits for what needs 16", &[FIN | TEXT, 0x80 | 127, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0]),
        ("64 bits for a ping", &[FIN | PING, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        ("a negative length", &[FIN | TEXT, 0x80 | 127, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let mut peer = Peer::of_echo().await;
        peer.send_bytes(head).await;
        let rest = peer.rest().await;
        assert_eq!(rest.iter().map(Frame::code).collect::<Vec<_>>(), [1002], "{what}");
    }
}

#[hipflask::test]
async fn a_long_message_is_sent_in_pieces_that_others_may_interrupt() {
    let mut peer = Peer::of_echo().await;
    let text = "x".repeat(300_000);
    peer.send(&frame(TEXT, &text)).await;
    // The first piece waits to be read.
    let first = peer.receive().await.expect("a frame");
    assert_eq!((first.0, first.1.len()), (TEXT, 65_536));
    peer.send(&frame(PING, "in between")).await;
    let (mut len, mut between) = (first.1.len(), 0);
    loop {
        let Frame(kind, payload) = peer.receive().await.expect("a frame");
        if kind == FIN | PONG {
            assert_eq!(payload, b"in between");
            between = len;
            continue;
        }
        len += payload.len();
        if kind == FIN | CONTINUATION {
            break;
        }
        assert_eq!(kind, CONTINUATION);
    }
    assert_eq!(len, text.len());
    assert!(between > 0 && between < len, "the answer came in between: {between}");
}
