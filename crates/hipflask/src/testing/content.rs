//! What the client's requests carry.

use bytes::Bytes;

use crate::base::panics::misuse;
use crate::http::body::Body;
use crate::signing::random_bytes;

/// What a request carries.
#[derive(Debug, Default)]
pub(super) enum Content {
    #[default]
    Nothing,
    /// Bytes, and the method that has set them.
    Bytes(&'static str, Bytes),
    /// A form with files, part by part.
    Parts(Vec<Bytes>),
    /// A body that comes over time. It can be sent once.
    Stream(Option<Body>),
}

impl Content {
    pub(super) fn set_by(&self) -> Option<&'static str> {
        match self {
            Content::Nothing => None,
            Content::Bytes(method, _) => Some(method),
            Content::Parts(_) => Some("file"),
            Content::Stream(_) => Some("body_stream"),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Content::Bytes(_, bytes) => bytes,
            _ => &[],
        }
    }

    /// The body, for this request and for one that it is redirected to.
    pub(super) fn body(&mut self) -> Body {
        match self {
            Content::Bytes(_, bytes) => Body::from(bytes.clone()),
            Content::Stream(body) => match body.take() {
                Some(body) => body,
                None => misuse(format_args!("a body that comes over time cannot be sent again to another address")),
            },
            Content::Nothing | Content::Parts(_) => Body::empty(),
        }
    }

    /// Makes one text of the parts of a form; its content type.
    pub(super) fn finish(&mut self) -> Option<String> {
        let Content::Parts(parts) = self else { return None };
        let boundary = format!("hipflask-{:016x}", u64::from_be_bytes(random_bytes()));
        let mut body = Vec::new();
        for part in parts {
            body.extend(format!("--{boundary}\r\n").bytes());
            body.extend_from_slice(part);
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        *self = Content::Bytes("file", body.into());
        Some(format!("multipart/form-data; boundary={boundary}"))
    }
}
