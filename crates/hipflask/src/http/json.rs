//! JSON as Flask writes it: ASCII only, compact, one line feed at the end.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::ser::Formatter;

use crate::base::error::{Error, HttpError, Result};
pub(crate) use crate::http::exact_json::from_slice;
use crate::http::response::Response;

/// A value as JSON: as an argument the request's body, as a result the response. Flask's `request.json`
/// and `jsonify`.
///
/// As an argument it requires the content type `application/json` (or `…+json`) and a valid body, and answers 415
/// or 400 otherwise. A body with `NaN`, with more than 128 levels, or in an encoding other than UTF-8 is not
/// valid; one that is compressed is a 415. An integer beyond 64 bits needs a type that holds it: a `serde_json::Value`
/// does not, and the answer is 400.
///
/// ```
/// use hipflask::Json;
/// use hipflask::prelude::*;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Point { x: i32, y: i32 }
///
/// #[post("/mirror")]
/// async fn mirror(point: Json<Point>) -> Json<Point> {
///     Json(Point { x: point.y, y: point.x })
/// }
///
/// let client = App::new("doc", ".").routes(routes![mirror]).test_client();
/// let response = client.post("/mirror").json(&Point { x: 1, y: 2 }).send_blocking();
/// assert_eq!(response.text(), "{\"x\":2,\"y\":1}\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The response with the value as its body, for code that has no request at hand.
impl<T: Serialize> TryFrom<Json<T>> for Response {
    type Error = Error;

    fn try_from(json: Json<T>) -> Result<Response> {
        let mut body = dumps(&json.0)?;
        body.push(b'\n');
        let mut response = Response::new(Bytes::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

/// Writes `value` as compact ASCII JSON.
pub(crate) fn dumps<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, AsciiFormatter))?;
    Ok(out)
}

/// The 400 for a body that is not the JSON that a view takes. Which field is wrong is told always; what the parser
/// stumbled over only while `debug` is on, as in Flask.
#[track_caller]
pub(crate) fn not_json(error: &serde_json::Error, debug: bool) -> Error {
    let why = if debug || error.is_data() { format!(": {error}") } else { String::new() };
    HttpError::new(400).description(format!("The body is not the JSON expected here{why}.")).into()
}

/// Escapes everything that is not printable ASCII, as Python's `json.dumps` does.
struct AsciiFormatter;

/// The one control character that serde leaves as it is.
const DELETE: char = '\u{7f}';

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains(DELETE) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if c.is_ascii() && c != DELETE {
                writer.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_ascii() {
        let text = String::from_utf8(dumps(&("é\u{1F600}", "a\n\"")).expect("json")).expect("utf-8");
        assert_eq!(text, r#"["\u00e9\ud83d\ude00","a\n\""]"#);
    }

    #[test]
    fn what_is_not_json_is_a_400() {
        for bad in [&b"NaN"[..], b"1e400", b"{", b"", b"\xff\xfe[\0]\0", b"\"\xff\"", &[b'['; 1000], b"[1] x"] {
            let error = from_slice::<serde_json::Value>(bad).expect_err("invalid");
            assert_eq!(not_json(&error, false).to_string(), "400 Bad Request: The body is not the JSON expected here.");
            assert!(not_json(&error, true).to_string().contains("at line 1"));
        }
        let error = from_slice::<[u8; 2]>(b"[1, -2]").expect_err("invalid");
        assert!(not_json(&error, false).to_string().contains("`-2`"));
    }
}
