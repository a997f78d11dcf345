//! The path of a request, decoded.

use std::borrow::Cow;

use http::Uri;

use crate::http::url;

/// The decoded path; absent parts are those of the raw path.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// With [`url::ENCODED_SLASH`] for encoded slashes; `None` where nothing was encoded.
    pub(super) routing: Option<Box<str>>,
    /// With slashes in their place; `None` if there were none.
    pub(super) readable: Option<Box<str>>,
    /// It contains an encoded NUL, and matches nothing.
    pub(super) undecodable: bool,
    /// How many extra slashes it begins with. Flask ignores them.
    pub(super) lead: usize,
    /// What mounts took off the front, in bytes of the decoded path.
    pub(super) root: usize,
    /// What a proxy took off before, and what mounts took off after it; `None` without a proxy that says so.
    pub(super) forwarded_root: Option<Box<str>>,
}

impl Path {
    pub(super) fn decode(uri: &Uri) -> Path {
        let raw = uri.path();
        let path =
            Path { lead: raw.bytes().take_while(|byte| *byte == b'/').count().saturating_sub(1), ..Path::default() };
        match url::decode_path(raw) {
            None => Path { undecodable: true, ..path },
            Some(Cow::Borrowed(_)) => path,
            Some(Cow::Owned(decoded)) => Path {
                readable: decoded.contains(url::ENCODED_SLASH).then(|| decoded.replace(url::ENCODED_SLASH, "/").into()),
                routing: Some(decoded.into()),
                ..path
            },
        }
    }
}
