//! From the description of a request to its bytes.

use std::collections::HashMap;

use serde_json::Value;

use super::{frames, signed};
use crate::Result;

/// Bytes, described: a text whose characters are bytes, a list of pieces one behind the other, or one piece.
pub struct Pieces(pub Value);

/// What was saved from earlier answers of a case.
#[derive(Default)]
pub struct Memory {
    pub saved: HashMap<String, String>,
    pub cookies: HashMap<String, String>,
}

impl Memory {
    /// The header that sends the cookies back.
    fn cookie_header(&self) -> Vec<u8> {
        if self.cookies.is_empty() {
            return Vec::new();
        }
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        latin1(&format!("Cookie: {}\r\n", pairs.join("; ")))
    }
}

impl Pieces {
    /// The bytes.
    pub fn bytes(&self, memory: &Memory) -> Result<Vec<u8>> {
        bytes(&self.0, memory, None)
    }
}

/// The bytes of `value`; in a `for`, `{}` is `count`.
pub fn bytes(value: &Value, memory: &Memory, count: Option<u64>) -> Result<Vec<u8>> {
    match value {
        Value::String(text) => Ok(match count {
            Some(count) => latin1(&text.replace("{}", &count.to_string())),
            None => latin1(text),
        }),
        Value::Array(pieces) => {
            let mut all = Vec::new();
            for piece in pieces {
                all.extend(bytes(piece, memory, count)?);
            }
            Ok(all)
        }
        Value::Object(_) => piece(value, memory, count),
        _ => Err(format!("`{value}` does not describe bytes")),
    }
}

fn piece(value: &Value, memory: &Memory, count: Option<u64>) -> Result<Vec<u8>> {
    let of = || bytes(&value["of"], memory, count);
    if let Some(times) = value["times"].as_u64() {
        return Ok(of()?.repeat(usize::try_from(times).unwrap_or(0)));
    }
    if let Some(range) = value["for"].as_array() {
        return repeated(range, &value["of"], memory);
    }
    if let Some(range) = value["slice"].as_array() {
        return Ok(slice(&of()?, range));
    }
    if let Some(name) = value["saved"].as_str() {
        return Ok(memory.saved.get(name).map(|text| latin1(text)).unwrap_or_default());
    }
    if value["session"].is_object() {
        return signed::session(&value["session"]);
    }
    if value["frame"].is_array() {
        return frames::frame(value, memory, count);
    }
    if let Some(fields) = value["fields"].as_array() {
        return frames::fields(fields, memory, count);
    }
    if value["method"].is_string() {
        return request(value, memory);
    }
    Err(format!("`{value}` is not a known piece"))
}

fn repeated(range: &[Value], of: &Value, memory: &Memory) -> Result<Vec<u8>> {
    let number = |place: usize| range.get(place).and_then(Value::as_u64);
    let (Some(first), Some(end)) = (number(0), number(1)) else {
        return Err("`for` is `[first, end, step]`".to_owned());
    };
    let step = usize::try_from(number(2).unwrap_or(1)).unwrap_or(1);
    let mut all = Vec::new();
    for count in (first..end).step_by(step.max(1)) {
        all.extend(bytes(of, memory, Some(count))?);
    }
    Ok(all)
}

/// A part of `bytes`; a negative place counts from the end.
fn slice(bytes: &[u8], range: &[Value]) -> Vec<u8> {
    let place = |value: Option<&Value>, otherwise: usize| match value.and_then(Value::as_i64) {
        Some(back) if back < 0 => bytes.len().saturating_sub(usize::try_from(-back).unwrap_or(0)),
        Some(place) => usize::try_from(place).unwrap_or(0).min(bytes.len()),
        None => otherwise,
    };
    let (first, end) = (place(range.first(), 0), place(range.get(1), bytes.len()));
    bytes.get(first..end).unwrap_or_default().to_vec()
}

/// A request whose length is known only when its pieces are.
fn request(value: &Value, memory: &Memory) -> Result<Vec<u8>> {
    let part = |value: &Value| bytes(value, memory, None);
    let mut all = [part(&value["method"])?, b" ".to_vec(), part(&value["target"])?].concat();
    all.extend(b" HTTP/1.1\r\nHost: localhost\r\n");
    for header in value["headers"].as_array().into_iter().flatten() {
        all.extend(part(header)?);
        all.extend(b"\r\n");
    }
    if value["cookies"] == true {
        all.extend(memory.cookie_header());
    }
    if !value["body"].is_null() {
        let body = part(&value["body"])?;
        all.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
        all.extend(body);
    } else {
        all.extend(b"\r\n");
    }
    Ok(all)
}

/// The bytes that the characters stand for.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

/// The characters for bytes, so that a pattern can look at them.
pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Vec<u8> {
        Pieces(value).bytes(&Memory::default()).expect("bytes")
    }

    #[test]
    fn pieces_are_bytes() {
        assert_eq!(read(json!("a\u{ff}\r\n")), b"a\xff\r\n");
        assert_eq!(read(json!(["a", { "times": 3, "of": "bc" }])), b"abcbcbc");
        assert_eq!(read(json!({ "for": [8, 12, 2], "of": "{}," })), b"8,10,");
        assert_eq!(read(json!({ "slice": [1, -1], "of": "abcd" })), b"bc");
        assert_eq!(read(json!({ "frame": [1, 5, 3], "payload": "ab" })), b"\0\0\x02\x01\x05\0\0\0\x03ab");
        assert!(Pieces(json!({ "unknown": 1 })).bytes(&Memory::default()).is_err());
    }
}
