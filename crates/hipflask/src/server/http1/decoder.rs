//! The body of a request, decoded from the bytes that carry it (RFC 9112 §6 and §7).

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderName, HeaderValue};
use memchr::memchr;

/// How many bytes the chunk extensions and trailers of one body may have together.
const MAX_EXTRA: usize = 16 * 1024;
/// How many trailers one body may have.
const MAX_TRAILERS: usize = 100;

/// Where in a body the reader is.
#[derive(Debug)]
pub(super) enum Decoder {
    /// This many bytes are left.
    Length(u64),
    Chunked(Chunked),
    /// The bytes are not a body.
    Malformed,
}

#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: At,
    extra: usize,
    trailers: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum At {
    #[default]
    Size,
    Data(u64),
    AfterData,
    Trailers,
    End,
}

/// What comes next in a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Data(Bytes),
    /// More must be read first.
    More,
    End,
}

/// The bytes are not a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Decoder {
    pub(super) fn empty() -> Decoder {
        Decoder::Length(0)
    }

    pub(super) fn chunked() -> Decoder {
        Decoder::Chunked(Chunked::default())
    }

    pub(super) fn is_at_end(&self) -> bool {
        matches!(self, Decoder::Length(0) | Decoder::Chunked(Chunked { at: At::End, .. }))
    }

    /// How many bytes are still to come, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Decoder::Length(left) => Some(*left),
            _ if self.is_at_end() => Some(0),
            _ => None,
        }
    }

    /// The whole body, if its length is known and all of it has arrived.
    pub(super) fn take_whole(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        match *self {
            Decoder::Length(0) => Some(Bytes::new()),
            Decoder::Length(length) => {
                let length = usize::try_from(length).ok().filter(|length| *length <= input.len())?;
                Some(input.split_to(length).freeze())
            }
            _ => None,
        }
    }

    /// The next piece of the body in `input`.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Next, Malformed> {
        let next = match self {
            Decoder::Length(0) => Ok(Next::End),
            Decoder::Length(left) => Ok(take(left, input)),
            Decoder::Chunked(chunked) => chunked.next(input),
            Decoder::Malformed => Err(Malformed),
        };
        if next.is_err() {
            *self = Decoder::Malformed;
        }
        next
    }

    /// Skips what has arrived of the body; returns whether that was all of it.
    pub(super) fn skip(&mut self, input: &mut BytesMut) -> bool {
        loop {
            match self.next(input) {
                Ok(Next::Data(_)) => {}
                Ok(Next::End) => return true,
                Ok(Next::More) | Err(Malformed) => return false,
            }
        }
    }
}

impl Chunked {
    fn next(&mut self, input: &mut BytesMut) -> Result<Next, Malformed> {
        loop {
            match &mut self.at {
                At::Size => {
                    let Some(line) = self.line(input)? else { return Ok(Next::More) };
                    self.at = match self.size(&line)? {
                        0 => At::Trailers,
                        size => At::Data(size),
                    };
                }
                At::Data(0) => self.at = At::AfterData,
                At::Data(left) => return Ok(take(left, input)),
                At::AfterData if input.len() < 2 => return Ok(Next::More),
                At::AfterData => {
                    if !input.starts_with(b"\r\n") {
                        return Err(Malformed);
                    }
                    input.advance(2);
                    self.at = At::Size;
                }
                At::Trailers => {
                    let Some(line) = self.line(input)? else { return Ok(Next::More) };
                    if line.is_empty() { self.at = At::End } else { self.trailer(&line)? }
                }
                At::End => return Ok(Next::End),
            }
        }
    }

    /// The next line without its end, if all of it has arrived.
    fn line(&self, input: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
        let Some(end) = memchr(b'\n', input) else {
            return if self.extra + input.len() > MAX_EXTRA { Err(Malformed) } else { Ok(None) };
        };
        let mut line = input.split_to(end + 1);
        line.truncate(end);
        let is_plain = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
        match line.split_last() {
            Some((b'\r', rest)) if rest.iter().all(is_plain) => line.truncate(end - 1),
            _ => return Err(Malformed),
        }
        Ok(Some(line))
    }

