//! From bytes to messages.

use bytes::{Bytes, BytesMut};

use crate::close::{CloseCode, Violation};
use crate::deflate::Inflater;
use crate::frame::{Control, Data, Frame, MAX_CONTROL, OpCode, Role};
use crate::message::Message;

/// Puts messages together from bytes that arrive in any pieces. It keeps what has arrived, never what was only
/// announced.
pub(crate) struct Decoder {
    role: Role,
    /// Whether messages may be compressed.
    deflate: bool,
    max_message: usize,
    max_frame: usize,
    frame: Option<Frame>,
    message: Option<Partial>,
    control: Vec<u8>,
}

/// Something that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(Message),
    Ping(Bytes),
    Pong,
    Close(CloseCode, String),
}

/// A message of which not all has arrived.
struct Partial {
    bytes: Vec<u8>,
    /// For a text: how much of it is known to be UTF-8.
    checked: Option<usize>,
    inflater: Option<Inflater>,
    /// How much has arrived of it, compressed or not.
    arrived: usize,
}

impl Decoder {
    pub(crate) fn new(role: Role, deflate: bool, max_message: usize, max_frame: usize) -> Decoder {
        Decoder { role, deflate, max_message, max_frame, frame: None, message: None, control: Vec::new() }
    }

    /// Takes the next event out of `input`, or all of `input` if there is none.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        loop {
            let Some(mut frame) = self.take_frame(input)? else { return Ok(None) };
            let payload = frame.payload(input);
            match frame.opcode {
                OpCode::Control(_) => self.control.extend_from_slice(&payload),
                OpCode::Data(_) => self.feed(&payload)?,
            }
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(event) = self.end_frame(&frame)? {
                return Ok(Some(event));
            }
        }
    }

    /// The frame that has begun, or the next one.
    fn take_frame(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, Violation> {
        if self.frame.is_some() {
            return Ok(self.frame.take());
        }
        let Some(frame) = Frame::parse(input, self.role, self.deflate)? else { return Ok(None) };
        if let OpCode::Data(data) = frame.opcode {
            self.begin(data, &frame)?;
        }
        Ok(Some(frame))
    }

    fn begin(&mut self, data: Data, frame: &Frame) -> Result<(), Violation> {
        match (data, &self.message) {
            (Data::Continue, None) => return Err(Violation::protocol("there is no message to be continued")),
            (Data::Continue, Some(_)) => {}
            (_, Some(_)) => return Err(Violation::protocol("a message began within another one")),
            (_, None) => {
                let checked = (data == Data::Text).then_some(0);
                let inflater = frame.is_compressed.then(Inflater::new);
                self.message = Some(Partial { bytes: Vec::new(), checked, inflater, arrived: 0 });
            }
        }
        if frame.left > self.max_frame as u64 {
            return Err(Violation::too_large("the frame is too large"));
        }
        let arrived = self.message.as_ref().map_or(0, |message| message.arrived) as u64;
        // What is compressed is hardly longer than what it was, so one limit does for both.
        if arrived + frame.left > self.max_message as u64 + MAX_CONTROL as u64
            || self.message.as_ref().is_some_and(|message| message.inflater.is_none())
                && arrived + frame.left > self.max_message as u64
        {
            return Err(Violation::too_large("the message is too large"));
        }
        Ok(())
    }

    fn feed(&mut self, payload: &[u8]) -> Result<(), Violation> {
        let Some(message) = &mut self.message else { return Ok(()) };
        message.arrived += payload.len();
        match &mut message.inflater {
            Some(inflater) => inflater.feed(payload, &mut message.bytes, self.max_message)?,
            None => message.bytes.extend_from_slice(payload),
        }
        message.check_text(false)
    }

    fn end_frame(&mut self, frame: &Frame) -> Result<Option<Event>, Violation> {
        match frame.opcode {
            OpCode::Control(control) => {
                let payload = std::mem::take(&mut self.control);
                Ok(Some(match control {
                    Control::Close => close(&payload)?,
                    Control::Ping => Event::Ping(payload.into()),
                    Control::Pong | Control::Reserved(_) => Event::Pong,
                }))
            }
            OpCode::Data(_) if frame.is_final => self.end_message().map(|message| message.map(Event::Message)),
            OpCode::Data(_) => Ok(None),
        }
    }

    fn end_message(&mut self) -> Result<Option<Message>, Violation> {
        let Some(mut message) = self.message.take() else { return Ok(None) };
        if let Some(inflater) = &mut message.inflater {
            inflater.finish(&mut message.bytes, self.max_message)?;
        }
        message.check_text(true)?;
        let Partial { bytes, checked, .. } = message;
        Ok(Some(match checked {
            Some(_) => Message::Text(String::from_utf8(bytes).map_err(|_| NOT_UTF8)?),
            None => Message::Binary(bytes.into()),
        }))
    }
}

const NOT_UTF8: Violation = Violation { code: CloseCode::INVALID_DATA, reason: "the text is not UTF-8" };

impl Partial {
    /// Checks what has come of a text, so that what is not one is noticed before its end.
    fn check_text(&mut self, is_end: bool) -> Result<(), Violation> {
        let Some(checked) = &mut self.checked else { return Ok(()) };
        match std::str::from_utf8(&self.bytes[*checked..]) {
            Ok(_) => *checked = self.bytes.len(),
            // The last character is not complete yet.
            Err(error) if error.error_len().is_none() && !is_end => *checked += error.valid_up_to(),
            Err(_) => return Err(NOT_UTF8),
        }
        Ok(())
    }
}

/// What a close frame says (RFC 6455 §5.5.1).
fn close(payload: &[u8]) -> Result<Event, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(Event::Close(CloseCode::NO_STATUS, String::new()))
        } else {
            Err(Violation::protocol("a close frame has half a code"))
        };
    };
    let code = CloseCode::from(u16::from_be_bytes(*code));
    if !code.is_sendable() {
        return Err(Violation::protocol("a close frame has a code that must not be sent"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::invalid("the reason is not UTF-8"))?;
    Ok(Event::Close(code, reason.to_owned()))
}
