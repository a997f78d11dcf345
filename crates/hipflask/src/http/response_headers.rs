//! The headers of a response as what they say. Texts have no methods of their own: `with_header("location", …)`.

use std::time::Duration;

use http::HeaderValue;
use http::header::{self, HeaderName};

use crate::base::datetime::DateTime;
use crate::base::error::{Error, Result};
use crate::http::authorization::WwwAuthenticate;
use crate::http::cache_control::CacheControl;
use crate::http::etags::ETag;
use crate::http::headers::HeaderOptions;
use crate::http::headers::http_date;
use crate::http::lists::split_list;
use crate::http::range::ContentRange;
use crate::http::response::Response;

/// When to try again: `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this time.
    In(Duration),
    /// At this moment.
    At(DateTime),
}

/// What a header says, and how it is written.
trait Typed: Sized {
    fn read(text: &str) -> Option<Self>;
    fn written(&self) -> String;
}

impl Typed for Duration {
    fn read(text: &str) -> Option<Duration> {
        text.trim().parse().ok().map(Duration::from_secs)
    }

    fn written(&self) -> String {
        self.as_secs().to_string()
    }
}

impl Typed for u64 {
    fn read(text: &str) -> Option<u64> {
        text.trim().parse().ok()
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

impl Typed for DateTime {
    fn read(text: &str) -> Option<DateTime> {
        DateTime::from_http(text)
    }

    fn written(&self) -> String {
        http_date((*self).into())
    }
}

impl Typed for RetryAfter {
    fn read(text: &str) -> Option<RetryAfter> {
        Duration::read(text).map(RetryAfter::In).or_else(|| DateTime::read(text).map(RetryAfter::At))
    }

    fn written(&self) -> String {
        match self {
            RetryAfter::In(time) => time.written(),
            RetryAfter::At(moment) => moment.written(),
        }
    }
}

/// A list of names: languages, methods.
impl Typed for Vec<String> {
    fn read(text: &str) -> Option<Vec<String>> {
        Some(split_list(text).map(str::to_owned).collect())
    }

    fn written(&self) -> String {
        self.join(", ")
    }
}

macro_rules! parsed {
    ($($typed:ty = $read:expr;)*) => {
        $(impl Typed for $typed {
            fn read(text: &str) -> Option<$typed> {
                $read(text)
            }

            fn written(&self) -> String {
                self.to_string()
            }
        })*
    };
}

parsed! {
    CacheControl = |text| Some(CacheControl::parse(text));
    ContentRange = ContentRange::parse;
    ETag = ETag::parse;
    WwwAuthenticate = WwwAuthenticate::parse;
}

macro_rules! headers {
    ($($(#[$doc:meta])* $get:ident $set:ident: $typed:ty = $name:ident;)*) => {
        /// Headers by what they say. A header that is not there, or cannot be read, is `None`.
        ///
        /// ```
        /// use std::time::Duration;
        ///
        /// use hipflask::Response;
        /// use hipflask::http::{CacheControl, RetryAfter};
        ///
        /// let mut response = Response::new("busy").with_status(503);
        /// response.set_retry_after(&RetryAfter::In(Duration::from_secs(120)))?;
        /// response.set_cache_control(&CacheControl::default().with_no_store())?;
        /// assert_eq!(response.headers()["retry-after"], "120");
        /// assert!(response.cache_control().unwrap().no_store());
        /// # Ok::<(), hipflask::Error>(())
        /// ```
        ///
        /// # Errors
        ///
        /// A method that sets one fails if a text in the value is not allowed in a header.
        impl Response {
            $(
                $(#[$doc])*
                pub fn $get(&self) -> Option<$typed> {
                    self.typed(header::$name)
                }

                #[doc = concat!("Sets [`", stringify!($get), "`](Response::", stringify!($get), ").")]
                ///
                /// # Errors
                ///
                /// If a text in the value is not allowed in a header.
                pub fn $set(&mut self, value: &$typed) -> Result<()> {
                    self.set_typed(header::$name, value)
                }
            )*
        }
    };
}

headers! {
    /// What caches may do.
    cache_control set_cache_control: CacheControl = CACHE_CONTROL;
    /// How long ago a cache got it.
    age set_age: Duration = AGE;
    /// When to try again, of a 503 or 429.
    retry_after set_retry_after: RetryAfter = RETRY_AFTER;
    /// When it was made.
    date set_date: DateTime = DATE;
    /// Until when it is fresh.
    expires set_expires: DateTime = EXPIRES;
    /// When what it shows was last changed.
    last_modified set_last_modified: DateTime = LAST_MODIFIED;
    /// The length of its body, if it is written down.
    content_length set_content_length: u64 = CONTENT_LENGTH;
    /// Which part of the whole its body is, of a 206.
    content_range set_content_range: ContentRange = CONTENT_RANGE;
    /// The languages that it is for.
    content_language set_content_language: Vec<String> = CONTENT_LANGUAGE;
    /// The methods that its path has, of a 405.
    allow set_allow: Vec<String> = ALLOW;
    /// How a client may authenticate itself, of a 401.
    www_authenticate set_www_authenticate: WwwAuthenticate = WWW_AUTHENTICATE;
}

impl Response {
    /// Keeps it out of caches that have many clients, because it depends on the session of one. What a view has said
    /// about caches stands, but not together with a cookie: another client would be given that.
    pub(crate) fn keep_private(&mut self) {
        let Some(said) = self.headers().get(header::CACHE_CONTROL) else {
            self.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            return;
        };
        let said = CacheControl::parse(said.to_str().unwrap_or_default());
        if said.is_shared()
            && self.headers().contains_key(header::SET_COOKIE)
            && let Ok(value) = HeaderValue::from_str(&said.for_one_client().to_string())
        {
            self.headers_mut().insert(header::CACHE_CONTROL, value);
        }
    }

    /// The media type of the body, in lower case, without parameters.
    pub fn mimetype(&self) -> Option<String> {
        Some(self.mimetype_params()?.value)
    }

    /// The media type of the body with its parameters.
    pub fn mimetype_params(&self) -> Option<HeaderOptions> {
        Some(HeaderOptions::parse(self.text(header::CONTENT_TYPE)?))
    }

    pub(super) fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    fn typed<T: Typed>(&self, name: HeaderName) -> Option<T> {
        T::read(self.text(name)?)
    }

    fn set_typed<T: Typed>(&mut self, name: HeaderName, value: &T) -> Result<()> {
        let text = value.written();
        match HeaderValue::from_str(&text) {
            Ok(value) => _ = self.headers_mut().insert(name, value),
            Err(_) => return Err(Error::msg(format!("`{}` is not allowed in `{name}`", text.escape_debug()))),
        }
        Ok(())
    }

    /// The entity tag: what names this version of what is shown. Flask's `get_etag`.
    pub fn etag(&self) -> Option<ETag> {
        self.typed(header::ETAG)
    }

    /// Sets the entity tag; a `weak` one says that versions are equivalent, not that they are the same bytes.
    ///
    /// # Errors
    ///
    /// If `tag` contains a quote, or what is not allowed in a header.
    pub fn set_etag(&mut self, tag: impl Into<String>, weak: bool) -> Result<()> {
        let tag = tag.into();
        if tag.contains('"') {
            return Err(Error::msg(format!("the entity tag `{}` contains a quote", tag.escape_debug())));
        }
        self.set_typed(header::ETAG, &ETag { tag, weak })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_back() -> Result<()> {
        let mut response = Response::new("x");
        let moment: DateTime = "2020-01-02T03:04:05Z".parse()?;
        response.set_expires(&moment)?;
        response.set_retry_after(&RetryAfter::At(moment))?;
        response.set_content_range(&ContentRange::new(0..=4, Some(10)))?;
        response.set_content_language(&vec!["de".to_owned(), "en".to_owned()])?;
        response.set_www_authenticate(&WwwAuthenticate::basic("shop"))?;
        response.set_etag("v1", true)?;
        assert_eq!(response.headers()["expires"], "Thu, 02 Jan 2020 03:04:05 GMT");
        assert_eq!((response.expires(), response.retry_after()), (Some(moment), Some(RetryAfter::At(moment))));
        assert_eq!(response.headers()["content-range"], "bytes 0-4/10");
        assert_eq!(response.content_language().unwrap_or_default(), ["de", "en"]);
        assert_eq!(response.headers()["etag"], "W/\"v1\"");
        assert_eq!((response.age(), response.mimetype()), (None, Some("text/plain".to_owned())));
        Ok(())
    }

    #[test]
    fn nothing_splits_a_response() {
        let mut response = Response::new("x");
        assert!(response.set_cache_control(&CacheControl::default().with("a\r\nb", None)).is_err());
        assert!(response.set_www_authenticate(&WwwAuthenticate::basic("a\nb")).is_err());
        assert!(response.set_etag("a\"b", false).is_err());
    }
}
