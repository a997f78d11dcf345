//! Times of the day, and moments as a clock on the wall shows them: without a time zone.

use std::fmt;

use crate::base::dates::{Date, as_text, digits, serialized_as_text, unreachable_date};
use crate::base::datetime::{DAY, DateTime, DateTimeError, SECOND};

const MINUTE: i64 = 60 * SECOND;

/// A time of the day, exact to the microsecond. Python's `time`.
///
/// As a field of a form it is an `<input type="time">`. Its text is `08:30`, with seconds if it has any.
///
/// ```
/// use hipflask::form::Time;
///
/// let time: Time = "08:30".parse()?;
/// assert_eq!(time, Time::of(8, 30));
/// assert_eq!("08:30:05.5".parse::<Time>()?.to_string(), "08:30:05.500");
/// # Ok::<(), hipflask::errors::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Since midnight.
    micros: i64,
}

impl Time {
    /// A time that is known when the program is written.
    ///
    /// # Panics
    ///
    /// If there is no such time; in a constant the compiler says so.
    pub const fn of(hour: u32, minute: u32) -> Time {
        match Time::new(hour, minute, 0, 0) {
            Some(time) => time,
            None => unreachable_date(),
        }
    }

    /// The time, if there is one: a day has 24 hours of 60 minutes of 60 seconds.
    pub const fn new(hour: u32, minute: u32, second: u32, microsecond: u32) -> Option<Time> {
        if hour > 23 || minute > 59 || second > 59 || microsecond > 999_999 {
            return None;
        }
        let seconds = hour as i64 * 3_600 + minute as i64 * 60 + second as i64;
        Some(Time { micros: seconds * SECOND + microsecond as i64 })
    }

    /// The hour, from 0 to 23.
    pub fn hour(self) -> u32 {
        part(self.micros, 60 * MINUTE, 24)
    }

    /// The minute, from 0 to 59.
    pub fn minute(self) -> u32 {
        part(self.micros, MINUTE, 60)
    }

    /// The second, from 0 to 59.
    pub fn second(self) -> u32 {
        part(self.micros, SECOND, 60)
    }

    /// The part of the second, in microseconds.
    pub fn microsecond(self) -> u32 {
        part(self.micros, 1, SECOND)
    }

    /// The same in whole milliseconds, which is as fine as an input of a browser takes it.
    pub fn to_millis(self) -> Time {
        Time { micros: self.micros - self.micros % 1_000 }
    }

    fn read(text: &str) -> Option<Time> {
        let (clock, fraction) = match text.split_once('.') {
            Some((clock, fraction)) => (clock, Some(fraction)),
            None => (text, None),
        };
        let micros = match fraction {
            Some(fraction) if (1..=6).contains(&fraction.len()) => digits(&format!("{fraction:0<6}"), 6)?,
            Some(_) => return None,
            None => 0,
        };
        let mut parts = clock.splitn(3, ':').map(|part| digits(part, 2));
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next());
        // A fraction is one of a second.
        let second = if fraction.is_some() { second?? } else { second.unwrap_or(Some(0))? };
        Time::new(hour, minute, second, micros)
    }
}

fn part(micros: i64, unit: i64, of: i64) -> u32 {
    u32::try_from(micros / unit % of).unwrap_or_default()
}

/// As a time input takes it (HTML, 2.3.5.4): without seconds if there are none, and with three digits after them if one of
/// these is not 0, or six.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour(), self.minute())?;
        match self.microsecond() {
            0 if self.second() == 0 => Ok(()),
            0 => write!(f, ":{:02}", self.second()),
            micros if micros % 1_000 == 0 => write!(f, ":{:02}.{:03}", self.second(), micros / 1_000),
            micros => write!(f, ":{:02}.{micros:06}", self.second()),
        }
    }
}

impl Date {
    /// The day at a time of the day, as a clock on the wall shows it.
    pub fn at(self, time: Time) -> LocalDateTime {
        LocalDateTime::from_micros(self.micros() + time.micros)
    }
}

