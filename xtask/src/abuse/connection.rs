//! A connection that says what it is told to, and the answers that come back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long to wait at a time before looking at the clock again.
const TICK: Duration = Duration::from_millis(20);

pub struct Connection {
    stream: TcpStream,
    pub received: Vec<u8>,
    /// Whether the server has ended the connection.
    pub is_closed: bool,
}

impl Connection {
    pub fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        Ok(Connection { stream, received: Vec::new(), is_closed: false })
    }

    /// Sends `bytes` while it reads; whether all were taken within five seconds without progress.
    pub fn send(&mut self, mut bytes: &[u8]) -> bool {
        let mut progress = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    progress = Instant::now();
                }
                Err(error) if is_patience(&error) => {
                    self.read_once();
                    if self.is_closed || progress.elapsed() > Duration::from_secs(5) {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads for `time`, or until the server ends the connection.
    pub fn read_for(&mut self, time: Duration) {
        let begun = Instant::now();
        while !self.is_closed && begun.elapsed() < time {
            self.read_once();
        }
    }

    /// Reads until `is_enough` and nothing more has come for `quiet`; at most for `time`.
    pub fn read_until(&mut self, time: Duration, quiet: Duration, is_enough: impl Fn(&[u8]) -> bool) {
        let begun = Instant::now();
        let mut last = Instant::now();
        while !self.is_closed && begun.elapsed() < time {
            if self.read_once() {
                last = Instant::now();
            } else if last.elapsed() > quiet && is_enough(&self.received) {
                return;
            }
        }
    }

    /// Reads what is there; whether something was.
    fn read_once(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.is_closed = true,
            Ok(read) => {
                self.received.extend_from_slice(&buffer[..read]);
                return true;
            }
            Err(error) if is_patience(&error) => {}
            Err(_) => self.is_closed = true,
        }
        false
    }
}

fn is_patience(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// One answer, whole or cut off.
#[derive(Default)]
pub struct Answer {
    pub status: u16,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub is_whole: bool,
}

impl Answer {
    pub fn is_final(&self) -> bool {
        self.status >= 200 || self.status == 101
    }
}

/// The answers in `bytes`; `is_head` says that they have no bodies.
pub fn answers(mut bytes: &[u8], is_head: bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(status) = status(bytes) {
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            answers.push(Answer { status, head: bytes.to_vec(), ..Answer::default() });
            break;
        };
        let (head, rest) = (&bytes[..end + 2], &bytes[end + 4..]);
        let (body, is_whole, taken) = body(status, head, rest, is_head);
        answers.push(Answer { status, head: head.to_vec(), body, is_whole });
        if !is_whole {
            break;
        }
        bytes = &rest[taken..];
    }
    answers
}

fn status(bytes: &[u8]) -> Option<u16> {
    let line = bytes.strip_prefix(b"HTTP/1.")?;
    std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()
}

/// The body, whether it is whole, and how many bytes it takes.
fn body(status: u16, head: &[u8], rest: &[u8], is_head: bool) -> (Vec<u8>, bool, usize) {
    if status < 200 && status != 101 || matches!(status, 204 | 304) || is_head {
        return (Vec::new(), true, 0);
    }
    if header(head, "transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        return chunks(rest);
    }
    match header(head, "content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => (rest[..length.min(rest.len())].to_vec(), rest.len() >= length, length),
        None => (rest.to_vec(), true, rest.len()),
    }
}

fn chunks(bytes: &[u8]) -> (Vec<u8>, bool, usize) {
    let (mut body, mut place) = (Vec::new(), 0);
    loop {
        let Some(line) = find(&bytes[place..], b"\r\n") else { return (body, false, place) };
        let size = std::str::from_utf8(&bytes[place..place + line]).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(size, 16) else { return (body, false, place) };
        place += line + 2;
        if size == 0 {
            let end = find(&bytes[place - 2..], b"\r\n\r\n");
            return (body, end.is_some(), end.map_or(place, |end| place + end + 2));
        }
        let Some(chunk) = bytes.get(place..place + size + 2) else { return (body, false, place) };
        body.extend_from_slice(&chunk[..size]);
        place += size + 2;
    }
}

/// A header's value.
pub fn header(head: &[u8], name: &str) -> Option<String> {
    let head = super::bytes::text(head);
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_one_another() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\
            Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\ncut";
        let read = answers(bytes, false);
        let told: Vec<_> = read.iter().map(|answer| (answer.status, &*answer.body, answer.is_whole)).collect();
        assert_eq!(told, [(100, &b""[..], true), (200, b"ok", true), (200, b"ab", true), (500, b"cut", false)]);
    }
}
