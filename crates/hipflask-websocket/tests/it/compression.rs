//! permessage-deflate: the cases of Autobahn's test suite, groups 12 and 13, and what must not be unpacked.

use hipflask::prelude::*;
use hipflask_websocket::prelude::*;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::raw::*;
use crate::{app, echo, echoing, rule};

const OFFER: (&str, &str) = ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");

/// Compressed as a client does: whole, without the end of the flush.
fn packed(bytes: &[u8]) -> Vec<u8> {
    // The last block of the stream may say that it is the last (RFC 7692 §7.2.3.4); an empty one then follows.
    let mut packed = miniz_oxide::deflate::compress_to_vec(bytes, 6);
    packed.push(0);
    packed
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let flushed = [bytes, &[0, 0, 0xff, 0xff], &[0x03, 0x00]].concat();
    decompress_to_vec_with_limit(&flushed, 10_000_000).expect("it is deflated")
}

impl Peer {
    /// The next message, and whether it was compressed.
    async fn unpacked(&mut self) -> (bool, Vec<u8>) {
        let Frame(mut first, mut content) = self.receive().await.expect("a message");
        let is_packed = first & RSV1 != 0;
        while first & FIN == 0 {
            let Frame(next, more) = self.receive().await.expect("the rest of a message");
            assert_eq!(next & RSV1, 0, "only the first frame says it");
            content.extend(more);
            first = next;
        }
        (is_packed, if is_packed { unpacked(&content) } else { content })
    }
}

#[hipflask::test]
async fn what_is_offered_is_agreed_upon_only_as_far_as_it_is_kept() {
    let client = echoing().test_client();
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (offer, answer) in [
        ("permessage-deflate", Some(agreed)),
        ("permessage-deflate; client_max_window_bits", Some(agreed)),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", Some(agreed)),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", Some(agreed)),
        ("permessage-deflate; server_max_window_bits=10", None),
        ("permessage-deflate; unknown", None),
        ("permessage-brotli", None),
    ] {
        let socket = client.websocket("/echo").header("sec-websocket-extensions", offer).connect().await;
        assert_eq!(socket.response().header("sec-websocket-extensions"), answer, "{offer}");
    }
    let client = echoing().config("WEBSOCKET_COMPRESSION", false).test_client();
    let socket = client.websocket("/echo").header(OFFER.0, OFFER.1).connect().await;
    assert_eq!(socket.response().header("sec-websocket-extensions"), None);
}

#[hipflask::test]
async fn messages_of_every_length_come_back_compressed() {
    let mut peer = Peer::open(&echoing().test_client(), "/echo", &[OFFER]).await;
    let text: String = (0..60_000).map(|n| format!("{n}: some words that are often the same\n")).collect();
    for len in [0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 1_000_000] {
        for opcode in [TEXT, BINARY] {
            let content = &text.as_bytes()[..len];
            // Whole, in fragments, and as it is: each message says how it comes.
            let bytes = packed(content);
            peer.send(&Frame(FIN | RSV1 | opcode, bytes.clone())).await;
            let (is_packed, back) = peer.unpacked().await;
            assert!(back == content && is_packed == (len >= 1024), "{len}");
            let (first, last) = bytes.split_at(bytes.len() / 2);
            for next in [Frame(RSV1 | opcode, first.to_vec()), frame(PING, ""), frame(CONTINUATION, last)] {
                peer.send(&next).await;
            }
            assert_eq!(peer.receive().await, Some(frame(PONG, "")));
            assert!(peer.unpacked().await.1 == content, "{len} in fragments");
            peer.send(&frame(opcode, content)).await;
            assert!(peer.unpacked().await.1 == content, "{len} as it is");
        }
    }
    peer.send(&close(1000)).await;
    peer.is_closed_with(1000).await;
}

#[hipflask::test]
async fn what_does_not_shrink_is_sent_as_it_is() {
    let mut peer = Peer::open(&echoing().test_client(), "/echo", &[OFFER]).await;
    let noise: Vec<u8> = (0..5000).flat_map(|_| hipflask::signing::random_bytes::<2>()).collect();
    peer.send(&frame(BINARY, &noise)).await;
    assert!(peer.unpacked().await == (false, noise));
}

#[hipflask::test]
async fn a_message_that_unpacks_beyond_the_limit_is_given_up() {
    let client = app()
        .config("WEBSOCKET_MAX_MESSAGE_SIZE", 100_000)
        .add_url_rule(rule("/echo"), async |handshake: Handshake| handshake.accept(echo))
        .test_client();
    let open = async || Peer::open(&client, "/echo", &[OFFER]).await;
    let mut peer = open().await;
    let zeros = packed(&vec![0; 100_000]);
    peer.send(&Frame(FIN | RSV1 | BINARY, zeros)).await;
    assert_eq!(peer.unpacked().await.1.len(), 100_000);
    // A hundred kilobytes that would become a hundred megabytes.
    let bomb = packed(&vec![0; 100_000_000]);
    assert!(bomb.len() < 100_000);
    peer.send(&Frame(FIN | RSV1 | BINARY, bomb.clone())).await;
    peer.is_closed_with(1009).await;
    // In fragments, of which the last never comes.
    let mut peer = open().await;
    peer.send(&Frame(RSV1 | TEXT, bomb[..bomb.len() / 2].to_vec())).await;
    peer.is_closed_with(1009).await;
    // Blocks that have nothing in them.
    let mut peer = open().await;
    peer.send(&Frame(RSV1 | BINARY, Vec::new())).await;
    for _ in 0..11 {
        let empty = [0, 0, 0, 0xff, 0xff].repeat(2_001);
        if soon(tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &part(CONTINUATION, empty).masked()))
            .await
            .is_err()
        {
            break;
        }
    }
    peer.is_closed_with(1009).await;
}

#[hipflask::test]
async fn the_bit_is_for_the_first_frame_of_a_message_where_it_was_agreed_upon() {
    let client = echoing().test_client();
    let mut peer = Peer::open(&client, "/echo", &[]).await;
    peer.send(&Frame(FIN | RSV1 | TEXT, packed(b"Hello"))).await;
    peer.is_closed_with(1002).await;
    for sent in [
        vec![Frame(FIN | RSV1 | PING, Vec::new())],
        vec![Frame(FIN | RSV1 | CLOSE, Vec::new())],
        vec![Frame(RSV1 | TEXT, Vec::new()), Frame(FIN | RSV1 | CONTINUATION, packed(b"Hello"))],
    ] {
        let mut peer = Peer::open(&client, "/echo", &[OFFER]).await;
        for next in sent {
            peer.send(&next).await;
        }
        peer.is_closed_with(1002).await;
    }
    for (malformed, code) in [(&[0x07][..], 1007), (b"\xff\xff\xff\xff\xff\xff", 1007)] {
        let mut peer = Peer::open(&client, "/echo", &[OFFER]).await;
        peer.send(&Frame(FIN | RSV1 | BINARY, malformed.to_vec())).await;
        peer.is_closed_with(code).await;
    }
    // What is unpacked must be a text.
    let mut peer = Peer::open(&client, "/echo", &[OFFER]).await;
    peer.send(&Frame(FIN | RSV1 | TEXT, packed(b"\xff"))).await;
    peer.is_closed_with(1007).await;
}
