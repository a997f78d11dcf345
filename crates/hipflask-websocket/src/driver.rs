//! What keeps a WebSocket going: it reads and writes frames, answers pings, keeps to the time-outs, and closes.
//!
//! It has no task of its own. It is polled beside the function of the view, which holds the other end, and goes on while
//! that waits for something else.

mod clock;
mod outgoing;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use hipflask::http::Upgraded;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::sync::mpsc;

use crate::close::{CloseCode, ClosedBy, ConnectionClosed, Violation};
use crate::decoder::{Decoder, Event};
use crate::driver::clock::{Clock, Due};
use crate::driver::outgoing::Output;
use crate::frame::Role;
use crate::message::Message;
use crate::settings::Limits;
use crate::shared::Shared;
use crate::socket::WebSocket;

/// How much is read at once. It is kept for each connection.
const READ: usize = 4 * 1024;

/// What keeps a WebSocket going.
pub(crate) struct Driver {
    stream: Upgraded,
    shared: Arc<Shared>,
    limits: Limits,
    decoder: Decoder,
    input: BytesMut,
    output: Output,
    outgoing: mpsc::Receiver<Message>,
    closing: Closing,
    clock: Clock,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_stopped: bool,
}

/// How far the connection is on its way to the end.
#[derive(Default)]
struct Closing {
    /// The close frame that follows what is still to be sent.
    to_send: Option<(CloseCode, String)>,
    is_sent: bool,
    is_received: bool,
    /// What arrives is not looked at.
    has_failed: bool,
    /// Our side of the connection has ended.
    is_shut: bool,
    /// The other side of the connection has ended.
    at_end: bool,
    /// Nothing can be sent or received any more.
    is_lost: bool,
}

/// What the two sides have agreed upon.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) protocol: Option<String>,
    pub(crate) deflate: bool,
}

impl Driver {
    /// A WebSocket over `stream`, and what drives it.
    pub(crate) fn open(stream: Upgraded, role: Role, agreed: Agreed, limits: Limits) -> (WebSocket, Driver) {
        let shared = Arc::new(Shared::default());
        let (sender, outgoing) = mpsc::channel(limits.max_queue);
        let driver = Driver {
            stopping: Box::pin(stream.stopping()),
            stream,
            shared: Arc::clone(&shared),
            limits,
            decoder: Decoder::new(role, agreed.deflate, limits.max_message, limits.max_frame),
            input: BytesMut::new(),
            output: Output::new(role, agreed.deflate),
            outgoing,
            closing: Closing::default(),
            clock: Clock::new(&limits),
            has_stopped: false,
        };
        (WebSocket::new(shared, sender, agreed.protocol), driver)
    }

