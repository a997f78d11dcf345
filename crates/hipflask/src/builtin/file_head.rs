//! What a response says of the file that it sends.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::base::datetime::DateTime;
use crate::base::error::{HttpError, Result};
use crate::builtin::file_settings::{default_max_age, media_type};
use crate::context::Context;
use crate::http::conditional::Condition;
use crate::http::etags::ETag;
use crate::http::headers::{content_disposition, http_date, with_charset};
use crate::http::media_types::guess_type;
use crate::http::range::ContentRange;
use crate::http::response::Response;

/// What may be beside a file with the same content, the best first: how it is encoded, and how its name ends.
const ENCODINGS: [(&str, &str); 3] = [("br", "br"), ("zstd", "zst"), ("gzip", "gz")];

/// What is known of a file before it is sent.
pub(super) struct FileHead<'f> {
    pub(super) name: Option<&'f str>,
    pub(super) mimetype: Option<&'f str>,
    pub(super) attachment: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) etag: Option<ETag>,
    pub(super) modified: Option<DateTime>,
    /// `None` if it is not known before it is sent.
    pub(super) len: Option<u64>,
    pub(super) conditional: bool,
    /// That of the file beside it which is sent in its place.
    pub(super) encoding: Option<&'static str>,
    /// Whether another client would get another encoding.
    pub(super) varies: bool,
}

impl FileHead<'_> {
    pub(super) fn condition(&self, ctx: &Context) -> Condition {
        if !self.conditional {
            return Condition::Full;
        }
        Condition::of(ctx.request(), self.etag.as_ref(), self.modified, self.len.unwrap_or(0))
    }

    /// Status and headers.
    ///
    /// # Errors
    ///
    /// 416 if the range that the client asks for cannot be had.
    pub(super) fn response(&self, ctx: &Context, condition: &Condition) -> Result<Response> {
        let len = self.len.unwrap_or(0);
        if *condition == Condition::Unsatisfiable {
            let range = ContentRange::unsatisfied(len).to_string();
            return Err(HttpError::new(416).header("content-range", range).into());
        }
        let mut response = Response::default().with_status(condition.status());
        if self.varies {
            response.vary("Accept-Encoding");
        }
        if let Condition::Partial(first, last) = condition {
            response.set_content_range(&ContentRange::new(*first..=*last, Some(len)))?;
        }
        let headers = response.headers_mut();
        self.describe_content(ctx, headers)?;
        self.describe_version(ctx, headers)?;
        Ok(response)
    }

    /// The response with this content.
    pub(super) fn respond_with(&self, ctx: &Context, data: &Bytes) -> Result<Response> {
        let condition = self.condition(ctx);
        let mut response = self.response(ctx, &condition)?;
        if let Some((first, count)) = bytes_of(&condition, data.len() as u64) {
            let at = |place: u64| usize::try_from(place).map_or(data.len(), |place| place.min(data.len()));
            *response.body_mut() = data.slice(at(first)..at(first + count)).into();
        }
        Ok(response)
    }

    /// The response that a proxy completes, which answers what is asked of ranges too.
    pub(super) fn passed_on(&self, ctx: &Context, name: HeaderName, value: HeaderValue) -> Result<Response> {
        let condition = match self.condition(ctx) {
            known @ (Condition::NotModified | Condition::Failed) => known,
            _ => Condition::Full,
        };
        let mut response = self.response(ctx, &condition)?;
        if condition == Condition::Full {
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    fn describe_content(&self, ctx: &Context, headers: &mut HeaderMap) -> Result<()> {
        let name = self.name.unwrap_or_default();
        let (guessed, coded) = guess_type(name);
        let mimetype = self.mimetype.unwrap_or_else(|| media_type(ctx, name).unwrap_or(guessed));
        insert(headers, header::CONTENT_TYPE, &with_charset(mimetype))?;
        if self.name.is_some() {
            insert(headers, header::CONTENT_DISPOSITION, &content_disposition(name, self.attachment))?;
        }
        // An archive that is to be saved must not be unpacked on the way.
        let coded = coded.filter(|_| !self.attachment && self.mimetype.is_none());
        if let Some(encoding) = self.encoding.or(coded) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        Ok(())
    }

    fn describe_version(&self, ctx: &Context, headers: &mut HeaderMap) -> Result<()> {
        if let Some(etag) = &self.etag {
            insert(headers, header::ETAG, &etag.to_string())?;
        }
        if let Some(modified) = self.modified {
            insert(headers, header::LAST_MODIFIED, &http_date(modified.into()))?;
        }
        // Other methods get no ranges (RFC 9110 §14.2).
        let is_read = [Method::GET, Method::HEAD].contains(ctx.request().method());
        if self.conditional && self.len.is_some() && is_read {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        let max_age = match self.max_age {
            Some(max_age) => Some(max_age),
            None => default_max_age(ctx, self.name)?,
        };
        let Some(seconds) = max_age.map(|max_age| max_age.as_secs()) else {
            return insert(headers, header::CACHE_CONTROL, "no-cache");
        };
        // A century is long enough, and a date that far ahead always exists.
        let fresh = Duration::from_secs(seconds.min(u32::MAX.into()));
        let freshness = if seconds > 0 { "public" } else { "no-cache" };
        insert(headers, header::CACHE_CONTROL, &format!("{freshness}, max-age={seconds}"))?;
        insert(headers, header::EXPIRES, &http_date(SystemTime::now() + fresh))
    }
}

/// The first of the bytes to be sent, and how many they are; `None` if none are. As in Flask, a 412 has what was not
/// asked for.
pub(super) fn bytes_of(condition: &Condition, len: u64) -> Option<(u64, u64)> {
    match condition {
        Condition::Full | Condition::Failed => Some((0, len)),
        Condition::Partial(first, last) => Some((*first, last - first + 1)),
        Condition::NotModified | Condition::Unsatisfiable => None,
    }
}

/// The encodings that the client accepts with the ends of names, the one that it prefers first.
pub(super) fn accepted_encodings(ctx: &Context) -> Vec<(&'static str, &'static str)> {
    let accepted = ctx.request().accept_encodings();
    let mut encodings: Vec<_> = ENCODINGS.iter().filter(|_| accepted.provided()).copied().collect();
    encodings.retain(|(encoding, _)| accepted.quality(encoding) > 0.0);
    encodings.sort_by(|a, b| accepted.quality(b.0).total_cmp(&accepted.quality(a.0)));
    encodings
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<()> {
    headers.insert(name, HeaderValue::from_str(value)?);
    Ok(())
}
