//! Base64 for URLs, without padding (RFC 4648 §5), and only its canonical form.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The value of a character; [`INVALID`] if it has none.
const DIGITS: [u8; 256] = {
    let mut digits = [INVALID; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

const INVALID: u8 = 0xff;

/// The length of `length` bytes in base64.
pub(crate) const fn encoded_len(length: usize) -> usize {
    (length * 4).div_ceil(3)
}

/// Appends `bytes` to `out`.
pub(crate) fn encode_into(out: &mut Vec<u8>, bytes: &[u8]) {
    let (groups, rest) = bytes.as_chunks();
    for [a, b, c] in groups {
        out.extend_from_slice(&encode_group([*a, *b, *c]));
    }
    match *rest {
        [a] => out.extend_from_slice(&encode_group([a, 0, 0])[..2]),
        [a, b] => out.extend_from_slice(&encode_group([a, b, 0])[..3]),
        _ => {}
    }
}

fn encode_group([a, b, c]: [u8; 3]) -> [u8; 4] {
    let group = u32::from_be_bytes([0, a, b, c]);
    [18, 12, 6, 0].map(|shift| ALPHABET[(group >> shift & 63) as usize])
}

/// `bytes` as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(encoded_len(bytes.len()));
    encode_into(&mut out, bytes);
    text(out)
}

/// Base64 and other ASCII as text.
pub(crate) fn text(ascii: Vec<u8>) -> String {
    String::from_utf8(ascii).expect("ASCII is UTF-8")
}

/// The bytes that `text` encodes. `None` for anything that [`encode`] would not have written: if a second spelling
/// were accepted, a signature could be changed and still hold.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() * 3 / 4];
    decode_to(text, &mut out)?;
    Some(out)
}

/// `bytes` in the alphabet of RFC 4648 §4, with its padding.
pub(crate) fn encode_standard(bytes: &[u8]) -> String {
    let mut text = encode(bytes).replace('-', "+").replace('_', "/");
    text.push_str(["", "", "==", "="][text.len() % 4]);
    text
}

/// The bytes that `text` encodes in the alphabet of RFC 4648 §4, with its padding.
pub(crate) fn decode_standard(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) || text.contains(['-', '_']) {
        return None;
    }
    let plain = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    decode(&plain.replace('+', "-").replace('/', "_"))
}

/// [`decode`] into the beginning of `out`; also `None` if `out` is too short.
pub(crate) fn decode_to<'a>(text: &str, out: &'a mut [u8]) -> Option<&'a [u8]> {
    let out = out.get_mut(..text.len() * 3 / 4)?;
    let (groups, rest) = text.as_bytes().as_chunks();
    let (whole, last) = out.as_chunks_mut();
    for (bytes, group) in whole.iter_mut().zip(groups) {
        *bytes = decode_group(*group)?;
    }
    let bytes = match *rest {
        [] => [0; 3],
        [a, b] => decode_group([a, b, b'A', b'A'])?,
        [a, b, c] => decode_group([a, b, c, b'A'])?,
        _ => return None,
    };
    let (bytes, spare) = bytes.split_at(last.len());
    last.copy_from_slice(bytes);
    spare.iter().all(|bits| *bits == 0).then_some(out)
}

fn decode_group(group: [u8; 4]) -> Option<[u8; 3]> {
    let digits = group.map(|b| DIGITS[usize::from(b)]);
    let valid = digits.iter().fold(0, |all, digit| all | digit) != INVALID;
    let [_, bytes @ ..] = digits.iter().fold(0, |bits, digit| bits << 6 | u32::from(*digit)).to_be_bytes();
    valid.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg"), (b"\xfb\xff", "-_8")]
        {
            assert_eq!((encode(bytes).as_str(), decode(text).as_deref()), (text, Some(bytes)));
        }
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        for bad in ["Zh", "Zm9", "Zg==", "Z", "Zm9v!", "+/8", "Zm 9v"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_other_alphabet_has_padding() {
        for (text, bytes) in [("", &b""[..]), ("+/8=", b"\xfb\xff"), ("Zg==", b"f"), ("Zm9v", b"foo")] {
            assert_eq!(decode_standard(text).as_deref(), Some(bytes), "{text}");
            assert_eq!(encode_standard(bytes), text);
        }
        for bad in ["-_8=", "Zg", "Zg=", "Z===", "Zh=="] {
            assert_eq!(decode_standard(bad), None, "{bad}");
        }
    }
}
