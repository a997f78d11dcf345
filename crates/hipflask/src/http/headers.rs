//! Header values with parameters: `text/html; charset=utf-8`, `form-data; name="a"`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::http::ascii::to_ascii;
use crate::http::url;

/// A parsed header value: a word in lower case, and its parameters.
///
/// ```
/// use hipflask::http::HeaderOptions;
///
/// let value = HeaderOptions::parse("Multipart/Form-Data; boundary=\"a b\"");
/// assert_eq!(value.value, "multipart/form-data");
/// assert_eq!(value.get("boundary"), Some("a b"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderOptions {
    /// The part before the first semicolon, in lower case.
    pub value: String,
    options: Vec<(String, String)>,
}

impl HeaderOptions {
    /// Parses `header`. Parts that do not follow the grammar are left out; it never fails.
    ///
    /// `name*=UTF-8''…` (RFC 5987) is decoded and becomes `name`; it takes precedence over a plain `name`.
    pub fn parse(header: &str) -> HeaderOptions {
        let (value, mut rest) = header.split_once(';').unwrap_or((header, ""));
        let mut options: Vec<(String, String)> = Vec::new();
        while let Some((key, after)) = rest.split_once('=') {
            // A parameter without `=` before this one is skipped with it.
            let key = key.rsplit(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let (value, after) = parameter_value(after);
            match key.strip_suffix('*') {
                Some(plain) => {
                    if let Some(decoded) = decode_extended(&value) {
                        options.retain(|(k, _)| k != plain);
                        options.push((plain.to_owned(), decoded));
                    }
                }
                None if key.is_empty() || options.iter().any(|(k, _)| *k == key) => {}
                None => options.push((key, value)),
            }
            rest = after;
        }
        HeaderOptions { value: value.trim().to_ascii_lowercase(), options }
    }

    /// The value of the parameter `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A parameter's value, and what follows its semicolon.
fn parameter_value(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim_end().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = &quoted[at + 1..];
                return (value, rest.split_once(';').map_or("", |(_, rest)| rest));
            }
            // Browsers send a backslash in a file name as it is, so only `\"` and `\\` are escapes.
            '\\' if matches!(quoted.as_bytes().get(at + 1), Some(b'"' | b'\\')) => {
                value.extend(chars.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
    }
    (value, "")
}

/// RFC 5987: `UTF-8''caf%C3%A9`.
fn decode_extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = url::unquote_bytes(text.as_bytes(), false);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "ascii" | "us-ascii" => Some(String::from_utf8_lossy(&bytes).into_owned()),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// A media type with `charset=utf-8` where its content is text: `text/html; charset=utf-8`. Werkzeug's
/// `get_content_type`.
pub fn with_charset(mimetype: &str) -> String {
    let text = mimetype.starts_with("text/")
        || mimetype.ends_with("+xml")
        || matches!(
            mimetype,
            "application/xml"
                | "application/xml-dtd"
                | "application/xml-external-parsed-entity"
                | "application/javascript"
                | "application/ecmascript"
                | "application/sql"
        );
    if text && !mimetype.contains(';') { format!("{mimetype}; charset=utf-8") } else { mimetype.to_owned() }
}

/// The media type for a file name's extension, and the encoding that it implies. Python's `mimetypes.guess_type`.
///
/// ```
/// use hipflask::http::guess_type;
///
/// assert_eq!(guess_type("style.css"), ("text/css", None));
/// assert_eq!(guess_type("backup.tar.gz"), ("application/x-tar", Some("gzip")));
/// assert_eq!(guess_type("unknown"), ("application/octet-stream", None));
/// ```
pub fn guess_type(name: &str) -> (&'static str, Option<&'static str>) {
    let lower = name.to_ascii_lowercase();
    let (stem, encoding) = match lower.rsplit_once('.') {
        Some((stem, "gz")) if stem.contains('.') => (stem, Some("gzip")),
        Some((stem, "br")) if stem.contains('.') => (stem, Some("br")),
        Some((_, "tgz")) => ("x.tar", Some("gzip")),
        Some((_, "svgz")) => ("x.svg", Some("gzip")),
        _ => (lower.as_str(), None),
    };
    let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mimetype = match extension {
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "js" | "mjs" => "text/javascript",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" | "text" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "xml" => "text/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/vnd.microsoft.icon",
        "bmp" => "image/bmp",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "tar" => "application/x-tar",
        "gz" => "application/gzip",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    };
    (mimetype, encoding)
}

/// The header `Content-Disposition` for a file that is shown, or saved if it is an attachment (RFC 6266): a plain name,
/// and the exact one in UTF-8 if it is not plain.
///
/// ```
/// use hipflask::http::content_disposition;
///
/// assert_eq!(content_disposition("report.csv", true), "attachment; filename=report.csv");
/// assert_eq!(content_disposition("é.txt", false), "inline; filename=e.txt; filename*=UTF-8''%C3%A9.txt");
/// ```
pub fn content_disposition(name: &str, attachment: bool) -> String {
    let kind = if attachment { "attachment" } else { "inline" };
    let ascii: String = to_ascii(name).chars().filter(|c| !c.is_control()).collect();
    let token =
        !ascii.is_empty() && ascii.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let plain = if token { ascii.clone() } else { format!("\"{}\"", ascii.replace('\\', "\\\\").replace('"', "\\\"")) };
    if ascii == name {
        format!("{kind}; filename={plain}")
    } else {
        format!("{kind}; filename={plain}; filename*=UTF-8''{}", url::quote(name, b"!#$&+^`|"))
    }
}

/// The text for an `Expires` or `Last-Modified` header (RFC 9110 §5.6.7). A moment outside the range of this
/// format, such as the time of a file unpacked from an archive, becomes the nearest one within it.
pub fn http_date(time: SystemTime) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + since.min(LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_quoted_or_not() {
        let value = HeaderOptions::parse("form-data; name=\"a\\\"b;c\"; filename=C:\\x.txt ; x");
        assert_eq!(
            (value.value.as_str(), value.get("name"), value.get("filename")),
            ("form-data", Some("a\"b;c"), Some("C:\\x.txt"))
        );
        assert_eq!(HeaderOptions::parse("x; a=\"open").get("a"), Some("open"));
        assert_eq!(HeaderOptions::parse("x; flag; a=1; a=2").get("a"), Some("1"));
    }

    #[test]
    fn the_extended_form_wins() {
        let value = HeaderOptions::parse("attachment; filename=\"x\"; filename*=UTF-8''caf%C3%A9.txt");
        assert_eq!(value.get("filename"), Some("café.txt"));
        assert_eq!(HeaderOptions::parse("a; filename*=KOI8-R''x").get("filename"), None);
    }

    #[test]
    fn dispositions_follow_rfc_6266() {
        assert_eq!(content_disposition("f.txt", false), "inline; filename=f.txt");
        assert_eq!(content_disposition("a \"b\".txt", true), "attachment; filename=\"a \\\"b\\\".txt\"");
        assert_eq!(content_disposition("é.txt", true), "attachment; filename=e.txt; filename*=UTF-8''%C3%A9.txt");
    }

    #[test]
    fn charset_is_for_text_only() {
        assert_eq!(with_charset("text/html"), "text/html; charset=utf-8");
        assert_eq!(with_charset("image/svg+xml"), "image/svg+xml; charset=utf-8");
        assert_eq!(with_charset("application/json"), "application/json");
    }

    #[test]
    fn every_time_has_a_date() {
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(UNIX_EPOCH + Duration::from_secs(1 << 60)), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn types_come_from_the_last_extension() {
        assert_eq!(guess_type("a.b.PNG"), ("image/png", None));
        assert_eq!(guess_type("x.tar.gz"), ("application/x-tar", Some("gzip")));
        assert_eq!(guess_type("x.gz"), ("application/gzip", None));
        assert_eq!(guess_type("noext"), ("application/octet-stream", None));
    }
}
