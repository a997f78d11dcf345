//! Days, months and weeks of the calendar, without a time: what date inputs of a browser have.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::datetime::{DAY, DateTime, DateTimeError, civil_from_days, days_from_civil, iso_week};

/// A day of the calendar, between the years 1 and 9999. Python's `date`.
///
/// As a field of a form it is an `<input type="date">`. Its text is `2026-11-21`, in JSON too. In a template it has
/// `strftime`, `isoformat`, and `year`, `month` and `day`.
///
/// ```
/// use hipflask::form::{Date, Time};
///
/// const OPENING: Date = Date::of(2026, 11, 21);
/// let day: Date = "2026-11-21".parse()?;
/// assert_eq!(day, OPENING);
/// assert_eq!(day.at(Time::of(8, 30)).utc().to_string(), "2026-11-21 08:30:00+00:00");
/// # Ok::<(), hipflask::errors::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Since 1970-01-01.
    days: i64,
}

impl Date {
    /// The name under which it is serialized: by it a template engine knows a day from other text.
    pub const SERDE_NAME: &'static str = "$hipflask::Date";

    /// A day that is known when the program is written.
    ///
    /// # Panics
    ///
    /// If there is no such day; in a constant the compiler says so.
    pub const fn of(year: i64, month: u32, day: u32) -> Date {
        match Date::new(year, month, day) {
            Some(date) => date,
            None => unreachable_date(),
        }
    }

    /// The day, if there is one.
    pub const fn new(year: i64, month: u32, day: u32) -> Option<Date> {
        if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 {
            return None;
        }
        let next = if month == 12 { days_from_civil(year + 1, 1, 1) } else { days_from_civil(year, month + 1, 1) };
        let days = days_from_civil(year, month, 1) + day as i64 - 1;
        if days < next { Some(Date { days }) } else { None }
    }

    pub(super) fn from_days(days: i64) -> Date {
        Date { days }
    }

    /// The year.
    pub fn year(self) -> i64 {
        civil_from_days(self.days).0
    }

    /// The month, from 1 to 12.
    pub fn month(self) -> u32 {
        civil_from_days(self.days).1
    }

    /// The day of the month, from 1 to 31.
    pub fn day(self) -> u32 {
        civil_from_days(self.days).2
    }

    /// Microseconds from 1970-01-01T00:00:00Z to its beginning in UTC.
    pub(super) fn micros(self) -> i64 {
        self.days * DAY
    }

    fn read(text: &str) -> Option<Date> {
        let (month, day) = text.rsplit_once('-')?;
        let (year, month) = year_and_month(month)?;
        Date::new(year, month, digits(day, 2)?)
    }
}

/// The panic of a day, a time, a month or a week that does not exist.
#[allow(clippy::panic, reason = "a programmer's mistake at setup, and in a constant an error of the compiler")]
pub(super) const fn unreachable_date() -> ! {
    panic!("there is no such day, time, month or week")
}

impl DateTime {
    /// The day in UTC.
    pub fn date(self) -> Date {
        Date::from_days(self.unix_micros().div_euclid(DAY))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.days);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A month of a year. As a field of a form it is an `<input type="month">`; its text is `2026-11`.
///
/// ```
/// use hipflask::form::{Date, Month};
///
/// let month: Month = "2026-11".parse()?;
/// assert_eq!(month, Month::of(2026, 11));
/// assert_eq!(month.first_day(), Date::of(2026, 11, 1));
/// # Ok::<(), hipflask::errors::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i64,
    month: u32,
}

impl Month {
    /// A month that is known when the program is written.
    ///
    /// # Panics
    ///
    /// If there is no such month; in a constant the compiler says so.
    pub const fn of(year: i64, month: u32) -> Month {
        match Month::new(year, month) {
            Some(month) => month,
            None => unreachable_date(),
        }
    }

    /// The month, if there is one.
    pub const fn new(year: i64, month: u32) -> Option<Month> {
        match Date::new(year, month, 1) {
            Some(_) => Some(Month { year, month }),
            None => None,
        }
    }

    /// The year.
    pub fn year(self) -> i64 {
        self.year
    }

    /// The month, from 1 to 12.
    pub fn month(self) -> u32 {
        self.month
    }

    /// The day that it begins with.
    pub fn first_day(self) -> Date {
        Date::from_days(days_from_civil(self.year, self.month, 1))
    }

