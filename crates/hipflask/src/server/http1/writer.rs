//! Writes the head of a response.

use std::sync::Arc;
use std::time::Instant;

use http::{StatusCode, Version, header};

use crate::base::{clock, decimal};
use crate::http::kept::Headers;
use crate::http::response::{DefaultHeaders, push_field};

/// How the client knows where the body ends.
pub(super) enum Length {
    /// There is no body; the headers describe another answer.
    AsTold,
    Known(u64),
    Chunked,
    /// With the connection, for HTTP/1.0.
    ToTheEnd,
}

/// The head of a response.
pub(super) struct Writer {
    pub(super) version: Version,
    pub(super) status: StatusCode,
    pub(super) headers: Headers,
    pub(super) defaults: Option<Arc<DefaultHeaders>>,
    /// Whether the client and the server allow the connection to continue.
    pub(super) keep_alive: bool,
    pub(super) now: Instant,
}

impl Writer {
    /// Writes it. Returns whether the connection continues.
    pub(super) fn write(self, out: &mut Vec<u8>, length: &Length) -> bool {
        out.reserve(1024);
        self.status_line(out);
        let mut keep_alive = self.keep_alive && !matches!(length, Length::ToTheEnd);
        let (mut is_dated, mut upgrades) = (false, false);
        for (name, value) in &*self.headers {
            is_dated |= name == header::DATE;
            upgrades |= name == header::UPGRADE;
            if name == header::CONNECTION {
                let options = value.as_bytes().split(|byte| *byte == b',');
                keep_alive &= !options.into_iter().any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
            } else if !is_ours(name) || (name == header::CONTENT_LENGTH && matches!(length, Length::AsTold)) {
                push_field(out, name, value);
            }
        }
        if let Some(defaults) = &self.defaults {
            defaults.push_to(out, &self.headers);
        }
        match length {
            Length::Known(length) => {
                out.extend_from_slice(b"content-length: ");
                decimal::push(out, *length);
                out.extend_from_slice(b"\r\n");
            }
            Length::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Length::AsTold | Length::ToTheEnd => {}
        }
        // RFC 9110 §7.8: a proxy must not take what is said of this connection for something about its own.
        match (keep_alive, self.version) {
            (false, _) if upgrades => out.extend_from_slice(b"connection: upgrade, close\r\n"),
            (false, _) => out.extend_from_slice(b"connection: close\r\n"),
            (true, Version::HTTP_10) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, _) if upgrades => out.extend_from_slice(b"connection: upgrade\r\n"),
            (true, _) => {}
        }
        if !is_dated {
            out.extend_from_slice(b"date: ");
            clock::push_http_date(out, self.now);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        keep_alive
    }

    fn status_line(&self, out: &mut Vec<u8>) {
        if (self.version, self.status) == (Version::HTTP_11, StatusCode::OK) {
            return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        }
        let version: &[u8] = if self.version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
        out.extend_from_slice(version);
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.status.canonical_reason().unwrap_or_default().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The framing of a body is not for the application to set.
fn is_ours(name: &header::HeaderName) -> bool {
    *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING
}

/// Begins the next chunk early, to find out whether a client that has closed its side still receives: if not, its system
/// answers with a reset. The size of a chunk may begin with a zero (RFC 9112 §7.1).
pub(super) fn probe(out: &mut Vec<u8>) {
    out.push(b'0');
}

/// The line before a chunk of `len` bytes.
pub(super) fn chunk_size(out: &mut Vec<u8>, len: usize) {
    use std::io::Write as _;
    // Writing to memory does not fail.
    let _ = write!(out, "{len:x}\r\n");
}
