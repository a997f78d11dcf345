//! A client of HTTP/1 that takes answers apart and repairs nothing.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::soon;

pub(super) struct Client<S = TcpStream> {
    pub(super) stream: S,
    /// What was received and not yet taken.
    pub(super) received: Vec<u8>,
}

/// An answer that was received as a whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Client {
    /// Sends a byte now and then until the server says something, or ends the connection.
    pub(super) async fn drip(&mut self, byte: u8) {
        let drip = async {
            while self.stream.try_write(&[byte]).is_ok() {
                let wait = Duration::from_millis(10);
                if tokio::time::timeout(wait, self.stream.readable()).await.is_ok() {
                    return;
                }
            }
        };
        soon(drip).await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn new(stream: S) -> Client<S> {
        Client { stream, received: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.expect("the server reads");
    }

    /// Sends as much as the server takes.
    pub(super) async fn send_if_taken(&mut self, bytes: &[u8]) {
        let _ = soon(self.stream.write_all(bytes)).await;
    }

    /// Says that nothing more will come.
    pub(super) async fn half_close(&mut self) {
        soon(self.stream.shutdown()).await.expect("the connection is open");
    }

    /// The same, if the server has not ended the connection before.
    pub(super) async fn half_close_if_open(&mut self) {
        let _ = soon(self.stream.shutdown()).await;
    }

    /// Receives some bytes; false at the end of the connection.
    async fn receive(&mut self) -> bool {
        self.received.reserve(64 * 1024);
        let received = soon(self.stream.read_buf(&mut self.received)).await;
        received.expect("the connection is not reset") > 0
    }

    /// Receives until `find` is there, and takes everything up to its end.
    async fn take_past(&mut self, find: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.received.windows(find.len()).position(|window| window == find) {
                return self.received.drain(..at + find.len()).collect();
            }
            let text = String::from_utf8_lossy(&self.received).into_owned();
            assert!(self.receive().await, "the connection ended after {text:?}");
        }
    }

    async fn take(&mut self, len: usize) -> Vec<u8> {
        while self.received.len() < len {
            assert!(self.receive().await, "the connection ended {} bytes early", len - self.received.len());
        }
        self.received.drain(..len).collect()
    }

    /// The next bytes, which are text.
    pub(super) async fn take_text(&mut self, len: usize) -> String {
        String::from_utf8(self.take(len).await).expect("text")
    }

    /// The next answer, or interim answer.
    pub(super) async fn answer(&mut self) -> Answer {
        self.answer_to(false).await
    }

    /// The next answer, which has no body whatever its head says.
    pub(super) async fn answer_without_body(&mut self) -> Answer {
        self.answer_to(true).await
    }

    async fn answer_to(&mut self, head_only: bool) -> Answer {
        let head = self.head().await;
        let mut answer = Answer { status: head[9..12].parse().expect("a status"), head, body: String::new() };
        if !head_only && answer.status >= 200 && answer.status != 204 && answer.status != 304 {
            let body = match answer.header("content-length").map(str::to_owned) {
                Some(len) => self.take(len.parse().expect("a length")).await,
                None if answer.header("transfer-encoding") == Some("chunked") => self.chunks().await,
                None => self.rest().await,
            };
            answer.body = String::from_utf8(body).expect("text");
        }
        answer
    }

    /// The head of the next answer.
    pub(super) async fn head(&mut self) -> String {
        String::from_utf8(self.take_past(b"\r\n\r\n").await).expect("text")
    }

    /// The next chunk of a chunked body; nothing at its end.
    pub(super) async fn chunk(&mut self) -> Vec<u8> {
        let size = self.take_past(b"\r\n").await;
        let size = std::str::from_utf8(&size).expect("text").trim();
        let mut chunk = self.take(usize::from_str_radix(size, 16).expect("a size") + 2).await;
        assert_eq!(chunk.split_off(chunk.len() - 2), b"\r\n");
        chunk
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.chunk().await {
                chunk if chunk.is_empty() => return all,
                chunk => all.extend(chunk),
            }
        }
    }

    /// What comes until the server ends the connection cleanly.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        while self.receive().await {}
        std::mem::take(&mut self.received)
    }

    /// What comes until the connection ends, in whatever order.
    pub(super) async fn rest_or_reset(&mut self) -> Vec<u8> {
        while matches!(soon(self.stream.read_buf(&mut self.received)).await, Ok(1..)) {}
        std::mem::take(&mut self.received)
    }

    /// Whether the connection ends with a reset, after whatever comes before it.
    pub(super) async fn is_reset(&mut self) -> bool {
        loop {
            match soon(self.stream.read_buf(&mut self.received)).await {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Waits until the server has ended its part of the connection and has said nothing more. What the client
    /// still sends is taken, not answered with a reset: that could destroy the last answer on its way.
    pub(super) async fn is_closed_gently(&mut self) {
        self.is_closed().await;
        for _ in 0..3 {
            self.send("more").await;
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the server has ended the connection and has said nothing more.
    pub(super) async fn is_closed(&mut self) {
        let rest = self.rest().await;
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}
