//! Requests and responses as plain values: what Werkzeug is for Flask. No IO, no context.

pub(crate) mod accept;
mod answered;
pub(crate) mod ascii;
pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod cookie;
pub(crate) mod headers;
pub(crate) mod json;
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
