//! What a connection shares with the body of the request that it reads at the moment.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Sleep, sleep};

use crate::handler::in_place::Waiting;
use crate::server::http1::decoder::{Decoder, Next};
use crate::server::http1::end::End;
use crate::server::http1::writer::{self, Length};
use crate::server::wire::Wire;

/// How long a reset takes that answers a probe, in nearly all networks.
const PROBED: Duration = Duration::from_secs(1);

/// What a connection shares with the body of the request that it reads at the moment.
pub(super) struct Exchange {
    pub(super) wire: Wire,
    /// Which request; a body that outlived its own gets nothing of the next.
    pub(super) serial: u64,
    pub(super) decoder: Decoder,
    /// Whether the client waits to be told that its body is wanted.
    pub(super) expects_continue: bool,
    /// Whether the body may still be read.
    pub(super) is_read: bool,
    /// The server closes: no further request.
    pub(super) closing: bool,
    /// When to look whether a client that was [probed](writer::probe) has answered with a reset.
    probed: Option<Pin<Box<Sleep>>>,
}

/// The body is malformed, or the client has gone.
#[derive(Debug)]
pub(super) struct Broken;

pub(super) fn lock(exchange: &Mutex<Exchange>) -> MutexGuard<'_, Exchange> {
    exchange.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    pub(super) fn new(wire: Wire) -> Exchange {
        Exchange {
            wire,
            serial: 0,
            decoder: Decoder::empty(),
            expects_continue: false,
            is_read: false,
            closing: false,
            probed: None,
        }
    }

    /// Tells a client that holds its body back that it is being read. Once the head of an answer is written it would
    /// be taken for a part of that answer, so then is the last moment (RFC 9110 §10.1.1).
    pub(super) fn ask_for_body(&mut self) {
        if self.is_read && std::mem::take(&mut self.expects_continue) {
            self.wire.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            match self.decoder.next(&mut self.wire.input) {
                Ok(Next::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Next::End) => return Poll::Ready(None),
                Ok(Next::More) => {}
                Err(_) => return Poll::Ready(Some(Err(Broken))),
            }
            self.ask_for_body();
            if let Poll::Ready(Err(_)) = self.wire.poll_flush(cx) {
                return Poll::Ready(Some(Err(self.break_off())));
            }
            match ready!(self.wire.poll_read_body(cx, self.decoder.left())) {
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(self.break_off()))),
                Ok(_) => {}
            }
        }
    }

    fn break_off(&mut self) -> Broken {
        self.decoder = Decoder::Malformed;
        Broken
    }

    /// Checks whether the client is still there, while it is sent nothing. What is not reported is noticed when the timer of
    /// the connection has this polled.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>, length: &Length) -> Poll<End> {
        if self.wire.is_hung_up() {
            return Poll::Ready(End::Lost);
        }
        if let Some(timer) = &mut self.probed
            && timer.as_mut().poll(cx).is_ready()
        {
            self.probed = None;
        }
        // What comes belongs to the reader of the body, who notices its end as well.
        if self.is_read && !self.decoder.is_at_end() {
            return Poll::Pending;
        }
        if ready!(self.wire.poll_read_ahead(cx)).is_err() {
            return Poll::Ready(End::Lost);
        }
        if matches!(length, Length::Chunked) {
            writer::probe(&mut self.wire.output);
            let _ = self.wire.poll_flush(cx);
            let mut timer = Box::pin(sleep(PROBED));
            let _ = timer.as_mut().poll(cx);
            self.probed = Some(timer);
        }
        Poll::Pending
    }

    /// Whether another request may follow: the body has ended, or its reader will read on.
    pub(super) fn may_go_on(&mut self) -> bool {
        !self.closing && (self.is_read || self.skip_body())
    }

    /// Skips what has come of a body that is not being read; whether that was all of it.
    pub(super) fn skip_body(&mut self) -> bool {
        if self.decoder.is_at_end() {
            return true;
        }
        // A client that waits for `100 Continue` did not get it, and may send its body or not.
        if self.expects_continue {
            return false;
        }
        let _ = self.wire.try_read();
        self.decoder.skip(&mut self.wire.input)
    }
}

impl Waiting for Mutex<Exchange> {
    fn send(&self) {
        lock(self).wire.try_flush();
    }
}
