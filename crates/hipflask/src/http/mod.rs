//! Requests and responses as plain values: what Werkzeug is for Flask. No IO, no context.

pub(crate) mod accept;
pub(crate) mod ascii;
pub(crate) mod authorization;
pub(crate) mod body;
pub(crate) mod cache_control;
#[cfg(feature = "tls")]
pub(crate) mod certificate;
pub(crate) mod conditional;
pub(crate) mod cookie;
pub(crate) mod cookies;
#[cfg(feature = "tls")]
mod der;
pub(crate) mod etags;
pub(crate) mod event;
mod exact_json;
pub(crate) mod filenames;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod idna;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod lists;
pub(crate) mod media_types;
pub(crate) mod multi_dict;
pub(crate) mod multipart;
pub(crate) mod pairs;
mod path;
pub(crate) mod peer;
pub(crate) mod range;
pub(crate) mod request;
mod request_headers;
pub(crate) mod response;
mod response_content;
pub(crate) mod response_headers;
mod rewrite;
pub(crate) mod size;
pub(crate) mod spool;
mod target;
pub(crate) mod upgrade;
pub(crate) mod upload;
pub(crate) mod url;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode as Status, header};
pub use bytes::Bytes;

pub use crate::http::accept::Accept;
pub use crate::http::authorization::{Authorization, WwwAuthenticate};
pub use crate::http::body::{Body, BodySender, BodyTooLarge};
pub use crate::http::cache_control::CacheControl;
#[cfg(feature = "tls")]
pub use crate::http::certificate::ClientCertificate;
pub use crate::http::conditional::Condition;
pub use crate::http::cookie::{Cookie, SameSite};
pub use crate::http::etags::{ETag, ETags};
pub use crate::http::filenames::{safe_join, secure_filename};
pub use crate::http::headers::{HeaderOptions, content_disposition, http_date, with_charset};
pub use crate::http::json::Json;
pub use crate::http::media_types::guess_type;
pub use crate::http::multi_dict::MultiDict;
pub use crate::http::peer::{Peer, Scheme};
pub use crate::http::range::{ContentRange, IfRange, Range, RangeSpec};
pub use crate::http::request::Request;
pub use crate::http::response::{DefaultHeaders, IntoBody, Response};
pub use crate::http::response_headers::RetryAfter;
pub use crate::http::size::ByteSize;
pub use crate::http::upgrade::Upgraded;
pub use crate::http::upload::{FormData, TooLarge, Upload};
pub use crate::http::url::{is_safe_redirect, quote};
