//! The head of a request: its grammar is `httparse`'s, its lengths and line ends are checked here.
//!
//! A line that ends in a bare LF, both lengths of a body, or one of them twice: a proxy in front of us may resolve
//! such an ambiguity differently, so that one request here is two there. So all of it is refused.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Uri, Version, header};
use memchr::memchr;

use super::decoder::Decoder;
use crate::http::kept::Headers;
use crate::http::request::Request;
use crate::server::policy::{NO_HOST, Refused};

/// The longest head of a request, in bytes, and the most headers that it may have.
const MAX_HEAD: usize = crate::server::limits::MAX_HEAD;
const MAX_HEADERS: usize = 100;

/// The head of a request, and what it says about the connection.
pub(super) struct Head {
    /// Without its body. On the heap, because it is passed on several times before a context has it.
    pub(super) request: Box<Request>,
    pub(super) decoder: Decoder,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    /// The protocols that the client would change to. On the heap, because few do.
    pub(super) offered: Option<Box<HeaderValue>>,
}

/// Finds a head in bytes that arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// Where the current line begins.
    line: usize,
    /// How far it has been examined.
    seen: usize,
    /// Whether a line arrived that is not empty. Empty lines before a request are skipped (RFC 9112 §2.2).
    begun: bool,
    /// How much there was when the grammar was last checked.
    tried: usize,
}

impl Parser {
    /// Takes a head out of `input`, if all of it has arrived.
    pub(super) fn parse(&mut self, input: &mut BytesMut) -> Result<Option<Head>, Refused> {
        let end = self.find_end(input)?;
        if end.map_or(input.len(), |end| end) > MAX_HEAD {
            return Err(match memchr(b'\n', &input[..MAX_HEAD]) {
                Some(_) => Refused(431, "The head of the request is too long."),
                None => Refused(414, "The request's target is too long."),
            });
        }
        match end {
            Some(end) => read(input.split_to(end).freeze()).map(Some),
            None => self.check_beginning(input).map(|()| None),
        }
    }

    /// Where the head ends, past the empty line.
    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, Refused> {
        while let Some(at) = memchr(b'\n', &input[self.seen..]) {
            let end = self.seen + at;
            if end == self.line || input[end - 1] != b'\r' {
                return Err(Refused(400, "A line of the request does not end in CR and LF."));
            }
            let is_empty = end - self.line == 1;
            (self.line, self.seen) = (end + 1, end + 1);
            if is_empty && self.begun {
                return Ok(Some(self.line));
            }
            self.begun |= !is_empty;
        }
        self.seen = input.len();
        Ok(None)
    }

    /// A client that speaks another protocol should be told before a time-out. It is enough to check each time the
    /// number of bytes has doubled; so the cost for a head that arrives byte by byte is proportional to its
    /// length.
    fn check_beginning(&mut self, input: &[u8]) -> Result<(), Refused> {
        if input.is_empty() || input.len() < 2 * self.tried {
            return Ok(());
        }
        self.tried = input.len();
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut []);
        head.parse_with_uninit_headers(input, &mut headers).map(drop).map_err(refused)
    }
}

fn refused(error: httparse::Error) -> Refused {
    match error {
        httparse::Error::TooManyHeaders => Refused(431, "The request has too many headers."),
        _ => MALFORMED,
    }
}

const MALFORMED: Refused = Refused(400, "The head of the request is malformed.");

/// Reads a whole head.
fn read(bytes: Bytes) -> Result<Head, Refused> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let status = head.parse_with_uninit_headers(&bytes, &mut fields).map_err(refused)?;
    let (httparse::Status::Complete(_), Some(method), Some(target), Some(version)) =
        (status, head.method, head.path, head.version)
    else {
        return Err(MALFORMED);
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| MALFORMED)?;
    let uri = Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes()))
        .map_err(|_| Refused(400, "The request's target is malformed."))?;
    let version = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut headers = Headers::default();
    headers.reserve(head.headers.len());
    let mut said = Said::default();
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| MALFORMED)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| MALFORMED)?;
        said.field(&name, &value);
        headers.append(name, value);
    }
    said.head(Request::received(method, uri, version, headers))
}

