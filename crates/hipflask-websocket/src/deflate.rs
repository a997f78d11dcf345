//! permessage-deflate (RFC 7692), without what one message keeps for the next.
//!
//! A window that outlives its message costs about 400 KB for each connection, and lets the length of one message tell
//! of another. So both sides are asked to begin anew with each message.

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use crate::close::Violation;

/// What the accepted offer is answered with.
pub(crate) const ACCEPTED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// How a flushed stream ends; it is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Shorter ones hardly shrink.
const WORTHWHILE: usize = 1024;

const LEVEL: i32 = 3;
const RAW: i32 = -15;

/// Whether a client that sent these `Sec-WebSocket-Extensions` offers something that can be accepted.
pub(crate) fn is_offered<'a>(fields: impl Iterator<Item = &'a str>) -> bool {
    fields.flat_map(|field| field.split(',')).any(is_acceptable)
}

/// One offer. An unknown or repeated parameter declines it (RFC 7692 §5.1).
fn is_acceptable(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return false;
    }
    let mut seen: Vec<&str> = Vec::new();
    parts.all(|parameter| {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (parameter, None),
        };
        let is_repeated = seen.contains(&name);
        seen.push(name);
        !is_repeated
            && match (name, value) {
                ("server_no_context_takeover" | "client_no_context_takeover", None) => true,
                ("client_max_window_bits", None) => true,
                ("client_max_window_bits", Some(bits)) => is_window(bits),
                // Ours has 32 KiB, and no smaller one.
                ("server_max_window_bits", Some(bits)) => bits == "15",
                _ => false,
            }
    })
}

fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// `bytes` compressed, unless that is not worth it.
pub(crate) fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < WORTHWHILE {
        return None;
    }
    let mut compressor = Box::new(CompressorOxide::new(create_comp_flags_from_zip_params(LEVEL, RAW, 0)));
    let mut out = vec![0; bytes.len()];
    let (mut rest, mut len) = (bytes, 0);
    loop {
        if len == out.len() {
            // It is longer than it was.
            return None;
        }
        let step = miniz_oxide::deflate::stream::deflate(&mut compressor, rest, &mut out[len..], MZFlush::Sync);
        step.status.ok()?;
        rest = &rest[step.bytes_consumed..];
        len += step.bytes_written;
        // What is flushed ends with the tail, and there is room behind it.
        if rest.is_empty() && len < out.len() {
            break;
        }
    }
    out.truncate(len);
    if out.ends_with(&TAIL) {
        out.truncate(len - TAIL.len());
        return Some(out);
    }
    None
}

/// Unpacks one message as it arrives.
pub(crate) struct Inflater(Box<InflateState>);

impl Inflater {
    pub(crate) fn new() -> Inflater {
        Inflater(InflateState::new_boxed(DataFormat::Raw))
    }

    /// Unpacks `packed` to the end of `out`, which must not become longer than `limit`.
    pub(crate) fn feed(&mut self, mut packed: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Violation> {
        let mut piece = [0; 8 * 1024];
        loop {
            let step = inflate(&mut self.0, packed, &mut piece, MZFlush::None);
            packed = &packed[step.bytes_consumed..];
            out.extend_from_slice(&piece[..step.bytes_written]);
            if out.len() > limit {
                return Err(Violation::too_large("the message is too large"));
            }
            match step.status {
                Ok(MZStatus::StreamEnd) => {
                    // A block said that it was the last; what follows begins anew (RFC 7692 §7.2.3.4).
                    self.0 = InflateState::new_boxed(DataFormat::Raw);
                    if packed.is_empty() {
                        return Ok(());
                    }
                }
                Ok(_) if packed.is_empty() && step.bytes_written < piece.len() => return Ok(()),
                Ok(_) => {}
                // Nothing to do: all of it was taken, and all that there was to give was given.
                Err(miniz_oxide::MZError::Buf) if packed.is_empty() => return Ok(()),
                Err(_) => return Err(Violation::invalid("the compressed data is malformed")),
            }
        }
    }

    /// Unpacks what is left at the end of the message.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), Violation> {
        self.feed(&TAIL, out, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers() {
        for (field, offered) in [
            ("permessage-deflate", true),
            ("permessage-deflate; client_max_window_bits", true),
            ("permessage-deflate; client_max_window_bits=10; server_no_context_takeover", true),
            ("permessage-deflate; server_max_window_bits=15; client_no_context_takeover", true),
            ("permessage-deflate; server_max_window_bits=\"15\"", true),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
            ("x-webkit-deflate-frame, permessage-deflate", true),
            ("permessage-deflate; server_max_window_bits=10", false),
            ("permessage-deflate; server_max_window_bits", false),
            ("permessage-deflate; client_max_window_bits=7", false),
            ("permessage-deflate; client_max_window_bits=16", false),
            ("permessage-deflate; client_max_window_bits=08", false),
            ("permessage-deflate; server_no_context_takeover=1", false),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", false),
            ("permessage-deflate; colour=blue", false),
            ("permessage-bzip2", false),
            ("", false),
        ] {
            assert_eq!(is_offered([field].into_iter()), offered, "{field}");
        }
    }

    fn unpacked(packed: &[u8], pieces: usize, limit: usize) -> Result<Vec<u8>, Violation> {
        let (mut inflater, mut out) = (Inflater::new(), Vec::new());
        for piece in packed.chunks(pieces) {
            inflater.feed(piece, &mut out, limit)?;
        }
        inflater.finish(&mut out, limit)?;
        Ok(out)
    }

    #[test]
    fn what_is_packed_is_unpacked_whatever_pieces_it_comes_in() {
        let texts = ["a".repeat(5000), (0..20_000).map(|n| format!("{n} ")).collect(), "ab".repeat(600_000)];
        for text in texts {
            let packed = compress(text.as_bytes()).expect("it shrinks");
            assert!(packed.len() < text.len() / 2 && !packed.ends_with(&TAIL));
            for pieces in [1, 7, 8192, packed.len()] {
                assert!(unpacked(&packed, pieces, text.len()).expect("it is whole") == text.as_bytes());
            }
            let code = unpacked(&packed, 100, text.len() - 1).expect_err("it is longer").code;
            assert_eq!(code, crate::CloseCode::TOO_LARGE);
        }
        assert_eq!(compress(&[b'a'; WORTHWHILE - 1]), None);
        let noise: Vec<u8> = (0..4096).flat_map(|_| hipflask::signing::random_bytes::<1>()).collect();
        assert_eq!(compress(&noise), None, "noise does not shrink");
    }

    /// The examples of RFC 7692 §7.2.3.
    #[test]
    fn the_examples_of_the_standard() {
        for packed in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            for pieces in 1..=packed.len() {
                assert_eq!(unpacked(packed, pieces, 5).expect("it is whole"), b"Hello", "{packed:x?}");
            }
        }
        assert_eq!(unpacked(&[0x00], 1, 0).expect("it is whole"), b"");
        assert_eq!(unpacked(&[0x02, 0x00], 1, 0).expect("it is whole"), b"");
        assert!(unpacked(&[0x06, 0xff, 0x3f], 1, 100).is_err());
    }
}
