//! Moments as text, by Python's `strftime`.

use std::fmt::Write;

use crate::base::datetime::{DAY, DateTime, Parts, SECOND, days_from_civil, iso_week};

impl DateTime {
    /// Formats it as Python's `strftime` does on Linux: `%Y-%m-%d %H:%M`. An unknown directive is left as it is.
    pub fn strftime(self, format: &str) -> String {
        let mut out = String::with_capacity(format.len() + 16);
        let moment = Directives::of(self);
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => {
                    let (padded, directive) = match chars.next() {
                        Some('-') => (false, chars.next()),
                        directive => (true, directive),
                    };
                    moment.push(&mut out, directive, padded);
                }
                c => out.push(c),
            }
        }
        out
    }
}

/// What directives need of a moment.
struct Directives {
    moment: DateTime,
    parts: Parts,
    /// Since 1970-01-01.
    day: i64,
    /// From 0.
    day_of_year: i64,
    /// From Sunday, which is 0.
    weekday: i64,
}

impl Directives {
    fn of(moment: DateTime) -> Directives {
        let (parts, day) = (moment.parts(), moment.unix_micros().div_euclid(DAY));
        let day_of_year = day - days_from_civil(parts.year, 1, 1);
        // 1970-01-01 was a Thursday.
        Directives { moment, parts, day, day_of_year, weekday: (day + 4).rem_euclid(7) }
    }

    fn push(&self, out: &mut String, directive: Option<char>, padded: bool) {
        let p = &self.parts;
        let hour12 = (p.hour + 11) % 12 + 1;
        let mut number = |value: i64, width: usize| {
            let width = if padded { width } else { 0 };
            write!(out, "{value:0width$}")
        };
        let _ = match directive {
            Some('Y') => number(p.year, 4),
            Some('y') => number(p.year % 100, 2),
            Some('C') => number(p.year / 100, 2),
            Some('G') => number(iso_week(self.day).0, 4),
            Some('g') => number(iso_week(self.day).0 % 100, 2),
            Some('V') => number(iso_week(self.day).1, 2),
            // Weeks that begin with the first Sunday, or the first Monday, of the year.
            Some('U') => number((self.day_of_year + 7 - self.weekday) / 7, 2),
            Some('W') => number((self.day_of_year + 7 - (self.weekday + 6) % 7) / 7, 2),
            Some('m') => number(p.month.into(), 2),
            Some('d') => number(p.day.into(), 2),
            Some('H') => number(p.hour.into(), 2),
            Some('I') => number(hour12.into(), 2),
            Some('M') => number(p.minute.into(), 2),
            Some('S') => number(p.second.into(), 2),
            Some('f') => write!(out, "{:06}", p.micro),
            Some('j') => number(self.day_of_year + 1, 3),
            Some('w') => number(self.weekday, 1),
            Some('u') => number((self.weekday + 6) % 7 + 1, 1),
            Some('s') => write!(out, "{}", self.moment.unix_micros().div_euclid(SECOND)),
            other => self.push_text(out, other, padded, hour12),
        };
    }

    /// What is more than a number, or is padded with spaces.
    fn push_text(&self, out: &mut String, directive: Option<char>, padded: bool, hour12: u32) -> std::fmt::Result {
        let p = &self.parts;
        let spaced = |value: u32| if padded { format!("{value:2}") } else { value.to_string() };
        let (weekday, month) = (WEEKDAYS[self.weekday as usize % 7], MONTHS[(p.month as usize + 11) % 12]);
        let half = |am: &'static str, pm: &'static str| if p.hour < 12 { am } else { pm };
        match directive {
            Some('e') => out.write_str(&spaced(p.day)),
            Some('k') => out.write_str(&spaced(p.hour)),
            Some('l') => out.write_str(&spaced(hour12)),
            Some('a') => out.write_str(&weekday[..3]),
            Some('A') => out.write_str(weekday),
            Some('b' | 'h') => out.write_str(&month[..3]),
            Some('B') => out.write_str(month),
            Some('p') => out.write_str(half("AM", "PM")),
            Some('P') => out.write_str(half("am", "pm")),
            Some('z') => out.write_str("+0000"),
            Some('Z') => out.write_str("UTC"),
            Some('n') => out.write_str("\n"),
            Some('t') => out.write_str("\t"),
            Some('%') | None => out.write_str("%"),
            Some(other) => match compound(other) {
                Some(format) => out.write_str(&self.moment.strftime(format)),
                None => write!(out, "%{}{other}", if padded { "" } else { "-" }),
            },
        }
    }
}

