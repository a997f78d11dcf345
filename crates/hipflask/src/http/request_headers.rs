//! The headers of a request as what they say. Each is read when it is asked for; who does not ask pays nothing.

use std::borrow::Cow;

use http::Method;
use http::header::{self, HeaderName};

use crate::base::datetime::DateTime;
use crate::http::accept::Accept;
use crate::http::authorization::Authorization;
use crate::http::cache_control::CacheControl;
use crate::http::etags::{ETag, ETags};
use crate::http::headers::HeaderOptions;
use crate::http::lists::split_list;
use crate::http::range::{IfRange, Range};
use crate::http::request::Request;

/// About the body.
impl Request {
    /// The media type of the body, in lower case, without parameters.
    pub fn mimetype(&self) -> String {
        self.media_type().to_ascii_lowercase()
    }

    /// The media type of the body as the client wrote it.
    pub(crate) fn media_type(&self) -> &str {
        let header = self.header(header::CONTENT_TYPE).unwrap_or_default();
        header.split(';').next().unwrap_or_default().trim_ascii()
    }

    /// The parameters of the body's media type: `charset`, `boundary`.
    pub fn mimetype_params(&self) -> HeaderOptions {
        HeaderOptions::parse(self.header(header::CONTENT_TYPE).unwrap_or_default())
    }

    /// Whether the client says what the body is, so that reading it as a form may find one.
    pub fn want_form_data_parsed(&self) -> bool {
        self.header(header::CONTENT_TYPE).is_some_and(|text| !text.is_empty())
    }

    /// How the body is encoded: `gzip`.
    pub fn content_encoding(&self) -> Option<&str> {
        self.header(header::CONTENT_ENCODING)
    }

    /// The length of the body, if the client states it.
    pub fn content_length(&self) -> Option<u64> {
        let digits = self.header(header::CONTENT_LENGTH)?;
        digits.parse().ok().filter(|_| !digits.starts_with('+'))
    }

    /// Whether the body is declared to be JSON: `application/json` or `application/…+json`.
    pub fn is_json(&self) -> bool {
        let mimetype = self.mimetype();
        mimetype == "application/json" || (mimetype.starts_with("application/") && mimetype.ends_with("+json"))
    }
}

/// About the client, and how it came here.
impl Request {
    /// The id of the last event that a browser has got of an [`EventStream`](crate::helpers::EventStream), where it
    /// connects again: the header `Last-Event-ID`.
    pub fn last_event_id(&self) -> Option<&str> {
        self.header("last-event-id").filter(|id| !id.is_empty())
    }

    /// The page that led here, if the client says so: the header `Referer`, whose name is misspelt.
    pub fn referrer(&self) -> Option<&str> {
        self.header(header::REFERER)
    }

    /// The site whose page sent the request, if the client says so.
    pub fn origin(&self) -> Option<&str> {
        self.header(header::ORIGIN)
    }

    /// What the client says that it is; empty if it says nothing. Flask's `request.user_agent.string`.
    pub fn user_agent(&self) -> &str {
        self.header(header::USER_AGENT).unwrap_or_default()
    }

    /// When it was sent, if the client says so.
    pub fn date(&self) -> Option<DateTime> {
        self.moment(header::DATE)
    }

    /// How many more proxies may pass it on.
    pub fn max_forwards(&self) -> Option<u64> {
        self.header(header::MAX_FORWARDS)?.trim().parse().ok()
    }

    /// The addresses that it came by, the client's first, as proxies say in `X-Forwarded-For`; without that header the
    /// address of the peer. Anybody can write the header, so believe no more of it than your own proxy has written.
    ///
    /// ```
    /// let request = hipflask::http::Request::get("/").with_header("x-forwarded-for", "192.0.2.1, 10.0.0.1");
    /// assert_eq!(request.access_route(), ["192.0.2.1", "10.0.0.1"]);
    /// ```
    pub fn access_route(&self) -> Vec<String> {
        match self.joined("x-forwarded-for") {
            Some(route) => split_list(&route).map(str::to_owned).collect(),
            None => self.remote_addr().iter().map(ToString::to_string).collect(),
        }
    }

    /// The method that a page of another site asks to use (CORS).
    pub fn access_control_request_method(&self) -> Option<Method> {
        self.header(header::ACCESS_CONTROL_REQUEST_METHOD)?.parse().ok()
    }

