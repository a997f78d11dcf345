//! A decoder for `multipart/form-data` (RFC 7578) without IO: bytes go in, events come out.
//!
//! It follows Werkzeug where Werkzeug is strict, and is stricter where that is safer: the time is linear in the
//! number of bytes, every part has a bounded head, and a body that does not end with the last boundary is an
//! error.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::{memchr2, memmem};

use crate::http::part_head::{MultipartError, PartHead, part_head};

/// The longest head of a part, in bytes.
const MAX_PART_HEAD: usize = 16 * 1024;
/// The most bytes that may wait for the rest of a head, or of a boundary line with its padding.
const MAX_KEPT: usize = MAX_PART_HEAD + 128;

/// What the decoder found next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A part begins; a `filename`, even an empty one, makes it a file.
    Part(PartHead),
    /// Bytes of the part's content.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The body is complete; what follows it is ignored.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Before the first boundary, which needs no line break before it.
    Preamble,
    Head,
    Content,
    Epilogue,
}

/// The decoder: [`feed`](Decoder::feed) it bytes, then call [`next`](Decoder::next) until it needs more.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// `--boundary`, prepared for searching.
    delimiter: memmem::Finder<'static>,
    /// The bytes not processed yet: mostly a piece as it arrived, from which content is cut without a copy.
    buffer: Bytes,
    /// Before this position no delimiter begins; in a head, no incomplete line.
    searched: usize,
    /// How many blanks behind the delimiter at `searched` are known already, if its line is not complete.
    padding: usize,
    /// How many bytes were copied or examined.
    #[cfg(test)]
    work: usize,
    /// The buffer is at the beginning of a line: nothing of the preamble or of a part's content was taken before
    /// it.
    at_line_start: bool,
    state: State,
    complete: bool,
}

/// A delimiter line in the buffer.
struct Delimiter {
    /// Where the content before it ends: before its line break.
    content_end: usize,
    /// Where the bytes after it begin.
    next: usize,
    last: bool,
}

