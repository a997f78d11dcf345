//! Base64 for URLs, without padding (RFC 4648 §5), and only its canonical form.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Appends `bytes` to `out`.
pub(crate) fn encode_into(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, b| group << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(group >> (18 - 6 * i) & 63) as usize]));
        }
    }
}

/// `bytes` as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    encode_into(&mut out, bytes);
    out
}

/// The bytes that `text` stands for. `None` for anything that [`encode`] would not have written: were a
/// second spelling accepted, a signature could be changed and still hold.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut group = 0u32;
        for b in chunk {
            group = group << 6 | u32::from(digit(*b)?);
        }
        match chunk.len() {
            4 => out.extend_from_slice(&group.to_be_bytes()[1..]),
            3 if group & 3 == 0 => out.extend_from_slice(&(group >> 2).to_be_bytes()[2..]),
            2 if group & 15 == 0 => out.extend_from_slice(&(group >> 4).to_be_bytes()[3..]),
            _ => return None,
        }
    }
    Some(out)
}

fn digit(b: u8) -> Option<u8> {
    match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
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
}
