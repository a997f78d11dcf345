//! What a connection is doing, as far as its time-outs need to know.
//!
//! A timer per request would nearly always be allocated, set and cancelled for nothing. So the connection only
//! notes when something began, and one timer per connection checks the notes when it is due.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::server::limits::ServerLimits;

/// The notes of one connection. Times are milliseconds since it was accepted, plus one; zero is "not now".
#[derive(Debug)]
pub(super) struct Watch {
    accepted: Instant,
    limits: ServerLimits,
    /// Requests that were received and not yet answered to the end.
    in_flight: AtomicU32,
    /// Whether any request was received.
    requests: AtomicU64,
    /// When the last answer ended.
    idle_since: AtomicU64,
    /// When the first bytes of a request arrived whose head is not complete yet.
    reading_since: AtomicU64,
    /// When the client stopped accepting bytes.
    stalled_since: AtomicU64,
    /// HTTP/2 streams with a piece of a body that the client has not made room for.
    untaken: AtomicU32,
    /// When the client last made room on any of them.
    untaken_since: AtomicU64,
}

/// Why a connection is closed, or when to look again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    LookAgain(Duration),
    /// No further request arrived.
    Idle,
    TooSlow(&'static str),
}

/// While requests are in flight, only a stalled client can be late, so checks are rare then.
const BUSY_LOOK: Duration = Duration::from_secs(15);

impl Watch {
    pub(super) fn new(limits: ServerLimits, accepted: Instant) -> Watch {
        Watch {
            accepted,
            limits,
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            idle_since: AtomicU64::new(1),
            reading_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(0),
            untaken: AtomicU32::new(0),
            untaken_since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.accepted);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// A part of a head has arrived.
    pub(super) fn reading(&self) {
        if self.reading_since.load(Relaxed) == 0 {
            self.reading_since.store(self.now(), Relaxed);
        }
    }

    /// The client accepts no bytes.
    pub(super) fn stalled(&self) {
        if self.stalled_since.load(Relaxed) == 0 {
            self.stalled_since.store(self.now(), Relaxed);
        }
    }

    /// The client accepts bytes.
    pub(super) fn flowing(&self) {
        if self.stalled_since.load(Relaxed) != 0 {
            self.stalled_since.store(0, Relaxed);
        }
    }

    /// A piece of a body waits for the client to make room for it.
    pub(super) fn untaken(&self) {
        if self.untaken.fetch_add(1, Relaxed) == 0 {
            self.untaken_since.store(self.now(), Relaxed);
        }
    }

    /// The client has made room for one, or no longer wants it.
    pub(super) fn taken(&self) {
        let others = self.untaken.fetch_sub(1, Relaxed) > 1;
        self.untaken_since.store(if others { self.now() } else { 0 }, Relaxed);
    }

    /// The head of a request was received.
    pub(super) fn request_began(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.reading_since.store(0, Relaxed);
    }

    /// A request was answered to the end.
    pub(super) fn request_ended(&self, now: Instant) {
        if self.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.idle_since.store(self.at(now), Relaxed);
        }
    }

    /// When to look for the first time.
    pub(super) fn first_look(&self) -> Duration {
        self.limits.header.saturating_sub(self.accepted.elapsed())
    }

    /// How long a client has to end its side of an idle connection.
    pub(super) fn goodbye(&self) -> Duration {
        self.limits.header
    }

    /// Whether the connection has taken too long, or when to ask again.
    pub(super) fn verdict(&self) -> Verdict {
        let left = |began: u64, limit: Duration| {
            let took = Duration::from_millis(self.now().saturating_sub(began));
            limit.checked_sub(took).filter(|left| !left.is_zero())
        };
        let within = |began: u64, limit: Duration, what: &'static str| {
            left(began, limit).map_or(Verdict::TooSlow(what), Verdict::LookAgain)
        };
        let ServerLimits { header, keep_alive, write, .. } = self.limits;
        let noted = |note: &AtomicU64| Some(note.load(Relaxed)).filter(|&began| began != 0);
        if let Some(stalled) = noted(&self.stalled_since).or_else(|| noted(&self.untaken_since)) {
            within(stalled, write, "the client accepts no bytes")
        } else if self.in_flight.load(Relaxed) > 0 {
            Verdict::LookAgain(BUSY_LOOK.min(write))
        } else if let Some(reading) = noted(&self.reading_since) {
            within(reading, header, "the head of a request did not arrive")
        } else if self.requests.load(Relaxed) == 0 {
            within(self.idle_since.load(Relaxed), header, "no request arrived")
        } else {
            // A request may begin in the meantime, and stop within its head.
            left(self.idle_since.load(Relaxed), keep_alive)
                .map_or(Verdict::Idle, |left| Verdict::LookAgain(left.min(header)))
        }
    }
}