/// A date and a time as a clock on the wall shows them: which moment that is depends on where the clock hangs. Python's
/// `datetime` without a time zone.
///
/// As a field of a form it is an `<input type="datetime-local">`, which has no time zone either. If the program knows
/// the user's, [`at_offset`](LocalDateTime::at_offset) makes a moment of it; [`DateTime`] as a field is read as UTC.
///
/// ```
/// use hipflask::form::LocalDateTime;
///
/// let typed: LocalDateTime = "2026-11-21T08:30".parse()?;
/// assert_eq!(typed.utc().to_string(), "2026-11-21 08:30:00+00:00");
/// let in_berlin = typed.at_offset(60);
/// assert_eq!(in_berlin.to_string(), "2026-11-21 07:30:00+00:00");
/// assert_eq!(LocalDateTime::from_moment(in_berlin, 60), typed);
/// # Ok::<(), hipflask::errors::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDateTime {
    /// The moment at which a clock in UTC shows the same.
    shown_in_utc: DateTime,
}

impl LocalDateTime {
    fn from_micros(micros: i64) -> LocalDateTime {
        LocalDateTime { shown_in_utc: DateTime::clamped(micros) }
    }

    /// What a clock shows at `moment`, so many minutes east of UTC.
    pub fn from_moment(moment: DateTime, offset: i64) -> LocalDateTime {
        LocalDateTime::from_micros(moment.unix_micros().saturating_add(offset.saturating_mul(MINUTE)))
    }

    /// The moment, if the clock is so many minutes ahead of UTC: 60 for Berlin in winter, -300 for New York.
    pub fn at_offset(self, offset: i64) -> DateTime {
        let micros = self.shown_in_utc.unix_micros();
        DateTime::clamped(micros.saturating_sub(offset.saturating_mul(MINUTE)))
    }

    /// The moment, if the clock shows UTC.
    pub fn utc(self) -> DateTime {
        self.shown_in_utc
    }

    /// The date.
    pub fn date(self) -> Date {
        self.shown_in_utc.date()
    }

    /// The time of the day.
    pub fn time(self) -> Time {
        Time { micros: self.shown_in_utc.unix_micros().rem_euclid(DAY) }
    }

    /// The same in whole milliseconds, which is as fine as an input of a browser takes it.
    pub fn to_millis(self) -> LocalDateTime {
        self.date().at(self.time().to_millis())
    }

    /// With a space between date and time too, as HTML allows.
    fn read(text: &str) -> Option<LocalDateTime> {
        let (date, time) = text.split_once(['T', ' '])?;
        Some(date.parse::<Date>().ok()?.at(time.parse().ok()?))
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date(), self.time())
    }
}

as_text! {
    Time "a time; write it like 08:30"
    LocalDateTime "a date and time; write it like 2026-11-21T08:30"
}

serialized_as_text!(Time LocalDateTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for text in ["00:00", "08:30", "23:59:59", "08:30:00.001", "08:30:05.000001"] {
            assert_eq!(text.parse::<Time>().map(|time| time.to_string()).as_deref(), Ok(text));
            let local = format!("2026-11-21T{text}");
            assert_eq!(local.parse::<LocalDateTime>().map(|local| local.to_string()), Ok(local));
        }
        assert_eq!("08:30:00".parse::<Time>().map(|time| time.to_string()).as_deref(), Ok("08:30"));
        for bad in ["", "8:30", "24:00", "08:60", "08:30:60", "08:30.5", "08:30:05.", "08:30:05.1234567", "noon"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
        for bad in ["", "2026-11-21", "2026-11-21T", "2026-11-21T08:30Z", "2026-11-31T08:30", "tomorrow"] {
            assert!(bad.parse::<LocalDateTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clock_and_its_offset_are_a_moment() {
        let late: LocalDateTime = "9999-12-31T23:59".parse().expect("the last day");
        assert_eq!(late.at_offset(-600), DateTime::clamped(i64::MAX), "not beyond the last moment");
        assert_eq!(LocalDateTime::from_moment(late.at_offset(90), 90), late);
    }
}
