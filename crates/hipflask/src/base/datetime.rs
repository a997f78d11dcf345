//! A moment in UTC: the date and time of databases, sessions and templates.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

/// A moment in UTC, exact to the microsecond. Python's aware `datetime`.
///
/// In JSON it is RFC 3339 text. In a template it prints like Python's and has `strftime`, `isoformat` and the
/// parts: `{{ post.created.strftime("%d %B %Y") }}`.
///
/// ```
/// use hipflask::DateTime;
///
/// let moment: DateTime = "2026-11-21T08:30:00Z".parse()?;
/// assert_eq!(moment.to_string(), "2026-11-21 08:30:00+00:00");
/// assert_eq!(moment.strftime("%a, %d %b %Y"), "Sat, 21 Nov 2026");
/// assert!(moment < DateTime::now() || moment >= DateTime::now());
/// # Ok::<(), hipflask::errors::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// Microseconds since 1970-01-01T00:00:00Z, between the years 1 and 9999.
    micros: i64,
}

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;
const EARLIEST: i64 = days_from_civil(1, 1, 1) * DAY;
const LATEST: i64 = (days_from_civil(9999, 12, 31) + 1) * DAY - 1;

/// The error for a text or a number of seconds that is not a moment between the years 1 and 9999, and for a text that is
/// not a date, a time, a month or a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTimeError {
    text: String,
    wanted: &'static str,
}

impl DateTimeError {
    pub(super) fn new(text: &str, wanted: &'static str) -> DateTimeError {
        DateTimeError { text: text.to_owned(), wanted }
    }

    fn moment(text: &str) -> DateTimeError {
        DateTimeError::new(text, "a date and time; write it like 2026-11-21T08:30:00Z")
    }
}

impl fmt::Display for DateTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.text, self.wanted)
    }
}

impl std::error::Error for DateTimeError {}

/// Year, month, day, hour, minute, second, microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) year: i64,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) micro: u32,
}

impl DateTime {
    /// The name under which it is serialized: by it a template engine knows a moment from other text.
    pub const SERDE_NAME: &'static str = "$hipflask::DateTime";

    /// The current moment.
    pub fn now() -> DateTime {
        DateTime::from(SystemTime::now())
    }

    /// The moment `micros` microseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// If it is before the year 1 or after the year 9999.
    pub fn from_unix_micros(micros: i64) -> Result<DateTime, DateTimeError> {
        if (EARLIEST..=LATEST).contains(&micros) {
            Ok(DateTime { micros })
        } else {
            Err(DateTimeError::moment(&format!("{micros} µs")))
        }
    }

