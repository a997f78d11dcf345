//! What the ends of a WebSocket inside the program have in common: those that hold it, and what drives it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::close::{CloseCode, ClosedBy, ConnectionClosed};
use crate::message::Message;

/// What the ends of a WebSocket inside the program have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Messages that have arrived and were not received.
    inbox: VecDeque<Message>,
    bytes: usize,
    /// The close frame that is to be sent.
    to_send: Option<(CloseCode, String)>,
    end: Option<ConnectionClosed>,
    /// Whether nothing is read until the inbox has room.
    is_full: bool,
    reader: Option<Waker>,
    driver: Option<Waker>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whom to wake when there is something to do for the driver.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        let mut state = self.state();
        match &mut state.driver {
            Some(driver) => driver.clone_from(cx.waker()),
            driver => *driver = Some(cx.waker().clone()),
        }
    }

    /// Whether another message may arrive.
    pub(crate) fn has_room(&self, messages: usize, bytes: usize) -> bool {
        let mut state = self.state();
        state.is_full = state.inbox.len() >= messages || state.bytes >= bytes;
        !state.is_full
    }

    pub(crate) fn push(&self, message: Message) {
        let mut state = self.state();
        state.bytes += message.len();
        state.inbox.push_back(message);
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// The next message; `None` when the WebSocket was closed.
    pub(crate) fn poll_receive(&self, cx: &Context<'_>) -> Poll<Result<Option<Message>, ConnectionClosed>> {
        let mut state = self.state();
        if let Some(message) = state.inbox.pop_front() {
            state.bytes -= message.len();
            if std::mem::take(&mut state.is_full)
                && let Some(driver) = state.driver.take()
            {
                driver.wake();
            }
            return Poll::Ready(Ok(Some(message)));
        }
        match &state.end {
            Some(end) if end.by == ClosedBy::Failure => Poll::Ready(Err(end.clone())),
            Some(_) => Poll::Ready(Ok(None)),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Ends it. Only the first end counts.
    pub(crate) fn end(&self, end: ConnectionClosed) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(end);
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
            self.ended.notify_waiters();
        }
    }

    /// Ends it from this side: a close frame follows what is still to be sent.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        state.to_send = Some((code, reason.to_owned()));
        if let Some(driver) = state.driver.take() {
            driver.wake();
        }
        drop(state);
        self.end(ConnectionClosed { code, reason: reason.to_owned(), by: ClosedBy::Us });
    }

    /// The close frame that is to be sent, once.
    pub(crate) fn take_close(&self) -> Option<(CloseCode, String)> {
        self.state().to_send.take()
    }

    pub(crate) fn ended(&self) -> Option<ConnectionClosed> {
        self.state().end.clone()
    }

    /// Waits for the end.
    pub(crate) async fn closed(&self) -> ConnectionClosed {
        loop {
            let ended = self.ended.notified();
            if let Some(end) = self.ended() {
                return end;
            }
            ended.await;
        }
    }
}
