//! Ranges of bytes: those that a client asks for, and the one that a response has (RFC 9110 §14).

use std::fmt;
use std::ops::RangeInclusive;

use crate::base::datetime::DateTime;
use crate::http::etags::ETag;

/// The ranges that a client asks for with `Range`. Werkzeug's `Range`.
///
/// ```
/// use hipflask::http::{Range, RangeSpec};
///
/// let range = Range::parse("bytes=0-9, -5").unwrap();
/// assert_eq!((range.units(), range.ranges()), ("bytes", &[RangeSpec::Between(0, 9), RangeSpec::Last(5)][..]));
/// assert_eq!(Range::parse("bytes=-5").unwrap().range_for_length(100), Some(95..=99));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    units: String,
    ranges: Vec<RangeSpec>,
}

/// One of the ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// From this byte to the end.
    Starting(u64),
    /// From the first to the last, both included.
    Between(u64, u64),
    /// This many bytes at the end, or all if there are fewer.
    Last(u64),
}

impl Range {
    /// Reads the field; `None` if it is not well formed, or if its ranges are not in order.
    pub fn parse(header: &str) -> Option<Range> {
        let (units, ranges) = header.split_once('=')?;
        let ranges: Vec<RangeSpec> = ranges.split(',').map(RangeSpec::parse).collect::<Option<_>>()?;
        in_order(&ranges).then(|| Range { units: units.trim().to_ascii_lowercase(), ranges })
    }

    /// What the ranges are of: `bytes`.
    pub fn units(&self) -> &str {
        &self.units
    }

    /// The ranges.
    pub fn ranges(&self) -> &[RangeSpec] {
        &self.ranges
    }

    /// The bytes of a representation of `length` bytes, if exactly one range is asked for and it can be satisfied.
    pub fn range_for_length(&self, length: u64) -> Option<RangeInclusive<u64>> {
        let [range] = *self.ranges else { return None };
        let last = length.checked_sub(1).filter(|_| self.units == "bytes")?;
        match range {
            RangeSpec::Starting(first) if first <= last => Some(first..=last),
            RangeSpec::Between(first, to) if first <= last => Some(first..=to.min(last)),
            RangeSpec::Last(count) => Some(length.saturating_sub(count)..=last),
            _ => None,
        }
    }
}

impl RangeSpec {
    fn parse(text: &str) -> Option<RangeSpec> {
        let (first, last) = text.trim_matches([' ', '\t']).split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", count) => number(count).filter(|count| *count > 0).map(RangeSpec::Last),
            (first, "") => number(first).map(RangeSpec::Starting),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(RangeSpec::Between(first, last))
            }
        }
    }
}

/// A number that is too large for us is beyond the end of any file.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether each range begins after the one before it; nothing can follow one that goes to the end.
fn in_order(ranges: &[RangeSpec]) -> bool {
    ranges.windows(2).all(|pair| match pair {
        [RangeSpec::Between(_, last), RangeSpec::Starting(first) | RangeSpec::Between(first, _)] => first > last,
        [RangeSpec::Between(..), RangeSpec::Last(_)] => true,
        _ => false,
    })
}

/// What `If-Range` names: the version that a range is wanted of (RFC 9110 §13.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfRange {
    /// The version with this tag; a weak one never matches.
    Tag(ETag),
    /// The version that was changed at exactly this moment.
    Date(DateTime),
}

/// The range that a response has, of how many bytes: `Content-Range`. Werkzeug's `ContentRange`.
///
/// ```
/// use hipflask::http::ContentRange;
///
/// let range = ContentRange::parse("bytes 0-9/100").unwrap();
/// assert_eq!((range.range.clone(), range.length), (Some(0..=9), Some(100)));
/// assert_eq!(range.to_string(), "bytes 0-9/100");
/// assert_eq!(ContentRange::unsatisfied(100).to_string(), "bytes */100");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// `bytes`
    pub units: String,
    /// The first and the last byte; `None` if no range could be satisfied.
    pub range: Option<RangeInclusive<u64>>,
    /// The length of the whole; `None` if it is not known.
    pub length: Option<u64>,
}

impl ContentRange {
    /// These bytes of so many.
    pub fn new(range: RangeInclusive<u64>, length: Option<u64>) -> ContentRange {
        ContentRange { units: "bytes".to_owned(), range: Some(range), length }
    }

    /// No range of these bytes is the one that was asked for: what a 416 says.
    pub fn unsatisfied(length: u64) -> ContentRange {
        ContentRange { units: "bytes".to_owned(), range: None, length: Some(length) }
    }

    /// Reads the field; `None` if it is not well formed.
    pub fn parse(header: &str) -> Option<ContentRange> {
        let (units, rest) = header.trim().split_once([' ', '\t'])?;
        let (range, length) = rest.trim().split_once('/')?;
        let length = if length == "*" { None } else { Some(number(length)?) };
        let range = match range {
            "*" => None,
            range => match RangeSpec::parse(range)? {
                RangeSpec::Between(first, last) if length.is_none_or(|length| last < length) => Some(first..=last),
                _ => return None,
            },
        };
        Some(ContentRange { units: units.to_owned(), range, length })
    }
}

/// As it is in the header.
impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = self.range.as_ref().map(|range| format!("{}-{}", range.start(), range.end()));
        let length = self.length.map(|length| length.to_string());
        let known = |text: Option<String>| text.unwrap_or_else(|| "*".to_owned());
        write!(f, "{} {}/{}", self.units, known(range), known(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order_or_none_at_all() {
        use RangeSpec::{Between, Last, Starting};
        let ranges = |text: &str| Range::parse(text).map(|range| range.ranges);
        assert_eq!(ranges("bytes=0-1,3-4, 6-"), Some(vec![Between(0, 1), Between(3, 4), Starting(6)]));
        assert_eq!(ranges("bytes=0-1,-1"), Some(vec![Between(0, 1), Last(1)]));
        for bad in ["bytes=0-3,3-4", "bytes=3-,5-6", "bytes=-1,0-1", "bytes=-1,-2", "bytes", "bytes=x", "bytes=1-0"] {
            assert_eq!(ranges(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_content_range_is_none() {
        for bad in ["bytes", "bytes 0-9", "bytes 9-0/100", "bytes 0-/100", "bytes 0-100/100", "bytes -5/100"] {
            assert_eq!(ContentRange::parse(bad), None, "{bad}");
        }
        assert_eq!(ContentRange::parse("bytes 0-9/*").and_then(|range| range.length), None);
    }
}