    /// The same, or the first or the last moment that there is.
    pub(super) fn clamped(micros: i64) -> DateTime {
        DateTime { micros: micros.clamp(EARLIEST, LATEST) }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn unix_micros(self) -> i64 {
        self.micros
    }

    /// The moment that a header names (RFC 9110 §5.6.7).
    pub(crate) fn from_http(text: &str) -> Option<DateTime> {
        httpdate::parse_http_date(text).ok().map(DateTime::from)
    }

    /// The same without its part of the second, which dates in headers do not have.
    pub(crate) fn whole_seconds(self) -> DateTime {
        DateTime { micros: self.micros - self.micros.rem_euclid(SECOND) }
    }

    /// The year, from 1 to 9999.
    ///
    /// ```
    /// let moment: hipflask::DateTime = "2026-11-21T08:30:05.25Z".parse()?;
    /// assert_eq!((moment.year(), moment.month(), moment.day()), (2026, 11, 21));
    /// assert_eq!((moment.hour(), moment.minute(), moment.second(), moment.microsecond()), (8, 30, 5, 250_000));
    /// # Ok::<(), hipflask::errors::DateTimeError>(())
    /// ```
    pub fn year(self) -> i64 {
        self.parts().year
    }

    /// The month, from 1 to 12.
    pub fn month(self) -> u32 {
        self.parts().month
    }

    /// The day of the month, from 1 to 31.
    pub fn day(self) -> u32 {
        self.parts().day
    }

    /// The hour in UTC, from 0 to 23.
    pub fn hour(self) -> u32 {
        self.parts().hour
    }

    /// The minute, from 0 to 59.
    pub fn minute(self) -> u32 {
        self.parts().minute
    }

    /// The second, from 0 to 59.
    pub fn second(self) -> u32 {
        self.parts().second
    }

    /// The part of the second, in microseconds.
    pub fn microsecond(self) -> u32 {
        self.parts().micro
    }

    pub(super) fn parts(self) -> Parts {
        let (year, month, day) = civil_from_days(self.micros.div_euclid(DAY));
        let in_day = self.micros.rem_euclid(DAY);
        let part = |unit: i64, of: i64| u32::try_from(in_day / unit % of).unwrap_or_default();
        Parts {
            year,
            month,
            day,
            hour: part(3_600 * SECOND, 24),
            minute: part(60 * SECOND, 60),
            second: part(SECOND, 60),
            micro: part(1, SECOND),
        }
    }

    /// Python's `isoformat`: `2026-11-21T08:30:00+00:00`.
    pub fn isoformat(self) -> String {
        format!("{}+00:00", self.text('T'))
    }

    fn text(self, between: char) -> String {
        let p = self.parts();
        let mut text =
            format!("{:04}-{:02}-{:02}{between}{:02}:{:02}:{:02}", p.year, p.month, p.day, p.hour, p.minute, p.second);
        if p.micro > 0 {
            text += &format!(".{:06}", p.micro);
        }
        text
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from March, so that the leap
/// day is their last, and in eras of 400 years, which all have the same days.
pub(super) const fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month as i64 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
pub(super) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// The year and the week, from 1 to 53, that ISO 8601 counts a day to: the one that its Thursday is in.
pub(super) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let (year, ..) = civil_from_days(thursday);
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}

impl From<SystemTime> for DateTime {
    fn from(time: SystemTime) -> DateTime {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(LATEST),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(-EARLIEST),
        };
        DateTime::clamped(micros)
    }
}

impl From<DateTime> for SystemTime {
    fn from(moment: DateTime) -> SystemTime {
        let distance = Duration::from_micros(moment.micros.unsigned_abs());
        if moment.micros < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}

/// `2026-11-21T08:30:00Z`; also with a space instead of the `T`, with fractions, with an offset or without one
/// (UTC), and a date alone (midnight). And as HTTP and Flask's JSON have it: `Sat, 21 Nov 2026 08:30:00 GMT`.
impl std::str::FromStr for DateTime {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<DateTime, DateTimeError> {
        let text = text.trim();
        parse(text).or_else(|| DateTime::from_http(text)).ok_or_else(|| DateTimeError::moment(text))
    }
}

fn parse(text: &str) -> Option<DateTime> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, "00:00:00"),
    };
    let mut fields = date.splitn(3, '-').map(|field| number(field, 2..=4));
    let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
    let in_year = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let days =
        in_year.then(|| days_from_civil(year, u32::try_from(month).unwrap_or(0), u32::try_from(day).unwrap_or(0)))?;
    // The 31st of a shorter month turns into another day.
    if civil_from_days(days) != (year, u32::try_from(month).ok()?, u32::try_from(day).ok()?) {
        return None;
    }
    let (time, offset) = split_offset(time)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut fields = time.splitn(3, ':').map(|field| number(field, 2..=2));
    let (hour, minute, second) = (fields.next()??, fields.next()??, fields.next().unwrap_or(Some(0))?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros = number(format!("{fraction:0<6}").get(..6)?, 6..=6)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60;
    DateTime::from_unix_micros(seconds * SECOND + micros).ok()
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// The time of day, and the offset from UTC in minutes.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (time, offset) = (&time[..at], &time[at..]);
    let (hours, minutes) = match offset[1..].split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if offset.len() == 5 => (&offset[1..3], &offset[3..]),
        None => (&offset[1..], "00"),
    };
    let minutes = number(hours, 2..=2)? * 60 + number(minutes, 2..=2)?;
    (minutes < 24 * 60).then_some((time, if offset.starts_with('-') { -minutes } else { minutes }))
}

/// As Python prints it: `2026-11-21 08:30:00+00:00`.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+00:00", self.text(' '))
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// RFC 3339 text; a template takes the number inside the marker.
impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DateTime::SERDE_NAME, &format_args!("{}Z", self.text('T')))
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DateTime, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().expect(text)
    }

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        let (first, last) = (days_from_civil(1, 1, 1), days_from_civil(9999, 12, 31));
        assert_eq!((first, last), (-719_162, 2_932_896));
        for days in (first..=last).step_by(37) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn texts_are_read_and_refused() {
        let moment = at("2020-01-02T03:04:05Z");
        for same in [
            "2020-01-02 03:04:05",
            "2020-01-02T04:04:05+01:00",
            "2020-01-01t22:04:05-0500",
            "2020-01-02 03:04:05.000000+00",
            "Thu, 02 Jan 2020 03:04:05 GMT",
        ] {
            assert_eq!(at(same), moment, "{same}");
        }
        assert_eq!(at("2020-01-02 03:04:05.1234567").parts().micro, 123_456);
        assert_eq!(at("2020-02-29").parts().day, 29);
        for bad in [
            "",
            "2021-02-29",
            "2020-13-01",
            "2020-1-1",
            "2020-01-02T24:00:00",
            "x",
            "2020-01-02T03:04:05+99:00",
            "0000-01-01",
            "10000-01-01",
        ] {
            assert!(bad.parse::<DateTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn formats_are_pythons() {
        let moment = at("2026-01-02T13:04:05.000600Z");
        assert_eq!(moment.to_string(), "2026-01-02 13:04:05.000600+00:00");
        assert_eq!(moment.isoformat(), "2026-01-02T13:04:05.000600+00:00");
        assert_eq!(serde_json::to_string(&moment).expect("json"), "\"2026-01-02T13:04:05.000600Z\"");
        assert_eq!(at("1969-12-31T23:59:59Z").unix_micros(), -1_000_000);
    }
}