impl Decoder {
    /// A decoder for the parameters of a `Content-Type` header.
    pub(crate) fn new(boundary: &str) -> Result<Decoder, MultipartError> {
        let valid = (1..=70).contains(&boundary.len())
            && boundary.bytes().all(|b| (b' '..0x7f).contains(&b))
            && !boundary.ends_with(' ');
        if valid {
            Ok(Decoder {
                delimiter: memmem::Finder::new(&[b"--", boundary.as_bytes()].concat()).into_owned(),
                buffer: Bytes::new(),
                searched: 0,
                padding: 0,
                #[cfg(test)]
                work: 0,
                at_line_start: true,
                state: State::Preamble,
                complete: false,
            })
        } else {
            Err(MultipartError("the boundary must have 1 to 70 printable characters"))
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn feed(&mut self, bytes: Bytes) {
        if self.state == State::Epilogue {
            return;
        }
        if self.buffer.is_empty() {
            self.buffer = bytes;
            return;
        }
        // What waits is copied once, and has room for more then: pieces of one byte must not cost a copy each.
        let mut kept = std::mem::take(&mut self.buffer).try_into_mut().unwrap_or_else(|shared| {
            let mut copy = BytesMut::with_capacity(2 * shared.len());
            copy.extend_from_slice(&shared);
            copy
        });
        self.count(bytes.len());
        kept.extend_from_slice(&bytes);
        self.buffer = kept.freeze();
    }

    #[cfg(not(test))]
    fn count(&self, _: usize) {}

    #[cfg(test)]
    fn count(&mut self, bytes: usize) {
        self.work += bytes;
    }

    /// Declares that no more bytes follow.
    pub(crate) fn finish(&mut self) {
        self.complete = true;
    }

    /// The next event, or `None` if it needs more bytes.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, MultipartError> {
        let event = match self.state {
            State::Preamble => self.preamble()?,
            State::Head => self.head()?,
            State::Content => self.content(),
            State::Epilogue => Some(Event::End),
        };
        match event {
            None if self.complete => Err(MultipartError("it ends before its last boundary")),
            // What waits must be little: a body that is all one line is in memory as a whole.
            None if self.buffer.len() > MAX_KEPT => Err(MultipartError("the line of a boundary is too long")),
            event => Ok(event),
        }
    }

    fn preamble(&mut self) -> Result<Option<Event>, MultipartError> {
        let Some(delimiter) = self.find_delimiter() else {
            // Only bytes that could begin a delimiter have to be kept.
            let passed = self.take(self.safe_end());
            self.at_line_start &= passed.is_empty();
            return Ok(None);
        };
        self.pass(&delimiter);
        if delimiter.last { Ok(Some(Event::End)) } else { self.head() }
    }

    /// Takes the bytes before `end` out of the buffer.
    fn take(&mut self, end: usize) -> Bytes {
        self.searched = self.searched.saturating_sub(end);
        self.buffer.split_to(end)
    }

    fn pass(&mut self, delimiter: &Delimiter) {
        self.take(delimiter.next);
        self.state = if delimiter.last { State::Epilogue } else { State::Head };
    }

    fn head(&mut self) -> Result<Option<Event>, MultipartError> {
        let Some(blank) = self.find_blank_line() else {
            return if self.buffer.len() > MAX_PART_HEAD {
                Err(MultipartError("the head of a part is too long"))
            } else {
                Ok(None)
            };
        };
        if blank.start > MAX_PART_HEAD {
            return Err(MultipartError("the head of a part is too long"));
        }
        let head = part_head(&self.buffer[..blank.start])?;
        self.take(blank.end);
        // A delimiter may follow at once, and the line break of the blank line then belongs to it.
        self.at_line_start = true;
        self.state = State::Content;
        Ok(Some(Event::Part(head)))
    }

    fn content(&mut self) -> Option<Event> {
        let Some(delimiter) = self.find_delimiter() else {
            return self.take_data(self.safe_end());
        };
        if delimiter.content_end > 0 {
            return self.take_data(delimiter.content_end);
        }
        self.pass(&delimiter);
        Some(Event::PartEnd)
    }

    fn take_data(&mut self, end: usize) -> Option<Event> {
        if end == 0 {
            return None;
        }
        self.at_line_start = false;
        Some(Event::Data(self.take(end)))
    }

    /// No delimiter, and no line break before one, can begin before this position.
    fn safe_end(&self) -> usize {
        let line_break = match &self.buffer[..self.searched] {
            [.., b'\r', b'\n'] => 2,
            [.., b'\r' | b'\n'] => 1,
            _ => 0,
        };
        self.searched - line_break
    }

    /// Finds the next complete delimiter line, and remembers how far it searched.
    fn find_delimiter(&mut self) -> Option<Delimiter> {
        let mut from = self.searched;
        let mut known = std::mem::take(&mut self.padding);
        loop {
            let Some(at) = self.delimiter.find(&self.buffer[from..]).map(|at| from + at) else {
                self.count(self.buffer.len() - from);
                let keep = partial_match(&self.buffer[from..], self.delimiter.needle());
                self.searched = self.buffer.len() - keep;
                return None;
            };
            self.count(at - from + self.delimiter.needle().len());
            if at > from {
                known = 0;
            }
            match self.delimiter_at(at, known) {
                Line::Delimiter(delimiter) => {
                    self.searched = at;
                    return Some(delimiter);
                }
                Line::Incomplete { padding } => {
                    self.count(padding - known);
                    (self.searched, self.padding) = (at, padding);
                    return None;
                }
                Line::Content => (from, known) = (at + 1, 0),
            }
        }
    }

    /// What is at `at`, where a delimiter's text is; `known` blanks were seen behind it before.
    fn delimiter_at(&self, at: usize, known: usize) -> Line {
        // It must begin a line: the body's first, the first after a head, or one after a line break.
        let content_end = match &self.buffer[..at] {
            [.., b'\r', b'\n'] => at - 2,
            [.., b'\r' | b'\n'] => at - 1,
            [] if self.at_line_start => at,
            _ => return Line::Content,
        };
        let rest = &self.buffer[at + self.delimiter.needle().len()..];
        let (last, rest) = match rest {
            [b'-', b'-', rest @ ..] => (true, rest),
            [] | [b'-'] if !self.complete => return Line::Incomplete { padding: 0 },
            rest => (false, rest),
        };
        let padding = known + rest[known..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let line_break = match &rest[padding..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r'] | [] if !self.complete => return Line::Incomplete { padding },
            [b'\r' | b'\n', ..] => 1,
            [] if last => 0,
            _ => return Line::Content,
        };
        let next = self.buffer.len() - rest.len() + padding + line_break;
        Line::Delimiter(Delimiter { content_end, next, last })
    }

    /// The blank line that ends a head: where the head ends and where the content begins. Complete lines are not
    /// examined again.
    fn find_blank_line(&mut self) -> Option<Range<usize>> {
        loop {
            let line = self.searched;
            let end = line + memchr2(b'\r', b'\n', &self.buffer[line..])?;
            let next = end + self.line_break_at(end)?;
            if end == line {
                return Some(line - self.line_break_before(line)..next);
            }
            self.searched = next;
        }
    }

    /// The length of the line break at `at`; `None` if it is not known yet.
    fn line_break_at(&self, at: usize) -> Option<usize> {
        match &self.buffer[at..] {
            [b'\r', b'\n', ..] => Some(2),
            [b'\r'] if !self.complete => None,
            _ => Some(1),
        }
    }

    /// The length of the line break that ends at `at`.
    fn line_break_before(&self, at: usize) -> usize {
        match &self.buffer[..at] {
            [.., b'\r', b'\n'] => 2,
            [] => 0,
            _ => 1,
        }
    }
}

enum Line {
    Delimiter(Delimiter),
    /// More bytes are needed to tell; so many blanks are known.
    Incomplete {
        padding: usize,
    },
    /// It only resembles one.
    Content,
}

/// How many bytes at the end of `haystack` could begin `needle`.
fn partial_match(haystack: &[u8], needle: &[u8]) -> usize {
    let longest = haystack.len().min(needle.len() - 1);
    (1..=longest).rev().find(|n| haystack.ends_with(&needle[..*n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `body` cut into pieces of `size` bytes: parts as `name|filename|content`.
    fn decode(body: &[u8], size: usize) -> Result<Vec<String>, &'static str> {
        let mut decoder = Decoder::new("b").map_err(|e| e.0)?;
        let mut parts: Vec<(PartHead, Vec<u8>)> = Vec::new();
        let mut ended = 0;
        let mut pieces = body.chunks(size);
        loop {
            match decoder.next().map_err(|e| e.0)? {
                Some(Event::Part(head)) => parts.push((head, Vec::new())),
                Some(Event::Data(data)) => parts.last_mut().expect("a part").1.extend(data),
                Some(Event::PartEnd) => ended += 1,
                Some(Event::End) => break,
                None => match pieces.next() {
                    Some(piece) => decoder.feed(Bytes::copy_from_slice(piece)),
                    None => decoder.finish(),
                },
            }
        }
        assert_eq!(parts.len(), ended);
        let show = |(head, data): (PartHead, Vec<u8>)| {
            format!(
                "{}|{}|{}",
                head.name,
                head.filename.as_deref().unwrap_or("-"),
                String::from_utf8_lossy(&data).escape_debug()
            )
        };
        Ok(parts.into_iter().map(show).collect())
    }

    fn decode_all_ways(body: &[u8]) -> Result<Vec<String>, &'static str> {
        let whole = decode(body, usize::MAX);
        for size in [1, 2, 3, 5, 7, 16] {
            assert_eq!(decode(body, size), whole, "in pieces of {size}");
        }
        whole
    }

    const HEAD: &str = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";

    #[test]
    fn fields_and_files_come_apart_however_the_bytes_are_cut() {
        let body = format!(
            "preamble\r\n{HEAD}one\r\n--b  \r\ncontent-disposition: form-data;\r\n name=f; filename=\"x%22y.txt\"\r\nContent-Type: text/plain\r\n\r\n\
             two\r\n--bx\r\n-\r\n--\r\n--b--\r\nepilogue --b"
        );
        assert_eq!(
            decode_all_ways(body.as_bytes()).expect("valid"),
            ["a|-|one", "f|x\"y.txt|two\\r\\n--bx\\r\\n-\\r\\n--"]
        );
    }

    #[test]
    fn empty_parts_and_other_line_breaks() {
        assert_eq!(decode_all_ways(format!("{HEAD}\r\n--b--").as_bytes()).expect("valid"), ["a|-|"]);
        assert_eq!(decode_all_ways(format!("{HEAD}--b--").as_bytes()).expect("valid"), ["a|-|"]);
        assert_eq!(decode_all_ways(b"--b--").expect("valid"), Vec::<String>::new());
        let unix = HEAD.replace("\r\n", "\n");
        assert_eq!(decode_all_ways(format!("{unix}x\r\r\n--b--\n").as_bytes()).expect("valid"), ["a|-|x\\r"]);
    }

    #[test]
    fn what_is_cut_or_malformed_is_an_error() {
        for (body, message) in [
            (String::new(), "it ends before its last boundary"),
            (format!("{HEAD}one"), "it ends before its last boundary"),
            (format!("{HEAD}one\r\n--b\r\n"), "it ends before its last boundary"),
            (format!("{HEAD}one--b--"), "it ends before its last boundary"),
            (
                "--b\r\nContent-Type: x\r\n\r\nx\r\n--b--".into(),
                "a part has no `Content-Disposition: form-data` with a name",
            ),
            ("--b\r\nnonsense\r\n\r\nx\r\n--b--".into(), "a line in the head of a part is not a header"),
            (format!("--b\r\nX: {}\r\n\r\n", "y".repeat(20_000)), "the head of a part is too long"),
        ] {
            assert_eq!(decode_all_ways(body.as_bytes()), Err(message), "{}", &body[..body.len().min(80)]);
        }
        for bad in ["", "b ", "ü", &"x".repeat(71)] {
            assert!(Decoder::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_boundary_that_never_ends_is_an_error() {
        let mut decoder = Decoder::new("b").expect("boundary");
        decoder.feed(format!("{HEAD}x\r\n--b").into());
        let mut events = (0..1_000).map(|_| {
            decoder.feed(Bytes::from_static(&[b' '; 1024]));
            decoder.next()
        });
        let refused = events.find_map(Result::err);
        assert_eq!(refused, Some(MultipartError("the line of a boundary is too long")));
    }

    #[test]
    fn a_file_of_line_breaks_takes_linear_time() {
        let mut decoder = Decoder::new("b").expect("boundary");
        decoder.feed(HEAD.into());
        let mut bytes = 0;
        for _ in 0..2_000 {
            decoder.feed(Bytes::from_static(&[b'\r'; 1024]));
            while let Some(event) = decoder.next().expect("valid") {
                if let Event::Data(data) = event {
                    bytes += data.len();
                }
            }
            assert!(decoder.buffer.len() < 3_000, "the buffer does not grow");
        }
        assert!(bytes > 2_000_000);
    }

    /// Feeds `body` byte by byte; how many bytes were copied or examined.
    fn work(body: &[u8]) -> usize {
        let mut decoder = Decoder::new("b").expect("a boundary");
        for byte in body {
            decoder.feed(Bytes::copy_from_slice(&[*byte]));
            while let Ok(Some(event)) = decoder.next() {
                if event == Event::End {
                    return decoder.work;
                }
            }
        }
        decoder.work
    }

    #[test]
    fn bytes_that_come_one_by_one_are_not_looked_at_again_and_again() {
        let padded = |n: usize| format!("{HEAD}x{}", format!("\r\n--b{}x", " ".repeat(n)).repeat(4));
        let dashes = |n: usize| format!("{HEAD}x{}", "\r\n--".repeat(n));
        let head = |n: usize| format!("--b\r\nContent-Disposition: form-data; name={}", "x".repeat(n));
        let bodies: [&dyn Fn(usize) -> String; 3] = [&padded, &dashes, &head];
        for (number, body) in bodies.into_iter().enumerate() {
            let [once, twice, four_times] = [1, 2, 4].map(|times| {
                let body = body(times * 1_000);
                let work = work(body.as_bytes());
                assert!(work <= 200 * body.len(), "{number}: {work} for {} bytes", body.len());
                work
            });
            assert!(twice <= 3 * once && four_times <= 5 * once, "{number}: {once}, {twice}, {four_times}");
        }
    }
}