/// What the fields say about the body and the connection.
#[derive(Default)]
struct Said {
    hosts: u32,
    lengths: u32,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    /// Whether the field of the protocols is meant for us, and not for a proxy that let it through.
    upgrade: bool,
    offered: Option<Box<HeaderValue>>,
}

impl Said {
    fn field(&mut self, name: &HeaderName, field: &HeaderValue) {
        let value = field.as_bytes();
        if name == header::HOST {
            self.hosts += 1;
        } else if name == header::CONTENT_LENGTH {
            self.lengths += 1;
            self.length = digits(value);
        } else if name == header::TRANSFER_ENCODING {
            self.lengths += 1;
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if name == header::CONNECTION {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
            }
        } else if name == header::EXPECT {
            self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        } else if name == header::UPGRADE {
            self.offered = Some(Box::new(field.clone()));
        }
    }

    fn head(self, mut request: Request) -> Result<Head, Refused> {
        if self.offered.is_none() {
            request.rule_out_websocket();
        }
        let is_http11 = request.version() == Version::HTTP_11;
        // RFC 9112 §3.2.
        if self.hosts > 1 || self.hosts == 0 && is_http11 {
            return Err(NO_HOST);
        }
        let decoder = match (self.lengths, self.length) {
            (0, _) => Decoder::empty(),
            (1, Some(length)) => Decoder::Length(length),
            (1, None) if self.chunked && is_http11 => Decoder::chunked(),
            _ => return Err(Refused(400, "The length of the body is ambiguous.")),
        };
        Ok(Head {
            decoder,
            keep_alive: !self.close && (is_http11 || self.keep_alive),
            expects_continue: self.expects_continue && is_http11,
            offered: self.offered.filter(|_| self.upgrade && is_http11),
            request: Box::new(request),
        })
    }
}

/// `1*DIGIT`, and nothing else that `parse` would accept.
fn digits(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|_| value.iter().all(u8::is_ascii_digit))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heads of the requests, or the status with which they are refused, whatever pieces they arrive in.
    fn parse(bytes: &str) -> Result<Vec<String>, u16> {
        let in_pieces = |len: usize| {
            let (mut input, mut heads, mut parser) = (BytesMut::new(), Vec::new(), Parser::default());
            for piece in bytes.as_bytes().chunks(len) {
                input.extend_from_slice(piece);
                while let Some(head) = parser.parse(&mut input).map_err(|Refused(status, _)| status)? {
                    heads.push(format!("{} {} {:?}", head.request.method(), head.request.uri(), head.decoder));
                    parser = Parser::default();
                }
            }
            Ok(heads)
        };
        let whole = in_pieces(bytes.len());
        for len in 1..bytes.len().min(200) {
            assert_eq!(in_pieces(len), whole, "{bytes:?} in pieces of {len}");
        }
        whole
    }

    #[test]
    fn heads() {
        let get = "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";
        let post = "\r\n\r\nPOST / HTTP/1.1\r\nhost: a\r\ncontent-length: 05\r\n\r\n";
        assert_eq!(parse(&get.repeat(2)), Ok(vec!["GET /a?b Length(0)".to_owned(); 2]));
        assert_eq!(parse(post), Ok(vec!["POST / Length(5)".to_owned()]));
        assert_eq!(parse("GET / HTTP/1.1\r\nHost: a\r\n"), Ok(vec![]));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/3.0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: chunked\r\ncontent-length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(parse(head), Err(400), "{head:?}");
        }
    }

    #[test]
    fn limits() {
        let headers = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
        assert!(parse(&headers(MAX_HEADERS)).is_ok());
        assert_eq!(parse(&headers(MAX_HEADERS + 1)), Err(431));
        assert_eq!(parse(&format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(MAX_HEAD))), Err(431));
        assert_eq!(parse(&format!("GET /{}", "y".repeat(MAX_HEAD))), Err(414));
    }
}
