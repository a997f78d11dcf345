//! What a connection is doing, as far as its time-outs need to know.
//!
//! A timer per request would be allocated, set and cancelled for nothing nearly always. So the connection only
//! notes when something began, and one timer per connection looks at the notes when it is due.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::server::Limits;

/// The notes of one connection. Times are milliseconds since it was accepted, plus one; zero is "not now".
#[derive(Debug)]
pub(super) struct Watch {
    accepted: Instant,
    limits: Limits,
    /// Requests that were received and not yet answered to the end.
    in_flight: AtomicU32,
    /// Whether a request was ever received.
    requests: AtomicU64,
    /// When the last answer ended.
    idle_since: AtomicU64,
    /// When the first bytes of a request came that is not received yet.
    reading_since: AtomicU64,
    /// When the peer stopped taking bytes.
    stalled_since: AtomicU64,
}

/// Why a connection is closed, or when to look again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    LookAgain(Duration),
    TooSlow(&'static str),
}

/// While requests are in flight, nothing but a stalled peer can be late; so rarely is looked then.
const BUSY_LOOK: Duration = Duration::from_secs(15);

impl Watch {
    pub(super) fn new(limits: Limits) -> Watch {
        Watch {
            accepted: Instant::now(),
            limits,
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            idle_since: AtomicU64::new(1),
            reading_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Bytes came in.
    pub(super) fn read(&self) {
        if self.in_flight.load(Relaxed) == 0 && self.reading_since.load(Relaxed) == 0 {
            self.reading_since.store(self.now(), Relaxed);
        }
    }

    /// The peer takes no bytes.
    pub(super) fn stalled(&self) {
        if self.stalled_since.load(Relaxed) == 0 {
            self.stalled_since.store(self.now(), Relaxed);
        }
    }

    /// The peer takes bytes.
    pub(super) fn flowing(&self) {
        if self.stalled_since.load(Relaxed) != 0 {
            self.stalled_since.store(0, Relaxed);
        }
    }

    /// A request's head was received.
    pub(super) fn request_began(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.reading_since.store(0, Relaxed);
    }

    /// A request was answered to the end.
    pub(super) fn request_ended(&self) {
        if self.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.idle_since.store(self.now(), Relaxed);
        }
    }

    /// When to look for the first time.
    pub(super) fn first_look(&self) -> Duration {
        self.limits.header
    }

    /// Whether the connection has taken too long, and when to ask again.
    pub(super) fn verdict(&self) -> Verdict {
        let since = |began: u64| Duration::from_millis(self.now().saturating_sub(began));
        let within = |began: u64, limit: Duration, what: &'static str| match limit.checked_sub(since(began)) {
            Some(left) if !left.is_zero() => Verdict::LookAgain(left),
            _ => Verdict::TooSlow(what),
        };
        let (stalled, reading) = (self.stalled_since.load(Relaxed), self.reading_since.load(Relaxed));
        if stalled != 0 {
            within(stalled, self.limits.write, "the peer takes no bytes")
        } else if self.in_flight.load(Relaxed) > 0 {
            Verdict::LookAgain(BUSY_LOOK.min(self.limits.write))
        } else if reading != 0 {
            within(reading, self.limits.header, "the head of a request did not come")
        } else if self.requests.load(Relaxed) == 0 {
            within(self.idle_since.load(Relaxed), self.limits.header, "no request came")
        } else {
            within(self.idle_since.load(Relaxed), self.limits.keep_alive, "no further request came")
        }
    }
}
