//! What an HTTP/2 server answered.

/// A frame that came: type, and payload.
pub struct Frame<'a> {
    pub kind: u8,
    pub payload: &'a [u8],
}

/// The whole frames in `bytes`.
pub fn frames(mut bytes: &[u8]) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    while let Some((&[a, b, c, kind, ..], rest)) = bytes.split_first_chunk::<9>() {
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let Some((payload, after)) = rest.split_at_checked(length) else { break };
        frames.push(Frame { kind, payload });
        bytes = after;
    }
    frames
}

/// In words: statuses, `goaway`, `rst`, `close`, or `open` if nothing of the kind came.
pub fn words(bytes: &[u8], is_closed: bool) -> Vec<String> {
    let mut words: Vec<String> = frames(bytes)
        .iter()
        .filter_map(|frame| match frame.kind {
            1 => Some(status(frame.payload).map_or_else(|| "headers".to_owned(), |status| status.to_string())),
            3 => Some("rst".to_owned()),
            7 => Some("goaway".to_owned()),
            _ => None,
        })
        .collect();
    if is_closed {
        words.push("close".to_owned());
    }
    if words.is_empty() {
        words.push("open".to_owned());
    }
    words
}

/// The status, which is the first field (RFC 9113 §8.3): from the table, or a literal with its name.
fn status(block: &[u8]) -> Option<u16> {
    let first = block.iter().position(|byte| byte & 0xe0 != 0x20)?;
    let block = &block[first..];
    match block {
        [indexed @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500].get(usize::from(indexed - 0x88)).copied(),
        [0x48 | 0x08 | 0x18, length, rest @ ..] => {
            let value = rest.get(..usize::from(length & 0x7f))?;
            let digits = if length & 0x80 == 0 { String::from_utf8(value.to_vec()).ok()? } else { huffman(value) };
            digits.parse().ok()
        }
        _ => None,
    }
}

/// Digits in Huffman's code (RFC 7541, appendix B): 0, 1 and 2 have five bits, the others six.
fn huffman(bytes: &[u8]) -> String {
    let (mut digits, mut code, mut bits) = (String::new(), 0_u8, 0);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1)) {
        code = code << 1 | bit;
        bits += 1;
        let digit = match (bits, code) {
            (5, 0..=2) => code,
            (6, 0x19..=0x1f) => code - 0x19 + 3,
            (6, _) => break,
            _ => continue,
        };
        digits.push(char::from(b'0' + digit));
        (code, bits) = (0, 0);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_however_it_is_written() {
        assert_eq!(status(&[0x88]), Some(200));
        assert_eq!(status(&[0x20, 0x8c, 0x40]), Some(400));
        assert_eq!(status(b"\x48\x03413"), Some(413));
        assert_eq!(status(&[0x48, 0x83, 0x68, 0x2c, 0xff]), Some(413));
    }
}