    fn read(text: &str) -> Option<Month> {
        let (year, month) = year_and_month(text)?;
        Month::new(year, month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A week of ISO 8601, from Monday to Sunday. As a field of a form it is an `<input type="week">`; its text is
/// `2026-W47`.
///
/// ```
/// use hipflask::form::{Date, Week};
///
/// let week: Week = "2026-W47".parse()?;
/// assert_eq!(week.monday(), Date::of(2026, 11, 16));
/// assert_eq!(Week::new(2025, 53), None);
/// # Ok::<(), hipflask::errors::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week {
    year: i64,
    week: u32,
}

impl Week {
    /// A week that is known when the program is written.
    ///
    /// # Panics
    ///
    /// If there is no such week.
    pub fn of(year: i64, week: u32) -> Week {
        Week::new(year, week).unwrap_or_else(|| unreachable_date())
    }

    /// The week, if there is one: most years have 52.
    pub fn new(year: i64, week: u32) -> Option<Week> {
        let week = Week { year, week };
        let in_year = (1..=9999).contains(&year) && (1..=53).contains(&week.week);
        (in_year && iso_week(week.monday().days) == (year, week.week.into())).then_some(week)
    }

    /// The year that it is counted to.
    pub fn year(self) -> i64 {
        self.year
    }

    /// Its number, from 1 to 53.
    pub fn week(self) -> u32 {
        self.week
    }

    /// The day that it begins with.
    pub fn monday(self) -> Date {
        // The fourth of January is always in the first week.
        let fourth = days_from_civil(self.year, 1, 4);
        Date::from_days(fourth - (fourth + 3).rem_euclid(7) + (i64::from(self.week) - 1) * 7)
    }

    fn read(text: &str) -> Option<Week> {
        let (year, week) = text.split_once("-W")?;
        Week::new(digits(year, 4)?.into(), digits(week, 2)?)
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.week)
    }
}

fn year_and_month(text: &str) -> Option<(i64, u32)> {
    let (year, month) = text.split_once('-')?;
    Some((digits(year, 4)?.into(), digits(month, 2)?))
}

/// A number of exactly so many digits.
pub(super) fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A type as text, both ways, in JSON too.
macro_rules! as_text {
    ($($name:ident $wanted:literal)*) => {
        $(impl std::str::FromStr for $name {
            type Err = DateTimeError;

            fn from_str(text: &str) -> Result<$name, DateTimeError> {
                $name::read(text.trim()).ok_or_else(|| DateTimeError::new(text, $wanted))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        })*
    };
}

pub(super) use as_text;

/// Types that are serialized as text.
macro_rules! serialized_as_text {
    ($($name:ident)*) => {
        $(impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })*
    };
}

pub(super) use serialized_as_text;

/// Text; a template takes the day inside the marker.
impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Date::SERDE_NAME, &format_args!("{self}"))
    }
}

serialized_as_text!(Month Week);

as_text! {
    Date "a date; write it like 2026-11-21"
    Month "a month; write it like 2026-11"
    Week "a week; write it like 2026-W47"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for text in ["0001-01-01", "2024-02-29", "9999-12-31", "2026-11-21"] {
            assert_eq!(text.parse::<Date>().map(|date| date.to_string()).as_deref(), Ok(text));
        }
        for text in ["0001-01", "2026-11", "9999-12"] {
            assert_eq!(text.parse::<Month>().map(|month| month.to_string()).as_deref(), Ok(text));
        }
        for text in ["2026-W01", "2020-W53", "2025-W52"] {
            assert_eq!(text.parse::<Week>().map(|week| week.to_string()).as_deref(), Ok(text));
        }
        for bad in ["", "2021-02-29", "2024-13-45", "2024-1-1", "tomorrow", "2024-11-00", "2024-00-10", "0000-01-01"] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
        for bad in ["", "2024-13", "2024-1", "2024-11-01", "2024-W01"] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
        for bad in ["", "2021-W53", "2021-W00", "2021-W1", "2021-01", "2021W01"] {
            assert!(bad.parse::<Week>().is_err(), "{bad}");
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        for (week, monday) in [("2020-W53", "2020-12-28"), ("2021-W01", "2021-01-04"), ("2025-W01", "2024-12-30")] {
            assert_eq!(week.parse::<Week>().map(|week| week.monday().to_string()).as_deref(), Ok(monday), "{week}");
        }
    }
}
