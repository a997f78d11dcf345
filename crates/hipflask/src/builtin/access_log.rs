//! The access log: one line for every request that has ended.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::Version;
use tracing::Level;

use crate::app::App;
use crate::app::extension::Extension;
use crate::app::finished::Finished;
use crate::base::datetime::DateTime;
use crate::base::{clock, decimal};
use crate::builtin::log::{self, Form, buffer, print, push_json, push_plain};

/// Adds the access log to an application; every application has it, unless `ACCESS_LOG` says otherwise.
pub(crate) struct AccessLog;

impl Extension for AccessLog {
    fn init_app(self, app: App) -> App {
        app.on_freeze(|freezing| {
            if freezing.config().switch("ACCESS_LOG", true) {
                freezing.on_finished(access);
            }
        })
    }
}

/// What a line is made of.
#[derive(Debug)]
struct Access<'a> {
    request_id: u64,
    /// `None` for a request that was made in memory.
    remote: Option<IpAddr>,
    /// The proxy that has said who the client is.
    peer: Option<IpAddr>,
    method: &'a str,
    path: &'a str,
    version: &'static str,
    status: u16,
    /// Bytes of the body, where it was sent to its end.
    bytes: Option<u64>,
    took: Duration,
    /// When it ended.
    now: Instant,
}

/// Writes a line for what a client has asked for. The application around a mounted one writes it for both.
fn access(finished: &Finished<'_>) {
    if finished.is_mounted() || finished.is_within() {
        return;
    }
    let request = finished.request();
    write(&Access {
        request_id: request.id(),
        remote: request.remote_addr(),
        peer: request.peer().ip().filter(|peer| Some(*peer) != request.remote_addr()),
        method: request.method().as_str(),
        path: request.uri().path(),
        version: match request.version() {
            Version::HTTP_2 => "2",
            Version::HTTP_11 => "1.1",
            _ => "1.0",
        },
        status: finished.status().as_u16(),
        bytes: finished.is_complete().then_some(finished.bytes()),
        took: finished.duration(),
        now: finished.ended(),
    });
}

fn write(access: &Access<'_>) {
    let Some(logger) = log::logger(Level::INFO) else {
        // The program has its own logger.
        tracing::info!(
            target: "hipflask::access",
            request_id = %format_args!("{:016x}", access.request_id),
            remote = access.remote.map(tracing::field::display),
            peer = access.peer.map(tracing::field::display),
            method = access.method,
            path = access.path,
            status = access.status,
            bytes = access.bytes,
            ms = access.took.as_millis() as u64,
        );
        return;
    };
    match logger.form {
        Form::Text { colours } => {
            let mut line = String::with_capacity(128);
            access_text(&mut line, access, colours);
            print(line);
        }
        Form::Json => buffer(|line| access_json(line, access)),
    }
}

fn access_text(line: &mut String, access: &Access<'_>, colours: bool) {
    let _ = write!(line, "{} ", DateTime::now().strftime("%H:%M:%S"));
    let colour = match access.status {
        500.. => "1;35",
        400.. => "1;31",
        300.. => "36",
        _ => "32",
    };
    let _ = if colours {
        write!(line, "\x1b[{colour}m{}\x1b[0m {:7} ", access.status, access.method)
    } else {
        write!(line, "{} {:7} ", access.status, access.method)
    };
    push_plain(line, access.path);
    let _ = write!(line, "  {:.1} ms", access.took.as_secs_f64() * 1e3);
    match access.bytes {
        Some(bytes) => _ = write!(line, ", {bytes} bytes"),
        None => line.push_str(", incomplete"),
    }
}

fn access_json(line: &mut Vec<u8>, access: &Access<'_>) {
    const BEFORE_ID: &[u8] = b"\",\"level\":\"INFO\",\"target\":\"access\",\"request_id\":\"";
    const BEFORE_REMOTE: &[u8] = b"\",\"remote\":";
    line.reserve(256 + access.path.len());
    line.extend_from_slice(b"{\"time\":\"");
    clock::push_rfc3339(line, access.now);
    line.extend_from_slice(BEFORE_ID);
    line.extend_from_slice(&hexadecimal(access.request_id));
    line.extend_from_slice(BEFORE_REMOTE);
    push_address(line, access.remote);
    if access.peer.is_some() {
        line.extend_from_slice(b",\"peer\":");
        push_address(line, access.peer);
    }
    // A method is a token, so nothing in it needs escaping.
    line.extend_from_slice(b",\"method\":\"");
    line.extend_from_slice(access.method.as_bytes());
    line.extend_from_slice(b"\",\"path\":");
    push_json(line, access.path);
    line.extend_from_slice(b",\"version\":\"");
    line.extend_from_slice(access.version.as_bytes());
    line.extend_from_slice(b"\",\"status\":");
    decimal::push(line, access.status.into());
    line.extend_from_slice(b",\"bytes\":");
    match access.bytes {
        Some(bytes) => decimal::push(line, bytes),
        None => line.extend_from_slice(b"null"),
    }
    line.extend_from_slice(b",\"us\":");
    decimal::push(line, u64::try_from(access.took.as_micros()).unwrap_or(u64::MAX));
    line.extend_from_slice(b"}\n");
}

fn hexadecimal(id: u64) -> [u8; 16] {
    std::array::from_fn(|at| b"0123456789abcdef"[(id >> (60 - 4 * at)) as usize & 15])
}

fn push_address(line: &mut Vec<u8>, address: Option<IpAddr>) {
    let Some(address) = address else { return line.extend_from_slice(b"null") };
    line.push(b'"');
    match address {
        IpAddr::V4(address) => {
            for (at, part) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    line.push(b'.');
                }
                decimal::push(line, part.into());
            }
        }
        IpAddr::V6(address) => _ = write!(line, "{address}"),
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Access<'static> {
        Access {
            request_id: 1,
            remote: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
            peer: None,
            method: "OPTIONS",
            path: "/a\"b",
            version: "1.1",
            status: 200,
            bytes: None,
            took: Duration::from_micros(1500),
            now: Instant::now(),
        }
    }

    #[test]
    fn an_access_line_is_readable() {
        let mut line = String::new();
        access_text(&mut line, &request(), false);
        assert_eq!(&line[8..], " 200 OPTIONS /a\"b  1.5 ms, incomplete");
    }

    #[test]
    fn an_access_line_is_json() {
        let mut line = Vec::new();
        access_json(&mut line, &request());
        let value: serde_json::Value = serde_json::from_slice(&line).expect("json");
        assert_eq!(
            (&value["remote"], &value["path"], &value["us"], &value["bytes"]),
            (&"127.0.0.1".into(), &"/a\"b".into(), &1500.into(), &serde_json::Value::Null)
        );
        assert!(value.get("peer").is_none());
        let mut line = Vec::new();
        let peer = Some("2001:db8::1".parse().expect("an address"));
        access_json(&mut line, &Access { remote: None, peer, ..request() });
        let value: serde_json::Value = serde_json::from_slice(&line).expect("json");
        assert!(value["remote"].is_null() && value["peer"] == "2001:db8::1");
    }
}
