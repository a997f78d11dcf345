//! Requests and responses as plain values: what Werkzeug is for Flask. No IO, no context.

pub(crate) mod accept;
pub(crate) mod ascii;
pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod cookie;
pub(crate) mod filenames;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod multi_dict;
pub(crate) mod multipart;
pub(crate) mod pairs;
pub(crate) mod request;
pub(crate) mod response;
mod rewrite;
pub(crate) mod spool;
pub(crate) mod upgrade;
pub(crate) mod upload;
pub(crate) mod url;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode as Status, header};
pub use bytes::Bytes;

pub use crate::http::accept::Accept;
pub use crate::http::body::{Body, BodySender, BodyTooLarge};
pub use crate::http::conditional::Condition;
pub use crate::http::cookie::{Cookie, SameSite};
pub use crate::http::filenames::{safe_join, secure_filename};
pub use crate::http::headers::{HeaderOptions, content_disposition, guess_type, http_date, with_charset};
pub use crate::http::json::Json;
pub use crate::http::multi_dict::MultiDict;
pub use crate::http::request::{Peer, Request, Scheme};
pub use crate::http::response::{DefaultHeaders, IntoBody, Response};
pub use crate::http::upgrade::Upgraded;
pub use crate::http::upload::{FormData, Upload};
pub use crate::http::url::{is_safe_redirect, quote};
