//! Frames: their heads are read and written by tungstenite; this module is strict about what RFC 6455 §5 demands of
//! them, and masks.

use std::io::Cursor;

use bytes::{Buf as _, BufMut as _, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
pub(crate) use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::close::Violation;

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    /// For tests.
    Client,
}

/// The longest payload of a control frame.
pub(crate) const MAX_CONTROL: usize = 125;

/// A frame whose payload is still to come.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) opcode: OpCode,
    pub(crate) is_final: bool,
    pub(crate) is_compressed: bool,
    /// How much of the payload is still to come.
    pub(crate) left: u64,
    mask: Option<[u8; 4]>,
    /// How much has come.
    at: usize,
}

impl Frame {
    /// Takes the head of a frame out of `input`, if all of it has arrived. `deflate` says whether a message may be
    /// compressed.
    pub(crate) fn parse(input: &mut BytesMut, role: Role, deflate: bool) -> Result<Option<Frame>, Violation> {
        let mut cursor = Cursor::new(&input[..]);
        let parsed = FrameHeader::parse(&mut cursor);
        let parsed = parsed.map_err(|_| Violation::protocol("the opcode is not known"))?;
        let Some((head, len)) = parsed else { return Ok(None) };
        let read = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        check(&head, len, role, deflate)?;
        if read != head.len(len) {
            return Err(Violation::protocol("the length is not in its shortest form"));
        }
        input.advance(read);
        let FrameHeader { opcode, is_final, rsv1, mask, .. } = head;
        Ok(Some(Frame { opcode, is_final, is_compressed: rsv1, left: len, mask, at: 0 }))
    }

    /// Takes what has arrived of the payload out of `input`.
    pub(crate) fn payload(&mut self, input: &mut BytesMut) -> BytesMut {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        let mut payload = input.split_to(len);
        if let Some(mask) = self.mask {
            apply_mask(&mut payload, mask, self.at);
        }
        self.left -= len as u64;
        self.at = (self.at + len) % 4;
        payload
    }
}

fn check(head: &FrameHeader, len: u64, role: Role, deflate: bool) -> Result<(), Violation> {
    let is_control = matches!(head.opcode, OpCode::Control(_));
    let begins = matches!(head.opcode, OpCode::Data(Data::Text | Data::Binary));
    if head.rsv2 || head.rsv3 || head.rsv1 && !(deflate && begins) {
        return Err(Violation::protocol("a reserved bit is set"));
    }
    if head.mask.is_some() != (role == Role::Server) {
        return Err(Violation::protocol(match role {
            Role::Server => "a client must mask its frames",
            Role::Client => "a server must not mask its frames",
        }));
    }
    if is_control && !head.is_final {
        return Err(Violation::protocol("a control frame is in pieces"));
    }
    if is_control && len > MAX_CONTROL as u64 {
        return Err(Violation::protocol("a control frame is too long"));
    }
    if len > i64::MAX as u64 {
        return Err(Violation::protocol("the length is not a length"));
    }
    Ok(())
}

fn apply_mask(bytes: &mut [u8], mut mask: [u8; 4], at: usize) {
    mask.rotate_left(at % 4);
    let (words, rest) = bytes.as_chunks_mut::<4>();
    let word = u32::from_ne_bytes(mask);
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

/// What the head of a frame to be sent says.
pub(crate) struct Outgoing {
    pub(crate) opcode: OpCode,
    pub(crate) is_final: bool,
    pub(crate) is_compressed: bool,
}

impl Outgoing {
    pub(crate) fn control(control: Control) -> Outgoing {
        Outgoing { opcode: OpCode::Control(control), is_final: true, is_compressed: false }
    }

    /// Writes the frame.
    pub(crate) fn write(&self, role: Role, payload: &[u8], output: &mut BytesMut) {
        let mask = (role == Role::Client).then(hipflask::signing::random_bytes::<4>);
        let (opcode, is_final, rsv1) = (self.opcode, self.is_final, self.is_compressed);
        let head = FrameHeader { opcode, is_final, rsv1, rsv2: false, rsv3: false, mask };
        let len = payload.len() as u64;
        output.reserve(head.len(len) + payload.len());
        // Writing to memory does not fail.
        let _ = head.format(len, &mut (&mut *output).writer());
        let begin = output.len();
        output.put_slice(payload);
        if let Some(mask) = mask {
            apply_mask(&mut output[begin..], mask, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_on_where_it_was() {
        let (mask, text) = ([1, 2, 3, 250], *b"some bytes, not a multiple of four!");
        let mut whole = text;
        apply_mask(&mut whole, mask, 0);
        for (at, byte) in text.iter().enumerate() {
            assert_eq!(whole[at], byte ^ mask[at % 4]);
        }
        for cut in 0..text.len() {
            let mut pieces = text;
            let (first, second) = pieces.split_at_mut(cut);
            apply_mask(first, mask, 0);
            apply_mask(second, mask, cut);
            assert_eq!(pieces, whole, "{cut}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for role in [Role::Server, Role::Client] {
            for len in [0, 1, 125, 126, 65_535, 65_536] {
                let (payload, mut output) = (vec![7; len], BytesMut::new());
                let head = Outgoing { opcode: OpCode::Data(Data::Binary), is_final: false, is_compressed: true };
                head.write(role, &payload, &mut output);
                let reader = if role == Role::Server { Role::Client } else { Role::Server };
                let mut frame = Frame::parse(&mut output, reader, true).expect("it is valid").expect("it is whole");
                assert_eq!((frame.opcode, frame.is_final, frame.is_compressed), (head.opcode, false, true));
                assert_eq!(frame.left, len as u64);
                let first = frame.payload(&mut output.split_to(len / 3));
                assert_eq!([&first[..], &frame.payload(&mut output)].concat(), payload);
            }
        }
    }
}
