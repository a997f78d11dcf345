//! A peer that writes and reads frames by hand.

use std::time::Duration;

use hipflask::http::Upgraded;
use hipflask::testing::TestClient;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as the other side sees it: its first byte, and its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame(pub(crate) u8, pub(crate) Vec<u8>);

/// A frame that is whole: `frame(TEXT, "hello")`.
pub(crate) fn frame(opcode: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame(FIN | opcode, payload.as_ref().to_vec())
}

/// A frame that others follow.
pub(crate) fn part(opcode: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame(opcode, payload.as_ref().to_vec())
}

pub(crate) fn close(code: u16) -> Frame {
    frame(CLOSE, code.to_be_bytes())
}

impl Frame {
    /// The bytes of it, as a client sends it.
    pub(crate) fn masked(&self) -> Vec<u8> {
        let Frame(first, payload) = self;
        let mut bytes = vec![*first];
        match payload.len() {
            len @ 0..126 => bytes.push(0x80 | u8::try_from(len).expect("it is short")),
            len @ 126..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend(u16::try_from(len).expect("it is short").to_be_bytes());
            }
            len => {
                bytes.push(0x80 | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// The code of a close frame; 0 if it is none, or has none.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Frame(first, payload) if *first == FIN | CLOSE && payload.len() >= 2 => {
                u16::from_be_bytes([payload[0], payload[1]])
            }
            _ => 0,
        }
    }
}

pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future).await.expect("it happens in time")
}

/// The other side.
pub(crate) struct Peer<S = Upgraded> {
    pub(crate) stream: S,
}

impl Peer {
    /// Opens the WebSocket at `target`, with `headers` beside those that it needs.
    pub(crate) async fn open(client: &TestClient, target: &str, headers: &[(&str, &str)]) -> Peer {
        let request = client.get(target).header("sec-websocket-version", "13");
        let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let (response, stream) = request.upgrade("websocket").await;
        assert!(stream.is_some(), "it was refused: {response:?}");
        Peer { stream: stream.expect("it was not refused") }
    }

    /// One of an application that sends back what comes.
    pub(crate) async fn of_echo() -> Peer {
        Peer::open(&crate::echoing().test_client(), "/echo", &[]).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.expect("the other side reads");
    }

    pub(crate) async fn send(&mut self, frame: &Frame) {
        self.send_bytes(&frame.masked()).await;
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn receive(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        match soon(self.stream.read_exact(&mut head)).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
                return None;
            }
        }
        let [first, len] = head;
        assert!(len < 0x80, "a server masks nothing");
        let len = match len {
            126 => soon(self.stream.read_u16()).await.expect("a length").into(),
            127 => soon(self.stream.read_u64()).await.expect("a length"),
            len => len.into(),
        };
        let mut payload = vec![0; usize::try_from(len).expect("it is a length")];
        soon(self.stream.read_exact(&mut payload)).await.expect("a payload");
        Some(Frame(first, payload))
    }

    /// The next message: whether it is a text, and its content, from as many frames as it has.
    pub(crate) async fn message(&mut self) -> (bool, Vec<u8>) {
        let Frame(mut first, mut content) = self.receive().await.expect("a message");
        let is_text = first & 0x0f == TEXT;
        assert!(is_text || first & 0x0f == BINARY, "a message begins: {first:x}");
        while first & FIN == 0 {
            let Frame(next, more) = self.receive().await.expect("the rest of a message");
            assert_eq!(next & 0x0f, CONTINUATION);
            content.extend(more);
            first = next;
        }
        (is_text, content)
    }

    /// All that comes until the other side ends the connection.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.receive().await {
            frames.push(frame);
        }
        frames
    }

    /// Waits until the other side has closed with `code` and has ended the connection.
    pub(crate) async fn is_closed_with(&mut self, code: u16) {
        let rest = self.rest().await;
        assert_eq!(rest.iter().map(Frame::code).collect::<Vec<_>>(), [code], "{rest:?}");
    }
}

/// Sends `sent` to an echo, in one piece and byte by byte, and expects these frames, the last of them a close frame, and
/// the end of the connection. If there are others before it, they are received before `sent` closes.
pub(crate) async fn case(what: &str, sent: &[Frame], expected: &[Frame]) {
    let at = if expected.len() > 1 { sent.len() - 1 } else { sent.len() };
    let [first, last]: [Vec<u8>; 2] =
        [&sent[..at], &sent[at..]].map(|frames| frames.iter().flat_map(Frame::masked).collect());
    for size in [first.len().max(1), 1] {
        if size == 1 && first.len() > 5000 {
            continue;
        }
        let mut peer = Peer::of_echo().await;
        peer.send_in_pieces(&first, size).await;
        let mut received = Vec::new();
        for _ in 1..expected.len() {
            received.extend(peer.receive().await);
        }
        peer.send_in_pieces(&last, size).await;
        received.extend(peer.rest().await);
        assert!(
            shown(&received) == shown(expected),
            "{what}, in pieces of {size}: {:x?} instead of {:x?}",
            told(&received),
            told(expected)
        );
    }
}

/// The frames without what is for people: the reasons of close frames.
fn shown(frames: &[Frame]) -> Vec<Frame> {
    frames.iter().map(|frame| if frame.code() == 0 { frame.clone() } else { close(frame.code()) }).collect()
}

fn told(frames: &[Frame]) -> Vec<(u8, usize, u16)> {
    frames.iter().map(|frame| (frame.0, frame.1.len(), frame.code())).collect()
}

impl Peer {
    async fn send_in_pieces(&mut self, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            // What is wrong may be noticed before all of it was sent.
            if soon(self.stream.write_all(piece)).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}
