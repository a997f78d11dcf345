//! The time-outs of a WebSocket: one timer, which is set anew only when it is due, or too late.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::settings::Limits;

/// What the time demands.
pub(super) enum Due {
    Nothing,
    /// Nothing was heard for a while.
    Ping,
    /// There was no message for too long.
    Idle,
    Lost(&'static str),
}

pub(super) struct Clock {
    timer: Pin<Box<Sleep>>,
    /// When anything last arrived.
    heard: Instant,
    /// When a ping was sent that nothing has followed.
    pinged: Option<Instant>,
    /// When there last was a message, either way.
    message: Instant,
    /// Since when the other side accepts nothing.
    stalled: Option<Instant>,
    /// Whether nothing is read at the moment, so that its silence means nothing.
    is_paused: bool,
    /// When the closing handshake is given up.
    give_up: Option<Instant>,
}

impl Clock {
    pub(super) fn new(limits: &Limits) -> Clock {
        let now = Instant::now();
        Clock {
            timer: Box::pin(sleep_until(now + limits.write)),
            heard: now,
            pinged: None,
            message: now,
            stalled: None,
            is_paused: false,
            give_up: None,
        }
    }

    /// Something has arrived.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// There was a message.
    pub(super) fn message(&mut self) {
        self.message = Instant::now();
    }

    /// The other side accepts nothing.
    pub(super) fn stalled(&mut self) {
        self.stalled.get_or_insert_with(Instant::now);
    }

    /// The other side has accepted everything.
    pub(super) fn flowing(&mut self) {
        self.stalled = None;
    }

    /// Nothing is read for now.
    pub(super) fn pause(&mut self) {
        self.is_paused = true;
    }

    pub(super) fn resume(&mut self) {
        if std::mem::take(&mut self.is_paused) {
            self.heard();
            self.message();
        }
    }

    /// From now on only the end of the closing handshake is waited for, this long in all.
    pub(super) fn begin_to_close(&mut self, time: Duration) {
        self.give_up.get_or_insert_with(|| Instant::now() + time);
    }

    /// What is due.
    pub(super) fn due(&mut self, limits: &Limits) -> Due {
        let now = Instant::now();
        let is_past = |time: Option<Instant>| time.is_some_and(|time| now >= time);
        if self.give_up.is_some() {
            return if is_past(self.give_up) { Due::Lost("the closing handshake took too long") } else { Due::Nothing };
        }
        if is_past(self.too_stalled(limits)) {
            Due::Lost("the other side accepts no bytes")
        } else if is_past(self.too_idle(limits)) {
            Due::Idle
        } else if !is_past(self.too_silent(limits)) {
            Due::Nothing
        } else if self.pinged.is_some() {
            Due::Lost("a ping was not answered")
        } else {
            self.pinged = Some(now);
            Due::Ping
        }
    }

    fn too_stalled(&self, limits: &Limits) -> Option<Instant> {
        Some(self.stalled? + limits.write)
    }

    fn too_idle(&self, limits: &Limits) -> Option<Instant> {
        limits.idle.filter(|_| !self.is_paused).map(|idle| self.message + idle)
    }

    /// When a ping is to be sent, or the one that was sent has been waited for long enough.
    fn too_silent(&self, limits: &Limits) -> Option<Instant> {
        let interval = limits.ping_interval.filter(|_| !self.is_paused)?;
        Some(self.pinged.map_or(self.heard + interval, |pinged| pinged + limits.ping_timeout))
    }

    /// Waits until something may be due.
    pub(super) fn poll(&mut self, limits: &Limits, cx: &mut Context<'_>) -> Poll<()> {
        let open = [self.too_stalled(limits), self.too_idle(limits), self.too_silent(limits)];
        let next = self.give_up.or_else(|| open.into_iter().flatten().min());
        let Some(next) = next else { return Poll::Pending };
        if self.timer.is_elapsed() || next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        self.timer.as_mut().poll(cx)
    }
}
