//! Conditional and partial answers: entity tags, dates and ranges (RFC 9110 §13 and §14).

use http::{Method, StatusCode};

use crate::base::datetime::DateTime;
use crate::http::etags::ETag;
use crate::http::range::{IfRange, Range};
use crate::http::request::Request;

/// The outcome of a conditional or partial request (RFC 9110 §13 and §14).
///
/// ```
/// use hipflask::http::{Condition, ETag, Request};
///
/// let request = Request::get("/").with_header("range", "bytes=10-19");
/// let condition = Condition::of(&request, Some(&ETag::of(b"...")), None, 100);
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
    /// What `request` asks of something of `len` bytes with the tag `etag`, changed at `modified`; 0 for what has no ranges.
    /// Only GET and HEAD can have conditions on what they get (RFC 9110 §13.1 and §14.2): what another method does is
    /// done already.
    pub fn of(request: &Request, etag: Option<&ETag>, modified: Option<DateTime>, len: u64) -> Condition {
        if !Condition::is_for(request.method()) {
            return Condition::Full;
        }
        let modified = modified.map(DateTime::whole_seconds);
        let is_strong = |tag: &ETag| etag.is_some_and(|own| !own.weak && !tag.weak && own.tag == tag.tag);
        let wanted = request.if_match();
        if !wanted.is_empty() && !wanted.is_any() && !wanted.iter().any(is_strong) {
            return Condition::Failed;
        }
        let known = request.if_none_match();
        let is_known = match etag.filter(|_| !known.is_empty()) {
            Some(own) => known.contains_weak(&own.tag),
            // RFC 9110 §13.1.3: the date counts only where no tag is given.
            None if !known.is_empty() => known.is_any(),
            None => modified.zip(request.if_modified_since()).is_some_and(|(modified, since)| modified <= since),
        };
        if is_known {
            return Condition::NotModified;
        }
        let is_same_version = match request.if_range() {
            None => true,
            Some(IfRange::Tag(tag)) => is_strong(&tag),
            Some(IfRange::Date(date)) => modified == Some(date),
        };
        match request.header(http::header::RANGE).filter(|_| is_same_version && len > 0) {
            Some(range) => of_range(range, len),
            None => Condition::Full,
        }
    }

    /// Whether requests with this method can have conditions on what they get, and ask for a range of it.
    pub(crate) fn is_for(method: &Method) -> bool {
        [Method::GET, Method::HEAD].contains(method)
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

/// One range of bytes. Another unit is ignored (RFC 9110 §14.2); several ranges, or one that cannot be satisfied,
/// are refused.
fn of_range(range: &str, len: u64) -> Condition {
    let is_bytes = |(unit, _): (&str, &str)| unit.trim().eq_ignore_ascii_case("bytes");
    if !range.split_once('=').is_some_and(is_bytes) {
        return Condition::Full;
    }
    match Range::parse(range).and_then(|range| range.range_for_length(len)) {
        Some(bytes) => Condition::Partial(*bytes.start(), *bytes.end()),
        None => Condition::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask_by(method: Method, headers: &[(&'static str, &str)]) -> Condition {
        let request = Request::get("/").with_method(method);
        let request = headers.iter().fold(request, |request, (name, value)| request.with_header(name, value));
        let modified = "2020-01-02T03:04:05.7Z".parse().expect("a moment");
        Condition::of(&request, Some(&ETag { tag: "tag".to_owned(), weak: false }), Some(modified), 100)
    }

    fn ask(headers: &[(&'static str, &str)]) -> Condition {
        ask_by(Method::GET, headers)
    }

    #[test]
    fn other_methods_have_no_conditions() {
        for headers in [
            [("if-none-match", "*")],
            [("if-modified-since", "Thu, 02 Jan 2020 03:04:05 GMT")],
            [("if-match", "\"other\"")],
            [("range", "bytes=0-9")],
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE] {
                assert_eq!(ask_by(method, &headers), Condition::Full, "{headers:?}");
            }
            assert_ne!(ask_by(Method::HEAD, &headers), Condition::Full, "{headers:?}");
        }
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
        assert_eq!(range("Bytes=0-9"), Condition::Partial(0, 9));
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