    /// What its holders see of it.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Goes on as far as possible. It is ready when the connection has ended.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.watch(cx);
        loop {
            self.notice_stop(cx);
            self.notice_close();
            self.notice_time();
            let has_read = self.read(cx);
            self.fill(cx);
            let has_written = self.write(cx);
            if self.is_over(cx) {
                self.shared.end(ConnectionClosed::lost("the connection ended"));
                return Poll::Ready(());
            }
            if !has_read && !has_written && self.clock.poll(&self.limits, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn notice_stop(&mut self, cx: &mut Context<'_>) {
        if !self.has_stopped && self.stopping.as_mut().poll(cx).is_ready() {
            self.has_stopped = true;
            self.shared.close(CloseCode::GOING_AWAY, "the server stops");
        }
    }

    fn notice_close(&mut self) {
        if let Some(close) = self.shared.take_close() {
            self.closing.to_send = Some(close);
            self.clock.begin_to_close(self.limits.close);
        }
    }

    fn notice_time(&mut self) {
        match self.clock.due(&self.limits) {
            Due::Nothing => {}
            Due::Ping => self.output.ping(),
            Due::Idle => self.shared.close(CloseCode::GOING_AWAY, "no message for too long"),
            Due::Lost(why) => self.lose(why),
        }
        // An idle connection begins to close at once.
        self.notice_close();
    }

    /// Reads what has arrived, as far as there is room for it. Returns whether there was anything.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_read = false;
        while !self.closing.at_end && !self.closing.is_lost {
            if !self.take_events() {
                break;
            }
            self.input.reserve(READ);
            match pin!(self.stream.read_buf(&mut self.input)).poll(cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => self.end_of_input(),
                Poll::Ready(Ok(_)) => self.clock.heard(),
                Poll::Ready(Err(error)) => self.lose(&error.to_string()),
            }
            has_read = true;
        }
        has_read
    }

    /// Takes all events out of what was read. Returns false if there is no room for more.
    fn take_events(&mut self) -> bool {
        loop {
            if self.closing.has_failed || self.closing.is_received {
                self.input.clear();
                return true;
            }
            let discards = self.closing.is_sent || self.closing.to_send.is_some();
            if !discards && !self.shared.has_room(self.limits.max_queue, self.limits.max_message) {
                self.clock.pause();
                return false;
            }
            self.clock.resume();
            match self.decoder.next(&mut self.input) {
                Ok(None) => return true,
                Ok(Some(Event::Message(_))) if discards => {}
                Ok(Some(event)) => self.take(event),
                Err(violation) => self.fail(violation),
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                self.clock.message();
                self.shared.push(message);
            }
            Event::Ping(payload) if !self.closing.is_sent => self.output.pong(payload),
            Event::Ping(_) | Event::Pong => {}
            Event::Close(code, reason) => {
                self.closing.is_received = true;
                self.shared.end(ConnectionClosed { code, reason, by: ClosedBy::Peer });
                self.answer_close(code);
            }
        }
    }

    /// Answers a close frame with the same code. What waits to be sent is not sent any more: nobody wants it.
    fn answer_close(&mut self, code: CloseCode) {
        if !std::mem::replace(&mut self.closing.is_sent, true) {
            self.output.close((code != CloseCode::NO_STATUS).then_some(code), "");
        }
        self.outgoing.close();
        self.clock.begin_to_close(self.limits.close);
    }

    /// Fails the connection (RFC 6455 §7.1.7): says why, and looks at nothing more.
    fn fail(&mut self, Violation { code, reason }: Violation) {
        tracing::debug!("a WebSocket was closed with {code}: {reason}");
        self.closing.has_failed = true;
        self.shared.end(ConnectionClosed { code, reason: reason.to_owned(), by: ClosedBy::Failure });
        if !std::mem::replace(&mut self.closing.is_sent, true) {
            self.output.close(Some(code), reason);
        }
        self.outgoing.close();
        self.clock.begin_to_close(self.limits.close);
    }

    fn end_of_input(&mut self) {
        self.closing.at_end = true;
        if !self.closing.is_received && !self.closing.has_failed {
            self.lose("the connection ended without a close frame");
        }
    }

    fn lose(&mut self, why: &str) {
        self.closing.is_lost = true;
        self.shared.end(ConnectionClosed::lost(why));
        // Whoever waits for room waits in vain.
        self.outgoing.close();
    }

    /// Makes frames of what waits to be sent.
    fn fill(&mut self, cx: &mut Context<'_>) {
        if self.closing.is_sent {
            return;
        }
        self.output.write_pong();
        let mut is_drained = false;
        while self.output.has_room() && !is_drained {
            if self.output.write_fragment() {
                continue;
            }
            match self.outgoing.poll_recv(cx) {
                Poll::Ready(Some(message)) => {
                    self.clock.message();
                    self.output.begin(message);
                }
                Poll::Ready(None) => {
                    // Nobody can send or receive any more.
                    is_drained = true;
                    self.shared.close(CloseCode::NORMAL, "");
                    self.notice_close();
                }
                Poll::Pending => is_drained = true,
            }
        }
        if is_drained && let Some((code, reason)) = self.closing.to_send.take() {
            self.closing.is_sent = true;
            self.output.close(Some(code), &reason);
            self.outgoing.close();
        }
    }

    /// Sends what can be sent. Returns whether anything was.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_written = false;
        while !self.output.is_empty() && !self.closing.is_lost {
            match Pin::new(&mut self.stream).poll_write(cx, self.output.bytes()) {
                Poll::Pending => {
                    self.clock.stalled();
                    return has_written;
                }
                Poll::Ready(Ok(0)) => self.lose("nothing can be sent"),
                Poll::Ready(Ok(len)) => {
                    self.output.sent(len);
                    has_written = true;
                }
                Poll::Ready(Err(error)) => self.lose(&error.to_string()),
            }
        }
        self.clock.flowing();
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(cx) {
            self.lose(&error.to_string());
        }
        has_written
    }

    /// Whether the connection has ended. After both close frames the server ends its side, and waits for the client to do
    /// the same, so that no reset overtakes the last frame.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Closing { is_sent, is_received, has_failed, is_lost, .. } = self.closing;
        if is_lost {
            // A function that still runs must not hold the client up.
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
            return true;
        }
        let is_said = is_sent && (is_received || has_failed) && self.output.is_empty();
        if is_said && !self.closing.is_shut {
            match Pin::new(&mut self.stream).poll_shutdown(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => self.closing.is_shut = true,
                Poll::Ready(Err(_)) => return true,
            }
        }
        is_said && self.closing.at_end
    }
}
