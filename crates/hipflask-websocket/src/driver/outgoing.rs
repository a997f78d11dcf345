//! What waits to be sent, as frames.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::close::CloseCode;
use crate::deflate;
use crate::frame::{Control, Data, MAX_CONTROL, OpCode, Outgoing, Role};
use crate::message::Message;

/// The longest frame of a message. Between two of them others may be sent, such as the answer to a ping, which must not
/// wait for a long message.
const FRAGMENT: usize = 64 * 1024;

/// What waits to be sent, as frames. Whatever the messages, it holds no more than two fragments.
pub(super) struct Output {
    role: Role,
    deflate: bool,
    bytes: BytesMut,
    sending: Option<Sending>,
    /// A ping that is to be answered when there is room. The ones before it need no answer of their own (RFC 6455 §5.5.3),
    /// so a client that sends pings and reads nothing has one answer waiting.
    pong: Option<Bytes>,
}

/// A message of which a part is still to be written.
struct Sending {
    data: Data,
    rest: Bytes,
    is_compressed: bool,
}

impl Output {
    pub(super) fn new(role: Role, deflate: bool) -> Output {
        Output { role, deflate, bytes: BytesMut::new(), sending: None, pong: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first `len` bytes were sent.
    pub(super) fn sent(&mut self, len: usize) {
        self.bytes.advance(len);
        if self.bytes.is_empty() {
            // A connection that is silent keeps nothing.
            self.bytes = BytesMut::new();
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() < FRAGMENT
    }

    pub(super) fn ping(&mut self) {
        Outgoing::control(Control::Ping).write(self.role, &[], &mut self.bytes);
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, payload: Bytes) {
        self.pong = Some(payload);
        self.write_pong();
    }

    /// Answers the ping that waits, if there is room.
    pub(super) fn write_pong(&mut self) {
        if self.has_room()
            && let Some(payload) = self.pong.take()
        {
            Outgoing::control(Control::Pong).write(self.role, &payload, &mut self.bytes);
        }
    }

    /// Writes a close frame, the last frame of all.
    pub(super) fn close(&mut self, code: Option<CloseCode>, reason: &str) {
        let mut payload = Vec::with_capacity(MAX_CONTROL);
        if let Some(code) = code {
            payload.put_u16(code.as_u16());
            payload.extend_from_slice(reason.as_bytes());
        }
        Outgoing::control(Control::Close).write(self.role, &payload, &mut self.bytes);
        (self.sending, self.pong) = (None, None);
    }

    /// Begins a message.
    pub(super) fn begin(&mut self, message: Message) {
        let (data, content) = match message {
            Message::Text(text) => (Data::Text, Bytes::from(text)),
            Message::Binary(bytes) => (Data::Binary, bytes),
        };
        let packed = if self.deflate { deflate::compress(&content) } else { None };
        let is_compressed = packed.is_some();
        self.sending = Some(Sending { data, rest: packed.map_or(content, Bytes::from), is_compressed });
    }

    /// Writes the next fragment of the message that was begun; false if there is none.
    pub(super) fn write_fragment(&mut self) -> bool {
        let Some(Sending { data, mut rest, is_compressed }) = self.sending.take() else { return false };
        let payload = rest.split_to(rest.len().min(FRAGMENT));
        let is_final = rest.is_empty();
        let frame = Outgoing { opcode: OpCode::Data(data), is_final, is_compressed };
        frame.write(self.role, &payload, &mut self.bytes);
        if !is_final {
            self.sending = Some(Sending { data: Data::Continue, rest, is_compressed: false });
        }
        true
    }
}
