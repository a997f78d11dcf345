//! Requests and responses as plain values: Werkzeug's job. No IO, no context.

pub(crate) mod accept;
pub(crate) mod ascii;
pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod cookie;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod multi_dict;
pub(crate) mod multipart;
pub(crate) mod pairs;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod upgrade;
pub(crate) mod url;
