//! The time of day as text, for the log and for `Date`; the part that stays the same for a second is cached.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::base::datetime::DateTime;

struct Clock {
    /// Both clocks at one moment. Until the next second, the time of day follows from the other clock.
    clocks: Option<(Instant, i64)>,
    /// The last answer, so that a request's `Date` and its line in the log agree.
    latest: Option<(Instant, u16)>,
    second: i64,
    rfc3339: String,
    http_date: String,
}

thread_local! {
    static CLOCK: RefCell<Clock> = const {
        RefCell::new(Clock {
            clocks: None,
            latest: None,
            second: i64::MIN,
            rfc3339: String::new(),
            http_date: String::new(),
        })
    };
}

impl Clock {
    /// Microseconds since 1970.
    fn time_of_day(&mut self, now: Instant) -> i64 {
        if let Some((instant, micros)) = self.clocks
            && let Some(since) = now.checked_duration_since(instant)
            && since < Duration::from_secs(1)
        {
            return micros + i64::from(since.subsec_micros());
        }
        let micros = DateTime::now().unix_micros();
        self.clocks = Some((now, micros));
        micros
    }

    /// Brings the texts up to date and returns the milliseconds within the second.
    fn update(&mut self, now: Instant) -> u16 {
        if let Some((latest, millis)) = self.latest
            && latest == now
        {
            return millis;
        }
        let micros = self.time_of_day(now);
        let second = micros.div_euclid(1_000_000);
        if self.second != second {
            let now = DateTime::from_unix_micros(second * 1_000_000).unwrap_or_else(|_| DateTime::now());
            self.rfc3339 = now.strftime("%Y-%m-%dT%H:%M:%S.");
            self.http_date = now.strftime("%a, %d %b %Y %H:%M:%S GMT");
            self.second = second;
        }
        let millis = u16::try_from(micros.rem_euclid(1_000_000) / 1_000).unwrap_or_default();
        self.latest = Some((now, millis));
        millis
    }
}

/// Appends the time in RFC 3339, to the millisecond.
pub(crate) fn push_rfc3339(out: &mut Vec<u8>, now: Instant) {
    CLOCK.with_borrow_mut(|clock| {
        let millis = clock.update(now);
        out.extend_from_slice(clock.rfc3339.as_bytes());
        let digit = |place: u16| b'0' + (millis / place % 10) as u8;
        out.extend_from_slice(&[digit(100), digit(10), digit(1), b'Z']);
    });
}

/// Appends the time in the format of `Date` (RFC 9110 §5.6.7).
pub(crate) fn push_http_date(out: &mut Vec<u8>, now: Instant) {
    CLOCK.with_borrow_mut(|clock| {
        clock.update(now);
        out.extend_from_slice(clock.http_date.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_follow_the_clock() {
        let (mut log, mut date) = (Vec::new(), Vec::new());
        let now = Instant::now();
        push_rfc3339(&mut log, now);
        push_http_date(&mut date, now);
        let log: DateTime = std::str::from_utf8(&log).expect("text").parse().expect("a moment");
        let read = httpdate::parse_http_date(std::str::from_utf8(&date).expect("text")).expect("a date");
        let apart = log.unix_micros() - DateTime::from(read).unix_micros();
        assert!((0..1_000_000).contains(&apart), "{apart} µs");
        assert!((DateTime::now().unix_micros() - log.unix_micros()) < 5_000_000);
    }
}