/// Directives that stand for several others, in the locale C.
fn compound(directive: char) -> Option<&'static str> {
    Some(match directive {
        'F' => "%Y-%m-%d",
        'T' | 'X' => "%H:%M:%S",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'D' | 'x' => "%m/%d/%y",
        'c' => "%a %b %e %H:%M:%S %Y",
        _ => return None,
    })
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python 3.13 prints on a Debian.
    #[test]
    fn formats_are_pythons() {
        let every = "%Y|%y|%C|%G|%g|%V|%U|%W|%m|%d|%H|%I|%M|%S|%f|%j|%w|%u|%e|%k|%l|%a|%A|%b|%h|%B|%p|%P|%%|%F|%T|%R|%r|%D|%c|%x|%X";
        for (moment, text) in [
            (
                "4867-05-04T23:25:30.162500+00:00",
                "4867|67|48|4867|67|18|18|18|05|04|23|11|25|30|162500|124|3|3| 4|23|11|Wed|Wednesday|May|May|May|PM|pm|%|4867-05-04|23:25:30|23:25|11:25:30 PM|05/04/67|Wed May  4 23:25:30 4867|05/04/67|23:25:30",
            ),
            (
                "8062-08-06T07:19:16.852064+00:00",
                "8062|62|80|8062|62|31|32|31|08|06|07|07|19|16|852064|218|0|7| 6| 7| 7|Sun|Sunday|Aug|Aug|August|AM|am|%|8062-08-06|07:19:16|07:19|07:19:16 AM|08/06/62|Sun Aug  6 07:19:16 8062|08/06/62|07:19:16",
            ),
            (
                "2021-01-03T00:00:00+00:00",
                "2021|21|20|2020|20|53|01|00|01|03|00|12|00|00|000000|003|0|7| 3| 0|12|Sun|Sunday|Jan|Jan|January|AM|am|%|2021-01-03|00:00:00|00:00|12:00:00 AM|01/03/21|Sun Jan  3 00:00:00 2021|01/03/21|00:00:00",
            ),
            (
                "2024-12-30T00:05:00+00:00",
                "2024|24|20|2025|25|01|52|53|12|30|00|12|05|00|000000|365|1|1|30| 0|12|Mon|Monday|Dec|Dec|December|AM|am|%|2024-12-30|00:05:00|00:05|12:05:00 AM|12/30/24|Mon Dec 30 00:05:00 2024|12/30/24|00:05:00",
            ),
            (
                "2020-12-31T12:00:00+00:00",
                "2020|20|20|2020|20|53|52|52|12|31|12|12|00|00|000000|366|4|4|31|12|12|Thu|Thursday|Dec|Dec|December|PM|pm|%|2020-12-31|12:00:00|12:00|12:00:00 PM|12/31/20|Thu Dec 31 12:00:00 2020|12/31/20|12:00:00",
            ),
        ] {
            assert_eq!(
                moment.parse::<DateTime>().map(|moment| moment.strftime(every)).as_deref(),
                Ok(text),
                "{moment}"
            );
        }
        let moment: DateTime = "2026-01-02T03:04:05Z".parse().expect("a moment");
        assert_eq!(
            moment.strftime("%-d %-m %-H %-I %-j %-k %-l %-e %-y %-V %q %-q %-F %-S %-U %E %n%t%"),
            "2 1 3 3 2 3 3 2 26 1 %q %-q 2026-01-02 5 0 %E \n\t%"
        );
        assert_eq!(moment.strftime("%A %-d %B %Y, %I:%M %p, day %j"), "Friday 2 January 2026, 03:04 AM, day 002");
    }
}
