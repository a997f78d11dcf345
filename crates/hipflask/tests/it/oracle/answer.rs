//! An answer, without what is different in every run.

use std::time::SystemTime;

use hipflask::DateTime;
use hipflask::http::{Bytes, Request};
use serde_json::Value;

/// What was answered, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// In the order of their names.
    pub(super) headers: Vec<(String, String)>,
    /// Text, or what is not text in hexadecimal digits.
    pub(super) body: String,
}

impl Answer {
    /// As it was recorded.
    pub(super) fn recorded(recorded: &Value) -> Answer {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let headers = recorded["headers"].as_array().expect("a list").iter();
        Answer {
            status: u16::try_from(recorded["status"].as_u64().expect("a number")).expect("a status"),
            headers: headers.map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
            body: recorded["body"].as_str().or(recorded["hex"].as_str()).expect("a body").to_owned(),
        }
    }

    /// As Hipflask gave it. `length` is that of a body which is at hand: the server says it in `Content-Length`.
    pub(super) fn ours(
        status: u16,
        headers: &[(String, String)],
        length: Option<u64>,
        body: Result<Bytes, String>,
    ) -> Answer {
        let mut headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (name.clone(), plain(name, value))).collect();
        let has_body = status >= 200 && status != 204 && status != 304;
        if let Some(length) = length.filter(|_| has_body && !headers.iter().any(|(name, _)| name == "content-length")) {
            headers.push(("content-length".to_owned(), length.to_string()));
        }
        headers.sort();
        let body = body.unwrap_or_else(|error| format!("<{error}>").into());
        let hex = || body.iter().map(|byte| format!("{byte:02x}")).collect();
        Answer { status, headers, body: std::str::from_utf8(&body).map_or_else(|_| hex(), str::to_owned) }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    /// Changes the values of the header `name`.
    pub(super) fn change(&mut self, name: &str, change: impl Fn(&str) -> String) {
        for (_, value) in self.headers.iter_mut().filter(|(known, _)| known == name) {
            *value = change(value);
        }
    }
}

/// A header as the recorder writes it.
fn plain(name: &str, value: &str) -> String {
    match name {
        "allow" => {
            let mut methods: Vec<&str> = value.split(", ").collect();
            methods.sort_unstable();
            methods.join(", ")
        }
        "date" | "expires" | "last-modified" => moment(value),
        "etag" => tag(value).unwrap_or_else(|| value.to_owned()),
        "set-cookie" => cookie(value),
        _ => value.to_owned(),
    }
}

/// A date that depends on now, as its distance from now in minutes.
fn moment(text: &str) -> String {
    let Some(moment) = Request::get("/").with_header("date", text).date() else { return text.to_owned() };
    let now = DateTime::from(SystemTime::now()).unix_micros();
    let seconds = (moment.unix_micros() - now) as f64 / 1e6;
    if seconds.abs() < 400.0 * 86400.0 {
        format!("<now{:+}min>", (seconds / 60.0).round() as i64)
    } else {
        text.to_owned()
    }
}

/// The tag of a file, which has the time, the size and something of the path.
fn tag(value: &str) -> Option<String> {
    let parts: Vec<&str> = value.strip_prefix('"')?.strip_suffix('"')?.split('-').collect();
    let [time, size, path] = parts[..] else { return None };
    let numbers = time.parse::<f64>().is_ok() && size.parse::<u64>().is_ok() && path.parse::<u64>().is_ok();
    numbers.then(|| format!("\"<file of {size} bytes>\""))
}

fn cookie(value: &str) -> String {
    let parts = value.split("; ").enumerate().map(|(at, part)| match (at, part.split_once('=')) {
        (0, Some((name @ ("session" | "sid"), text))) if text.len() >= 20 => format!("{name}={}", payload(text)),
        (_, Some(("Expires", date))) => format!("Expires={}", moment(date)),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// What is signed in a session cookie: the text itself has the time in it.
fn payload(text: &str) -> String {
    let payload = text.rsplitn(3, '.').nth(2).expect("it has a time and a signature");
    let json = match payload.strip_prefix('.') {
        Some(compressed) => miniz_oxide::inflate::decompress_to_vec_zlib(&base64(compressed)).expect("zlib"),
        None => base64(payload),
    };
    String::from_utf8(json).expect("JSON is text")
}

/// The bytes of URL-safe base64 without padding.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == letter).expect("a digit of base64");
        (bits, count) = (bits << 6 | digit as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}
