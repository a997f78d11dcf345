//! The head of a part of a multipart body.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::headers::HeaderOptions;

/// Why a body is not multipart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MultipartError(pub(crate) &'static str);

/// The head of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartHead {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: String,
    /// The head of a file as it was sent.
    pub(crate) raw: Box<[u8]>,
}

/// The headers of a part.
pub(crate) fn part_headers(raw: &[u8]) -> HeaderMap {
    let pair = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::from_str(value.trim()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in unfold(&String::from_utf8_lossy(raw)).iter().filter_map(pair) {
        headers.append(name, value);
    }
    headers
}

pub(super) fn part_head(bytes: &[u8]) -> Result<PartHead, MultipartError> {
    let text = String::from_utf8_lossy(bytes);
    let mut head = PartHead::default();
    let mut named = false;
    for line in unfold(&text) {
        let Some((name, value)) = line.split_once(':') else {
            return Err(MultipartError("a line in the head of a part is not a header"));
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                let options = HeaderOptions::parse(value);
                named = options.value == "form-data" && options.get("name").is_some();
                options.get("name").unwrap_or_default().clone_into(&mut head.name);
                head.filename = options.get("filename").map(str::to_owned);
            }
            "content-type" => value.trim().clone_into(&mut head.content_type),
            _ => {}
        }
    }
    if head.filename.is_some() {
        head.raw = bytes.into();
    }
    if named { Ok(head) } else { Err(MultipartError("a part has no `Content-Disposition: form-data` with a name")) }
}

/// The header lines of a part's head, continuation lines joined to the line that they continue.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}
