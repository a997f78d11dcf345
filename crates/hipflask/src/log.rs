//! Logs: readable while developing, JSON lines in production.
//!
//! It is a small [`tracing::Subscriber`], set only if the program has set none. In production nothing waits
//! for the disk: lines go to a buffer of the thread's own, and one thread writes them out.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::config::Config;
use crate::datetime::DateTime;
use crate::{Error, Result};

/// How often buffered lines are written out.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// What a thread keeps at most; lines beyond it are counted and dropped.
const MOST_BUFFERED: usize = 1024 * 1024;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text { colours: bool },
    Json,
}

#[derive(Debug)]
struct Logger {
    form: Form,
    level: Level,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Sets the logger up for this process, unless the program has its own.
pub(crate) fn init(config: &Config) -> Result<()> {
    let name: String = config.get("LOG_LEVEL")?;
    let level = name.parse::<Level>().map_err(|_| {
        Error::msg(format!(
            "the configuration key `LOG_LEVEL` is `{name}`; it must be `error`, `warn`, `info`, `debug` or `trace`"
        ))
    })?;
    let form = match config.debug() {
        true => Form::Text { colours: std::io::stderr().is_terminal() },
        false => Form::Json,
    };
    if tracing::dispatcher::has_been_set() {
        return Ok(());
    }
    let logger = LOGGER.get_or_init(|| Logger { form, level });
    if tracing::subscriber::set_global_default(LoggerHandle(logger)).is_ok() && logger.form == Form::Json {
        let flusher = std::thread::Builder::new().name("hipflask-log".into());
        flusher.spawn(|| {
            loop {
                std::thread::sleep(FLUSH_EVERY);
                flush();
            }
        })?;
    }
    Ok(())
}

/// A line for whoever runs a program without any logger.
#[expect(clippy::print_stderr, reason = "there is no logger that could say it")]
pub(crate) fn fallback(line: fmt::Arguments<'_>) {
    eprintln!("{line}");
}

struct LoggerHandle(&'static Logger);

impl Subscriber for LoggerHandle {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What the crates below say is for those who look for a fault in them.
        let ours = !["h2", "hyper", "tokio", "mio", "sqlx"].iter().any(|name| metadata.target().starts_with(name));
        *metadata.level() <= if ours { self.0.level } else { self.0.level.min(Level::WARN) }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut line = String::with_capacity(160);
        match self.0.form {
            Form::Text { colours } => text_line(&mut line, metadata, &fields, colours),
            Form::Json => json_line(&mut line, metadata, &fields),
        }
        self.0.write(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

enum Value {
    Text(String),
    Plain(String),
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            name => self.others.push((name, Value::Text(text))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.others.push((name, Value::Text(value.to_owned()))),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.push((field.name(), Value::Plain(value.to_string())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.others.push((field.name(), Value::Plain(value.to_string())));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.push((field.name(), Value::Plain(value.to_string())));
    }
}

fn text_line(line: &mut String, metadata: &Metadata<'_>, fields: &Fields, colours: bool) {
    let colour = match *metadata.level() {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        _ => "2",
    };
    let _ = write!(line, "{} ", DateTime::now().strftime("%H:%M:%S"));
    let _ = match colours {
        true => write!(line, "\x1b[{colour}m{:5}\x1b[0m ", metadata.level()),
        false => write!(line, "{:5} ", metadata.level()),
    };
    push_plain(line, &fields.message);
    for (name, value) in &fields.others {
        let (Value::Text(value) | Value::Plain(value)) = value;
        if !value.is_empty() {
            let _ = write!(line, " {name}=");
            push_plain(line, value);
        }
    }
}

/// Text that cannot move the cursor, ring the bell or begin a line of its own.
fn push_plain(line: &mut String, text: &str) {
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
}

fn json_line(line: &mut String, metadata: &Metadata<'_>, fields: &Fields) {
    line.push_str("{\"time\":\"");
    push_now(line, Instant::now());
    let _ = write!(line, "\",\"level\":\"{}\",\"target\":", metadata.level());
    push_json(line, metadata.target());
    line.push_str(",\"message\":");
    push_json(line, &fields.message);
    for (name, value) in &fields.others {
        let _ = write!(line, ",\"{name}\":");
        match value {
            Value::Text(text) => push_json(line, text),
            Value::Plain(text) => line.push_str(text),
        }
    }
    line.push('}');
}

fn push_json(line: &mut String, text: &str) {
    line.push('"');
    let mut done = 0;
    // Nearly all text is plain, which is seen byte by byte; what is not ASCII may be a control character.
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    let begin = text.bytes().position(|b| !is_plain(b)).unwrap_or(text.len());
    let special = text[begin..].char_indices().filter(|(_, c)| c.is_control() || matches!(c, '"' | '\\'));
    for (at, c) in special.map(|(at, c)| (begin + at, c)) {
        line.push_str(&text[done..at]);
        let _ = match c {
            '"' => line.write_str("\\\""),
            '\\' => line.write_str("\\\\"),
            '\n' => line.write_str("\\n"),
            c => write!(line, "\\u{:04x}", c as u32),
        };
        done = at + c.len_utf8();
    }
    line.push_str(&text[done..]);
    line.push('"');
}

/// Appends a number; `write!` would take ten times as long.
fn push_number(line: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.push_str(std::str::from_utf8(&digits[begin..]).unwrap_or_default());
}

/// Appends sixteen hexadecimal digits.
fn push_id(line: &mut String, id: u64) {
    let digits: [u8; 16] = std::array::from_fn(|at| b"0123456789abcdef"[(id >> (60 - 4 * at)) as usize & 15]);
    line.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// What most lines of a thread share with the line before, as text.
struct Recent {
    /// Two clocks at one moment. The time of day follows from a reading of the other, until the next second.
    clocks: Option<(Instant, i64)>,
    second: i64,
    second_text: String,
    remote: Option<std::net::IpAddr>,
    remote_text: String,
}

thread_local! {
    static RECENT: RefCell<Recent> = const {
        RefCell::new(Recent {
            clocks: None,
            second: i64::MIN,
            second_text: String::new(),
            remote: None,
            remote_text: String::new(),
        })
    };
}

impl Recent {
    /// Microseconds since 1970.
    fn time_of_day(&mut self, now: Instant) -> i64 {
        if let Some((instant, micros)) = self.clocks
            && let Some(since) = now.checked_duration_since(instant)
            && since < Duration::from_secs(1)
        {
            return micros + since.as_micros() as i64;
        }
        let micros = DateTime::now().unix_micros();
        self.clocks = Some((now, micros));
        micros
    }
}

/// Appends the time in RFC 3339, to the millisecond.
fn push_now(line: &mut String, now: Instant) {
    RECENT.with_borrow_mut(|recent| {
        let micros = recent.time_of_day(now);
        let second = micros.div_euclid(1_000_000);
        if recent.second != second {
            let text = DateTime::from_unix_micros(second * 1_000_000).map(|now| now.strftime("%Y-%m-%dT%H:%M:%S."));
            recent.second_text = text.unwrap_or_default();
            recent.second = second;
        }
        line.push_str(&recent.second_text);
        let millis = micros.rem_euclid(1_000_000).unsigned_abs() / 1_000;
        line.extend([100, 10, 1].map(|place| char::from(b'0' + (millis / place % 10) as u8)));
        line.push('Z');
    });
}

fn push_remote(line: &mut String, remote: std::net::IpAddr) {
    RECENT.with_borrow_mut(|recent| {
        if recent.remote != Some(remote) {
            recent.remote = Some(remote);
            recent.remote_text = remote.to_string();
        }
        line.push_str(&recent.remote_text);
    });
}

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    pub(crate) request_id: u64,
    pub(crate) remote: std::net::IpAddr,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) version: &'a str,
    pub(crate) status: u16,
    /// Bytes of the body, where it was sent to its end.
    pub(crate) bytes: Option<u64>,
    pub(crate) took: Duration,
    /// When it ended.
    pub(crate) now: Instant,
}

/// Writes a line of the access log.
pub(crate) fn access(access: &Access<'_>) {
    let Some(logger) = LOGGER.get().filter(|logger| logger.level >= Level::INFO) else {
        // The program has its own logger.
        tracing::info!(
            target: "hipflask::access",
            request_id = %format_args!("{:016x}", access.request_id),
            remote = %access.remote,
            method = access.method,
            path = access.path,
            status = access.status,
            bytes = access.bytes,
            ms = access.took.as_millis() as u64,
        );
        return;
    };
    let mut line = String::with_capacity(256);
    match logger.form {
        Form::Text { colours } => access_text(&mut line, access, colours),
        Form::Json => access_json(&mut line, access),
    }
    logger.write(line);
}

fn access_text(line: &mut String, access: &Access<'_>, colours: bool) {
    let _ = write!(line, "{} ", DateTime::now().strftime("%H:%M:%S"));
    let colour = match access.status {
        500.. => "1;35",
        400.. => "1;31",
        300.. => "36",
        _ => "32",
    };
    let _ = match colours {
        true => write!(line, "\x1b[{colour}m{}\x1b[0m {:7} ", access.status, access.method),
        false => write!(line, "{} {:7} ", access.status, access.method),
    };
    push_plain(line, access.path);
    let _ = write!(line, "  {:.1} ms", access.took.as_secs_f64() * 1e3);
    match access.bytes {
        Some(bytes) => _ = write!(line, ", {bytes} bytes"),
        None => line.push_str(", broken off"),
    }
}

fn access_json(line: &mut String, access: &Access<'_>) {
    line.push_str("{\"time\":\"");
    push_now(line, access.now);
    line.push_str("\",\"level\":\"INFO\",\"target\":\"access\",\"request_id\":\"");
    push_id(line, access.request_id);
    line.push_str("\",\"remote\":\"");
    push_remote(line, access.remote);
    line.push_str("\",\"method\":");
    push_json(line, access.method);
    line.push_str(",\"path\":");
    push_json(line, access.path);
    line.push_str(",\"version\":\"");
    line.push_str(access.version);
    line.push_str("\",\"status\":");
    push_number(line, access.status.into());
    line.push_str(",\"bytes\":");
    match access.bytes {
        Some(bytes) => push_number(line, bytes),
        None => line.push_str("null"),
    }
    line.push_str(",\"us\":");
    push_number(line, u64::try_from(access.took.as_micros()).unwrap_or(u64::MAX));
    line.push('}');
}

impl Logger {
    fn write(&self, mut line: String) {
        line.push('\n');
        match self.form {
            // An error of the terminal is nobody's fault that could be told here.
            Form::Text { .. } => _ = std::io::stderr().write_all(line.as_bytes()),
            Form::Json => buffer(&line),
        }
    }
}

type Buffer = Arc<Mutex<Vec<u8>>>;

static BUFFERS: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());
static DROPPED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Shared with the writing thread alone, so that the lock is nearly always free.
    static OWN: Buffer = {
        let buffer = Buffer::default();
        BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&buffer));
        buffer
    };
}

fn buffer(line: &str) {
    let _ = OWN.try_with(|own| {
        let mut buffer = own.lock().unwrap_or_else(PoisonError::into_inner);
        match buffer.len() + line.len() > MOST_BUFFERED {
            true => _ = DROPPED.fetch_add(1, Relaxed),
            false => buffer.extend_from_slice(line.as_bytes()),
        }
    });
}

/// Writes out what is buffered. An error is not reported: there is nowhere to report it to.
pub(crate) fn flush() {
    /// A buffer that is empty and large enough, so that the threads need not let theirs grow again.
    static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for buffer in &buffers {
        std::mem::swap(&mut *buffer.lock().unwrap_or_else(PoisonError::into_inner), &mut *spare);
        if !spare.is_empty() {
            let _ = std::io::stderr().write_all(&spare);
            spare.clear();
        }
    }
    buffers.clear();
    // A buffer that only this list holds belonged to a thread that has ended.
    let is_used = |buffer: &Buffer| Arc::strong_count(buffer) > 1 || !is_empty(buffer);
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).retain(is_used);
    let dropped = DROPPED.swap(0, Relaxed);
    if dropped > 0 {
        let mut line = String::from("{\"time\":\"");
        push_now(&mut line, Instant::now());
        line.push_str("\",\"level\":\"WARN\",\"target\":\"hipflask\",\"message\":\"");
        let _ = writeln!(line, "{dropped} lines of the log were dropped\"}}");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

fn is_empty(buffer: &Buffer) -> bool {
    buffer.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_breaks_a_line() {
        let mut line = String::new();
        push_json(&mut line, "a\"\\\n\x1b[31mé");
        assert_eq!(line, r#""a\"\\\n\u001b[31mé""#);
        let mut line = String::new();
        push_plain(&mut line, "a\r\n\x1b[31m");
        assert_eq!(line, r"a\r\n\u{1b}[31m");
    }

    fn request() -> Access<'static> {
        Access {
            request_id: 1,
            remote: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
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
        assert_eq!(&line[8..], " 200 OPTIONS /a\"b  1.5 ms, broken off");
    }

    #[test]
    fn an_access_line_is_json() {
        let mut line = String::new();
        access_json(&mut line, &request());
        let value: serde_json::Value = serde_json::from_str(&line).expect("json");
        assert_eq!(
            (&value["path"], &value["us"], &value["bytes"]),
            (&"/a\"b".into(), &1500.into(), &serde_json::Value::Null)
        );
    }
}
