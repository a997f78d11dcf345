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
    /// Parses `header`. Parts that do not follow the grammar are left out; it never fails. Of a parameter that is given
    /// twice the last counts.
    ///
    /// `name*=UTF-8''…` (RFC 5987) is decoded and becomes `name`; it takes precedence over a plain `name`. So are the
    /// pieces `name*0=…; name*1=…` (RFC 2231) put together.
    pub fn parse(header: &str) -> HeaderOptions {
        let (value, rest) = header.split_once(';').unwrap_or((header, ""));
        let mut parameters = Parameters::default();
        let mut rest = Some(rest).filter(|_| !value.trim().is_empty());
        while let Some((parameter, after)) = rest.map(next_parameter) {
            if let Some((key, value)) = parameter {
                parameters.add(&key, value);
            }
            rest = after;
        }
        let options = parameters.0.into_iter().map(|known| (known.name, known.value)).collect();
        HeaderOptions { value: value.trim().to_ascii_lowercase(), options }
    }

    /// The value of the parameter `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Every parameter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The parameters that were read so far.
#[derive(Default)]
struct Parameters(Vec<Parameter>);

struct Parameter {
    name: String,
    value: String,
    written: Written,
}

#[derive(Clone, Copy, PartialEq)]
enum Written {
    Plain,
    /// `name*`
    Extended,
    /// `name*0`
    InPieces,
}

impl Parameters {
    fn add(&mut self, key: &str, value: String) {
        let (key, is_extended) = key.strip_suffix('*').map_or((key, false), |key| (key, true));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let (name, written) = match key.rsplit_once('*') {
            Some((name, number)) if is_number(number) => (name, Written::InPieces),
            _ if is_extended => (key, Written::Extended),
            _ => (key, Written::Plain),
        };
        let decoded = if is_extended {
            decode_extended(&value, written == Written::InPieces)
        } else {
            // Browsers write a quote in the name of a field or a file so.
            Some(value.replace("%22", "\""))
        };
        let Some(value) = decoded else { return };
        match self.0.iter_mut().find(|known| known.name == name) {
            Some(known) if known.written == Written::Extended && written == Written::Plain => {}
            Some(known) if known.written == Written::InPieces && written == Written::InPieces => {
                known.value.push_str(&value);
            }
            Some(known) => (known.value, known.written) = (value, written),
            None => self.0.push(Parameter { name: name.to_owned(), value, written }),
        }
    }
}

/// The parameter at the beginning of `text`, if there is one, and what follows its semicolon.
fn next_parameter(text: &str) -> (Option<(String, String)>, Option<&str>) {
    let text = text.trim_start();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let key = text.bytes().take_while(|b| token(*b)).count();
    let (key, rest) = text.split_at(key);
    let after = |rest: &'_ str| rest.find(';').map(|at| at + 1);
    let Some(written) = rest.strip_prefix('=').filter(|_| !key.is_empty()) else {
        return (None, after(rest).map(|at| &rest[at..]));
    };
    // Where the second quote is missing, nothing is certain any more.
    let Some((value, rest)) = parameter_value(written) else { return (None, None) };
    // An empty value has quotes.
    let is_value = !value.is_empty() || written.starts_with('"');
    (is_value.then(|| (key.to_ascii_lowercase(), value)), after(rest).map(|at| &rest[at..]))
}

/// A parameter's value, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            // They send a backslash in it as it is, so only `\"` and `\\` are escapes.
            '\\' if matches!(quoted.as_bytes().get(at + 1), Some(b'"' | b'\\')) => {
                value.extend(chars.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
    }
    None
}

/// RFC 5987: `UTF-8''caf%C3%A9`; the second piece of a name names no charset.
fn decode_extended(value: &str, is_piece: bool) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, text) = match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(_language), Some(text)) => (charset, text),
        _ if is_piece => ("utf-8", value),
        _ => return None,
    };
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
        assert_eq!(HeaderOptions::parse("x; a=\"open; b=1").get("a"), None);
        assert_eq!(HeaderOptions::parse("x; flag; a=1; a=2").get("a"), Some("2"));
        assert_eq!(HeaderOptions::parse("x; q =1; b=2").iter().collect::<Vec<_>>(), [("b", "2")]);
        assert_eq!(HeaderOptions::parse("x; a=\"1;2\" rubbish; b=\"%22\"").get("b"), Some("\""));
    }

    #[test]
    fn the_extended_form_wins() {
        let value = HeaderOptions::parse("attachment; filename=\"x\"; filename*=UTF-8''caf%C3%A9.txt");
        assert_eq!(value.get("filename"), Some("café.txt"));
        let value = HeaderOptions::parse("attachment; filename*=UTF-8''caf%C3%A9.txt; filename=x");
        assert_eq!(value.get("filename"), Some("café.txt"));
        assert_eq!(HeaderOptions::parse("a; filename*=KOI8-R''x").get("filename"), None);
        let value = HeaderOptions::parse("a; filename*0=\"ab\"; filename*1*=%C3%A9; filename*2=.txt");
        assert_eq!(value.get("filename"), Some("abé.txt"));
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
}