    /// `chunk-size [ chunk-ext ]`. White space is allowed only before the `;` of an extension.
    fn size(&mut self, line: &[u8]) -> Result<u64, Malformed> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extension) = line.split_at(digits);
        if !extension.is_empty() && !extension.trim_ascii_start().starts_with(b";") {
            return Err(Malformed);
        }
        self.count(extension.len())?;
        let size = std::str::from_utf8(size).map_err(|_| Malformed)?;
        u64::from_str_radix(size, 16).map_err(|_| Malformed)
    }

    /// A trailer is checked and dropped, as Werkzeug does.
    fn trailer(&mut self, line: &[u8]) -> Result<(), Malformed> {
        self.count(line.len())?;
        self.trailers += 1;
        let colon = memchr(b':', line).ok_or(Malformed)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let is_field = HeaderName::from_bytes(name).is_ok() && HeaderValue::from_bytes(value).is_ok();
        if is_field && self.trailers <= MAX_TRAILERS { Ok(()) } else { Err(Malformed) }
    }

    fn count(&mut self, extra: usize) -> Result<(), Malformed> {
        self.extra += extra;
        if self.extra > MAX_EXTRA { Err(Malformed) } else { Ok(()) }
    }
}

/// What has arrived of the `left` bytes.
fn take(left: &mut u64, input: &mut BytesMut) -> Next {
    if input.is_empty() {
        return Next::More;
    }
    let len = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= len as u64;
    Next::Data(input.split_to(len).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and what follows it, whatever pieces it arrives in.
    fn decode(mut decoder: impl FnMut() -> Decoder, bytes: &str) -> Result<(String, String), Malformed> {
        let mut in_pieces = |len: usize| {
            let (mut decoder, mut input, mut body) = (decoder(), BytesMut::new(), Vec::new());
            for piece in bytes.as_bytes().chunks(len) {
                input.extend_from_slice(piece);
                while let Next::Data(data) = decoder.next(&mut input)? {
                    body.extend_from_slice(&data);
                }
            }
            if decoder.is_at_end() {
                Ok((String::from_utf8_lossy(&body).into(), String::from_utf8_lossy(&input).into()))
            } else {
                Ok((String::from_utf8_lossy(&body).into(), "unfinished".into()))
            }
        };
        let whole = in_pieces(bytes.len());
        for len in 1..bytes.len() {
            assert_eq!(in_pieces(len), whole, "{bytes:?} in pieces of {len}");
        }
        whole
    }

    fn chunked(bytes: &str) -> Result<(String, String), Malformed> {
        decode(Decoder::chunked, bytes)
    }

    #[test]
    fn bodies() {
        let whole = |body: &str, rest: &str| Ok((body.to_owned(), rest.to_owned()));
        assert_eq!(decode(|| Decoder::Length(3), "abcGET"), whole("abc", "GET"));
        assert_eq!(decode(|| Decoder::Length(3), "ab"), whole("ab", "unfinished"));
        assert_eq!(chunked("3\r\na\nb\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\n\r\nGET"), whole("a\nb0123456789", "GET"));
        assert_eq!(chunked("1 ;x\r\na\r\n000\r\nT: x\r\nU:\r\n\r\n"), whole("a", ""));
        assert_eq!(chunked("5\r\nabc"), whole("abc", "unfinished"));
        assert_eq!(chunked("1\r\na\r\n0\r\n"), whole("a", "unfinished"));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for body in [
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\n",
            "3\r\nabc\r\n0\r\nT: x\n\r\n",
            "\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "-1\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            "3;a\rb\r\nabc\r\n0\r\n\r\n",
            "10000000000000000\r\na",
            "1\r\na\r\n0\r\nno trailer\r\n\r\n",
            "1\r\na\r\n0\r\nT : x\r\n\r\n",
        ] {
            assert_eq!(chunked(body), Err(Malformed), "{body:?}");
        }
    }

    #[test]
    fn extensions_and_trailers_are_limited() {
        let long = "x".repeat(1000);
        assert_eq!(chunked(&format!("1;{long}\r\na\r\n").repeat(17)), Err(Malformed));
        assert_eq!(chunked(&format!("0\r\n{}\r\n", format!("T: {long}\r\n").repeat(17))), Err(Malformed));
        assert!(chunked(&format!("1;{long}\r\na\r\n").repeat(16)).is_ok());
    }
}
