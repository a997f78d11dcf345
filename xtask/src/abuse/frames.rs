//! HTTP/2 frames, written by hand so that they can be wrong.

use serde_json::Value;

use super::bytes::{Memory, bytes};
use crate::Result;

/// The frame `[type, flags, stream]` with its payload.
pub fn frame(value: &Value, memory: &Memory, count: Option<u64>) -> Result<Vec<u8>> {
    let number = |place: usize| match &value["frame"][place] {
        Value::String(counted) if counted == "{}" => count,
        other => other.as_u64(),
    };
    let (Some(kind), Some(flags), Some(stream)) = (number(0), number(1), number(2)) else {
        return Err(format!("`{}` is not `[type, flags, stream]`", value["frame"]));
    };
    let payload = if value["payload"].is_null() { Vec::new() } else { bytes(&value["payload"], memory, count)? };
    let mut frame = payload.len().to_be_bytes()[5..].to_vec();
    frame.extend([low(kind), low(flags)]);
    frame.extend(&stream.to_be_bytes()[4..]);
    frame.extend(payload);
    Ok(frame)
}

fn low(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// A block of fields, each a literal without Huffman's code and without a place in the table (RFC 7541 §6.2.2).
pub fn fields(fields: &[Value], memory: &Memory, count: Option<u64>) -> Result<Vec<u8>> {
    let mut block = Vec::new();
    for field in fields {
        block.push(0);
        for part in [&field[0], &field[1]] {
            let part = bytes(part, memory, count)?;
            block.extend(length(part.len()));
            block.extend(part);
        }
    }
    Ok(block)
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn length(length: usize) -> Vec<u8> {
    const MOST: usize = 127;
    if length < MOST {
        return vec![length.to_le_bytes()[0]];
    }
    let (mut bytes, mut rest) = (vec![127], length - MOST);
    while rest >= 128 {
        bytes.push((rest % 128).to_le_bytes()[0] + 128);
        rest /= 128;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_standard() {
        assert_eq!(length(10), [10]);
        assert_eq!(length(127), [127, 0]);
        assert_eq!(length(1337 + 96), [127, 0x9a, 0x0a]);
    }
}
