//! What hyper forgives in the framing of HTTP/1, refused before hyper sees it.
//!
//! A line that ends in a bare LF, both lengths of a body, or one of them twice: hyper settles each in one way,
//! and a proxy in front of us may settle it in another, so that what is one request here are two there. hyper
//! tells nobody that it settled something. So the bytes are looked at on their way to it, and one that must be
//! refused becomes one that hyper refuses with 400.
//!
//! Only the ends of lines and the two lengths are looked at. Whatever else is malformed is left to hyper, and
//! the screen looks no further once it has lost the thread.

use memchr::memchr;

/// A line beyond this is refused by hyper.
const LONGEST_LINE: usize = super::connection::MAX_HEAD;

/// Where in the stream of requests a connection is.
#[derive(Debug, Default)]
pub(super) struct Screen {
    part: Part,
    /// The beginning of a line whose end is yet to come.
    line: Vec<u8>,
    framing: Framing,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Part {
    /// Empty lines before a request are passed over (RFC 9112 §2.2).
    #[default]
    Before,
    Head,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    Trailers,
    /// The thread is lost, or what comes is refused.
    Blind,
}

/// What a head has said about the length of its body.
#[derive(Debug, Default)]
struct Framing {
    fields: u32,
    length: u64,
    chunked: bool,
}

impl Screen {
    /// Looks at bytes on their way to hyper.
    pub(super) fn look(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &mut bytes[at..];
            match &mut self.part {
                Part::Blind => return,
                Part::Body(left) | Part::Chunk(left) => {
                    let taken = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    at += taken;
                    self.after_bytes();
                }
                Part::Before | Part::Head | Part::ChunkSize | Part::Trailers => {
                    let Some(end) = memchr(b'\n', rest) else { return self.keep(rest) };
                    if !self.line(&rest[..end]) {
                        // In no place does HTTP/1 have a NUL.
                        rest[end] = 0;
                        self.part = Part::Blind;
                    }
                    at += end + 1;
                }
            }
        }
    }

    fn keep(&mut self, start: &[u8]) {
        match self.line.len() + start.len() > LONGEST_LINE {
            true => self.part = Part::Blind,
            false => self.line.extend_from_slice(start),
        }
    }

    fn after_bytes(&mut self) {
        match self.part {
            Part::Body(0) => self.part = Part::Before,
            Part::Chunk(0) => self.part = Part::ChunkSize,
            _ => {}
        }
    }

    /// A line, or the rest of it, without its LF; false if it must be refused.
    fn line(&mut self, end: &[u8]) -> bool {
        if self.line.is_empty() {
            return self.whole_line(end);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(end);
        self.whole_line(&line)
    }

    fn whole_line(&mut self, line: &[u8]) -> bool {
        let (line, ends_well) = match line {
            [line @ .., b'\r'] => (line, true),
            line => (line, false),
        };
        match self.part {
            Part::Before if line.is_empty() => {}
            Part::Before => self.part = Part::Head,
            Part::Head if line.is_empty() => return ends_well && self.end_of_head(),
            Part::Head => self.field(line),
            Part::ChunkSize => self.part = after_size(line),
            Part::Trailers if line.is_empty() => self.part = Part::Before,
            Part::Trailers | Part::Body(_) | Part::Chunk(_) | Part::Blind => {}
        }
        // What ends the lines of a chunked body is checked by hyper.
        ends_well || !matches!(self.part, Part::Before | Part::Head)
    }

    fn field(&mut self, line: &[u8]) {
        if let Some(length) = value(line, b"content-length") {
            self.framing.fields += 1;
            match std::str::from_utf8(length).ok().and_then(|length| length.trim().parse().ok()) {
                Some(length) => self.framing.length = length,
                None => self.part = Part::Blind,
            }
        } else if value(line, b"transfer-encoding").is_some() {
            self.framing.fields += 1;
            self.framing.chunked = true;
        }
    }

    fn end_of_head(&mut self) -> bool {
        let Framing { fields, length, chunked } = std::mem::take(&mut self.framing);
        self.part = match (chunked, length) {
            (true, _) => Part::ChunkSize,
            (false, 0) => Part::Before,
            (false, length) => Part::Body(length),
        };
        fields <= 1
    }
}

/// The value of a field, if it has this name.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// What follows the line with the size of a chunk.
fn after_size(line: &[u8]) -> Part {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let size = std::str::from_utf8(&line[..digits]).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
    match size {
        Some(0) => Part::Trailers,
        // CRLF follows the bytes of a chunk.
        Some(size) => size.checked_add(2).map_or(Part::Blind, Part::Chunk),
        None => Part::Blind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is refused, in whatever pieces it comes.
    fn refused(bytes: &str) -> bool {
        let verdict = |pieces: usize| {
            let mut screen = Screen::default();
            let mut seen = bytes.as_bytes().to_vec();
            seen.chunks_mut(pieces).for_each(|piece| screen.look(piece));
            seen.contains(&0)
        };
        let whole = verdict(bytes.len());
        for pieces in 1..bytes.len() {
            assert_eq!(verdict(pieces), whole, "{bytes:?} in pieces of {pieces}");
        }
        whole
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\na\nb\nc\r\n0\r\nT: x\r\n\r\n";
    const SIZED: &str = "\r\nPOST / HTTP/1.1\r\ncontent-length: 5\r\n\r\na\nb\nc";

    #[test]
    fn well_framed_requests_pass() {
        for request in [GET, CHUNKED, SIZED] {
            assert!(!refused(request), "{request:?}");
            assert!(!refused(&[request, CHUNKED, SIZED, GET].concat()), "{request:?}");
        }
    }

    #[test]
    fn ambiguous_heads_are_refused_wherever_they_stand() {
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\ncontent-length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            for before in ["", GET, CHUNKED, SIZED] {
                assert!(refused(&format!("{before}{head}")), "{before:?} {head:?}");
            }
        }
    }
}