    /// The headers that a page of another site asks to send (CORS), in lower case.
    pub fn access_control_request_headers(&self) -> Vec<String> {
        let names = self.joined(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        split_list(&names).map(str::to_ascii_lowercase).collect()
    }

    /// Who the client says that it is: the header `Authorization`, if it can be read.
    ///
    /// ```
    /// let request = hipflask::http::Request::get("/").with_header("authorization", "Basic QWRhOng6eQ==");
    /// let authorization = request.authorization().unwrap();
    /// assert_eq!((authorization.username(), authorization.password()), (Some("Ada"), Some("x:y")));
    /// ```
    pub fn authorization(&self) -> Option<Authorization> {
        Authorization::parse(self.header(header::AUTHORIZATION)?)
    }
}

/// What the client would like.
impl Request {
    /// The media types that the client accepts. Flask's `request.accept_mimetypes`.
    pub fn accept(&self) -> Accept {
        Accept::parse(&self.joined(header::ACCEPT).unwrap_or_default())
    }

    /// The languages that the client accepts.
    pub fn accept_languages(&self) -> Accept {
        Accept::languages(&self.joined(header::ACCEPT_LANGUAGE).unwrap_or_default())
    }

    /// The charsets that the client accepts.
    pub fn accept_charsets(&self) -> Accept {
        Accept::charsets(&self.joined(header::ACCEPT_CHARSET).unwrap_or_default())
    }

    /// The encodings that the client accepts: `gzip`, `br`.
    pub fn accept_encodings(&self) -> Accept {
        Accept::encodings(&self.joined(header::ACCEPT_ENCODING).unwrap_or_default())
    }

    /// What caches may do, for the client.
    pub fn cache_control(&self) -> CacheControl {
        CacheControl::parse(&self.joined(header::CACHE_CONTROL).unwrap_or_default())
    }
}

/// On which conditions it wants what it asks for. [`Condition`](crate::http::Condition) decides.
impl Request {
    /// The versions of which it wants one.
    pub fn if_match(&self) -> ETags {
        ETags::parse(&self.joined(header::IF_MATCH).unwrap_or_default())
    }

    /// The versions of which it wants none, because it has them.
    pub fn if_none_match(&self) -> ETags {
        ETags::parse(&self.joined(header::IF_NONE_MATCH).unwrap_or_default())
    }

    /// It wants only what has changed since.
    pub fn if_modified_since(&self) -> Option<DateTime> {
        self.moment(header::IF_MODIFIED_SINCE)
    }

    /// It wants only what has not changed since.
    pub fn if_unmodified_since(&self) -> Option<DateTime> {
        self.moment(header::IF_UNMODIFIED_SINCE)
    }

    /// The version that it wants a range of.
    pub fn if_range(&self) -> Option<IfRange> {
        let text = self.header(header::IF_RANGE).filter(|text| !text.is_empty())?;
        match DateTime::from_http(text) {
            Some(date) => Some(IfRange::Date(date)),
            // One that cannot be read is of no version that we have.
            None => Some(IfRange::Tag(ETag::parse(text).unwrap_or(ETag { tag: text.to_owned(), weak: true }))),
        }
    }

    /// The ranges that it wants, if they can be read.
    pub fn range(&self) -> Option<Range> {
        Range::parse(self.header(header::RANGE)?)
    }

    fn moment(&self, name: HeaderName) -> Option<DateTime> {
        DateTime::from_http(self.header(name)?)
    }

    /// A list, which may be sent in several fields (RFC 9110 §5.3).
    fn joined(&self, name: impl header::AsHeaderName) -> Option<Cow<'_, str>> {
        let mut values = self.header_all(name);
        let first = values.next()?;
        Some(values.fold(Cow::Borrowed(first), |all, value| Cow::Owned(format!("{all},{value}"))))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_known_by_its_type() {
        for (content_type, json) in [
            ("application/json; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/json", false),
            ("", false),
        ] {
            assert_eq!(Request::get("/").with_header("content-type", content_type).is_json(), json, "{content_type}");
        }
    }

    #[test]
    fn what_is_not_ascii_is_text() {
        let mut request = Request::get("/").with_header("x-name", "J\u{f6}rg");
        request.headers_mut().insert("user-agent", HeaderValue::from_bytes(b"J\xf6rg").expect("a value"));
        request.headers_mut().append("x-name", HeaderValue::from_bytes(b"\xf6").expect("a value"));
        assert_eq!(request.user_agent(), "J\u{f6}rg");
        assert_eq!(request.header_all("x-name").collect::<Vec<_>>(), ["J\u{f6}rg", "\u{f6}"]);
        request.headers_mut().insert("user-agent", HeaderValue::from_bytes(b"\xe9").expect("a value"));
        assert_eq!(request.user_agent(), "\u{e9}");
    }

    #[test]
    fn lists_may_come_in_several_fields() {
        let mut request = Request::get("/").with_header("if-none-match", "\"a\"");
        request.headers_mut().append("if-none-match", HeaderValue::from_static("W/\"b\""));
        assert!(request.if_none_match().contains("a") && request.if_none_match().contains_weak("b"));
        assert!(request.if_match().is_empty());
    }
}
