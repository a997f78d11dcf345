//! Conditional and partial answers: entity tags, dates and ranges (RFC 9110 §13 and §14).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, StatusCode, header};

/// The outcome of a conditional or partial request (RFC 9110 §13 and §14).
///
/// ```
/// use std::time::SystemTime;
///
/// use hipflask::http::{Condition, Request};
///
/// let request = Request::get("/").with_header("range", "bytes=10-19");
/// let condition = Condition::of(request.headers(), "v1", SystemTime::UNIX_EPOCH, 100);
/// assert_eq!(condition, Condition::Partial(10, 19));
/// assert_eq!(condition.status(), 206);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Send everything: 200.
    Full,
    /// Send these bytes, first and last included: 206.
    Partial(u64, u64),
    /// The client already has it: 304.
    NotModified,
    /// The client meant another version: 412.
    Failed,
    /// The range is not in the file: 416.
    Unsatisfiable,
}

impl Condition {
    /// What `headers` ask of a file of `len` bytes with the strong tag `etag`, changed at `modified`.
    pub fn of(headers: &HeaderMap, etag: &str, modified: SystemTime, len: u64) -> Condition {
        evaluate(headers, etag, modified, len)
    }

    /// The status that says so.
    pub fn status(&self) -> StatusCode {
        match self {
            Condition::Full => StatusCode::OK,
            Condition::Partial(..) => StatusCode::PARTIAL_CONTENT,
            Condition::NotModified => StatusCode::NOT_MODIFIED,
            Condition::Failed => StatusCode::PRECONDITION_FAILED,
            Condition::Unsatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }
}

fn evaluate(headers: &HeaderMap, etag: &str, modified: SystemTime, len: u64) -> Condition {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let modified = whole_seconds(modified);
    if let Some(tags) = text(header::IF_MATCH)
        && !lists(tags, etag, Comparison::Strong)
    {
        return Condition::Failed;
    }
    let unchanged = match text(header::IF_NONE_MATCH) {
        Some(tags) => lists(tags, etag, Comparison::Weak),
        None => text(header::IF_MODIFIED_SINCE).and_then(date).is_some_and(|since| modified <= since),
    };
    if unchanged {
        return Condition::NotModified;
    }
    match text(header::RANGE) {
        Some(range) if text(header::IF_RANGE).is_none_or(|validator| same_version(validator, etag, modified)) => {
            parse_range(range, len)
        }
        _ => Condition::Full,
    }
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// Dates in headers have no fractions of a second, so those of a file's time are dropped before comparing.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags contains `etag` (without quotes) or is `*`.
fn lists(tags: &str, etag: &str, comparison: Comparison) -> bool {
    tags.split(',').map(str::trim).any(|tag| {
        let (weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
        let bare = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(tag);
        tag == "*" || (bare == etag && !(weak && comparison == Comparison::Strong))
    })
}

/// RFC 9110 §13.1.5: a strong tag, or the exact date.
fn same_version(validator: &str, etag: &str, modified: SystemTime) -> bool {
    if validator.contains('"') { lists(validator, etag, Comparison::Strong) } else { date(validator) == Some(modified) }
}

/// One range of bytes. Another unit is ignored (RFC 9110 §14.2); several ranges, or one that cannot be satisfied,
/// are refused. No range can be satisfied in an empty file, which is sent as it is.
fn parse_range(range: &str, len: u64) -> Condition {
    let Some(spec) = range.trim().strip_prefix("bytes=").filter(|_| len > 0) else {
        return Condition::Full;
    };
    // A number that is too large for us is beyond the end of any file.
    let number = |text: &str| {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            Some(text.parse::<u64>().unwrap_or(u64::MAX))
        } else {
            None
        }
    };
    let bounds = spec.split_once('-').and_then(|(first, last)| match (first.trim(), last.trim()) {
        ("", suffix) => number(suffix).filter(|n| *n > 0).map(|n| (len.saturating_sub(n), len - 1)),
        (first, "") => Some((number(first)?, len - 1)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((first, last.min(len - 1)))
        }
    });
    match bounds {
        Some((first, last)) if first < len => Condition::Partial(first, last),
        _ => Condition::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(headers: &[(&'static str, &str)]) -> Condition {
        let headers = headers.iter().map(|(k, v)| (k.parse().expect("name"), v.parse().expect("value"))).collect();
        let modified = date("Thu, 02 Jan 2020 03:04:05 GMT").expect("date") + Duration::from_millis(700);
        evaluate(&headers, "tag", modified, 100)
    }

    #[test]
    fn tags_come_before_dates() {
        assert_eq!(ask(&[("if-none-match", "\"x\", W/\"tag\"")]), Condition::NotModified);
        assert_eq!(ask(&[("if-none-match", "*")]), Condition::NotModified);
        let later = ("if-modified-since", "Thu, 02 Jan 2020 03:04:05 GMT");
        assert_eq!(ask(&[later]), Condition::NotModified);
        assert_eq!(ask(&[("if-none-match", "\"x\""), later]), Condition::Full);
        assert_eq!(ask(&[("if-match", "W/\"tag\"")]), Condition::Failed);
        assert_eq!(ask(&[("if-match", "\"tag\"")]), Condition::Full);
    }

    #[test]
    fn one_range_is_served_and_the_rest_refused() {
        let range = |text| ask(&[("range", text)]);
        assert_eq!(range("bytes=0-9"), Condition::Partial(0, 9));
        assert_eq!(range("bytes=90-"), Condition::Partial(90, 99));
        assert_eq!(range("bytes=-10"), Condition::Partial(90, 99));
        assert_eq!(range("bytes=-1000"), Condition::Partial(0, 99));
        assert_eq!(range("bytes=50-1000"), Condition::Partial(50, 99));
        assert_eq!(range("bytes=90-99999999999999999999"), Condition::Partial(90, 99));
        assert_eq!(range("lines=0-9"), Condition::Full);
        for bad in [
            "bytes=",
            "bytes=-",
            "bytes=-0",
            "bytes=100-",
            "bytes=9-1",
            "bytes=0-1,5-6",
            "bytes=+1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(range(bad), Condition::Unsatisfiable, "{bad}");
        }
    }

    #[test]
    fn a_range_of_another_version_gets_everything() {
        let with = |validator| ask(&[("range", "bytes=0-9"), ("if-range", validator)]);
        assert_eq!(with("\"tag\""), Condition::Partial(0, 9));
        assert_eq!(with("W/\"tag\""), Condition::Full);
        assert_eq!(with("\"old\""), Condition::Full);
        assert_eq!(with("Thu, 02 Jan 2020 03:04:05 GMT"), Condition::Partial(0, 9));
        assert_eq!(with("Thu, 02 Jan 2020 03:04:06 GMT"), Condition::Full);
    }
}
