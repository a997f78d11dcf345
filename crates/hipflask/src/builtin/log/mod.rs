//! Logs: readable during development, JSON lines in production.
//!
//! It is a small [`tracing::Subscriber`], set only if the program has not set one. In production no request waits
//! for the disk: each thread has its own buffer, and one thread writes them out.

mod fields;
mod spans;

use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

use crate::base::clock;
use crate::base::config::Config;
use crate::base::datetime::DateTime;
use crate::base::error::{Error, Result};
use crate::builtin::log::fields::{Fields, Value};

/// How often buffered lines are written out.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// A thread with this much does not wait for the next flush, so the buffers stay small under load too.
const FLUSH_AT: usize = 64 * 1024;
/// The most that a thread keeps; further lines are counted and dropped.
const MOST_BUFFERED: usize = 1024 * 1024;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text { colours: bool },
    Json,
}

#[derive(Debug)]
pub(super) struct Logger {
    pub(super) form: Form,
    level: Level,
}

/// Our logger, if it is the one that is set and wants lines of `level`.
pub(super) fn logger(level: Level) -> Option<&'static Logger> {
    LOGGER.get().filter(|logger| logger.level >= level)
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Sets up the logger for this process, unless the program has its own.
pub(crate) fn init(config: &Config) -> Result<()> {
    let name: String = config.get("LOG_LEVEL")?;
    let level = name.parse::<Level>().map_err(|_| {
        Error::msg(format!(
            "the configuration key `LOG_LEVEL` is `{name}`; it must be `error`, `warn`, `info`, `debug` or `trace`"
        ))
    })?;
    let form = if config.debug() { Form::Text { colours: std::io::stderr().is_terminal() } } else { Form::Json };
    if tracing::dispatcher::has_been_set() {
        return Ok(());
    }
    let logger = LOGGER.get_or_init(|| Logger { form, level });
    if tracing::subscriber::set_global_default(LoggerHandle(logger)).is_ok() && logger.form == Form::Json {
        let flusher = std::thread::Builder::new().name("hipflask-log".into());
        let flusher = flusher.spawn(|| {
            loop {
                std::thread::park_timeout(FLUSH_EVERY);
                flush();
            }
        })?;
        let _ = FLUSHER.set(flusher.thread().clone());
    }
    Ok(())
}

/// A line on the terminal of a program without any logger.
#[expect(clippy::print_stderr, reason = "there is no logger that could say it")]
pub(crate) fn fallback(line: fmt::Arguments<'_>) {
    eprintln!("{line}");
}

struct LoggerHandle(&'static Logger);

impl Subscriber for LoggerHandle {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Messages of the crates below matter only when one of them is suspected.
        let ours = !["h2", "hyper", "tokio", "mio", "sqlx"].iter().any(|name| metadata.target().starts_with(name));
        *metadata.level() <= if ours { self.0.level } else { self.0.level.min(Level::WARN) }
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        spans::open(attributes)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        spans::record(id, values);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        spans::add_to(&mut fields, event);
        let metadata = event.metadata();
        match self.0.form {
            Form::Text { colours } => {
                let mut line = String::with_capacity(160);
                text_line(&mut line, metadata, &fields, colours);
                print(line);
            }
            Form::Json => buffer(|line| json_line(line, metadata, &fields)),
        }
    }

    fn enter(&self, id: &Id) {
        spans::enter(id);
    }

    fn exit(&self, id: &Id) {
        spans::exit(id);
    }

    fn clone_span(&self, id: &Id) -> Id {
        spans::clone(id)
    }

    fn try_close(&self, id: Id) -> bool {
        spans::close(&id)
    }

    fn current_span(&self) -> Current {
        spans::current()
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
    let _ = if colours {
        write!(line, "\x1b[{colour}m{:5}\x1b[0m ", metadata.level())
    } else {
        write!(line, "{:5} ", metadata.level())
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

/// Whether a character moves the cursor, rings the bell, begins a new line (U+2028 and U+2029 do for some readers), or
/// changes the order in which others are shown, so that a line reads as something else (UTS #55).
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Text in which nothing misleads.
pub(super) fn push_plain(line: &mut String, text: &str) {
    for c in text.chars() {
        if misleads(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
}

fn json_line(line: &mut Vec<u8>, metadata: &Metadata<'_>, fields: &Fields) {
    line.extend_from_slice(b"{\"time\":\"");
    clock::push_rfc3339(line, Instant::now());
    let _ = write!(line, "\",\"level\":\"{}\",\"target\":", metadata.level());
    push_json(line, metadata.target());
    line.extend_from_slice(b",\"message\":");
    push_json(line, &fields.message);
    for (name, value) in &fields.others {
        let _ = write!(line, ",\"{name}\":");
        match value {
            Value::Text(text) => push_json(line, text),
            Value::Plain(text) => line.extend_from_slice(text.as_bytes()),
        }
    }
    line.extend_from_slice(b"}\n");
}

pub(super) fn push_json(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    let mut done = 0;
    // Nearly all text is plain, which the bytes show; a character outside ASCII may be a control character.
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    let begin = text.bytes().position(|b| !is_plain(b)).unwrap_or(text.len());
    let special = text[begin..].char_indices().filter(|(_, c)| misleads(*c) || matches!(c, '"' | '\\'));
    for (at, c) in special.map(|(at, c)| (begin + at, c)) {
        line.extend_from_slice(&text.as_bytes()[done..at]);
        let _ = match c {
            '"' => line.write_all(b"\\\""),
            '\\' => line.write_all(b"\\\\"),
            '\n' => line.write_all(b"\\n"),
            c => write!(line, "\\u{:04x}", c as u32),
        };
        done = at + c.len_utf8();
    }
    line.extend_from_slice(&text.as_bytes()[done..]);
    line.push(b'"');
}

/// Prints a readable line. There is nowhere to report an error of the terminal.
pub(super) fn print(mut line: String) {
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

type Buffer = Arc<Mutex<Vec<u8>>>;

static FLUSHER: OnceLock<Thread> = OnceLock::new();
static BUFFERS: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());
static DROPPED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Shared only with the writing thread, so the lock is nearly always free.
    static OWN: Buffer = {
        let buffer = Buffer::default();
        BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&buffer));
        buffer
    };
}

/// Lets `write` append a line to the buffer of this thread.
pub(super) fn buffer(write: impl FnOnce(&mut Vec<u8>)) {
    let _ = OWN.try_with(|own| {
        let mut buffer = own.lock().unwrap_or_else(PoisonError::into_inner);
        let before = buffer.len();
        write(&mut buffer);
        let after = buffer.len();
        if after > MOST_BUFFERED {
            buffer.truncate(before);
            DROPPED.fetch_add(1, Relaxed);
            return;
        }
        drop(buffer);
        if before < FLUSH_AT && after >= FLUSH_AT {
            FLUSHER.get().inspect(|flusher| flusher.unpark());
        }
    });
}

/// Writes out what is buffered, but does not wait longer than `time` for whoever reads it: a reader that has stopped
/// must not keep the process from ending.
pub(crate) fn flush_within(time: Duration) {
    let (done, is_done) = std::sync::mpsc::channel();
    let flushing = std::thread::Builder::new().name("hipflask-log-end".into()).spawn(move || {
        flush();
        let _ = done.send(());
    });
    if flushing.is_ok() {
        let _ = is_done.recv_timeout(time);
    }
}

/// Writes out what is buffered. An error is not reported: there is nowhere to report it.
pub(crate) fn flush() {
    /// An empty buffer that is large enough already, so that no thread has to grow a new one.
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
    // If only this list holds a buffer, its thread has ended.
    let is_used = |buffer: &Buffer| Arc::strong_count(buffer) > 1 || !is_empty(buffer);
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).retain(is_used);
    let dropped = DROPPED.swap(0, Relaxed);
    if dropped > 0 {
        let mut line = b"{\"time\":\"".to_vec();
        clock::push_rfc3339(&mut line, Instant::now());
        line.extend_from_slice(b"\",\"level\":\"WARN\",\"target\":\"hipflask\",\"message\":\"");
        let _ = writeln!(line, "{dropped} lines of the log were dropped\"}}");
        let _ = std::io::stderr().write_all(&line);
    }
}

fn is_empty(buffer: &Buffer) -> bool {
    buffer.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that `write` logs.
    fn lines(write: impl FnOnce()) -> Vec<serde_json::Value> {
        static JSON: Logger = Logger { form: Form::Json, level: Level::INFO };
        tracing::subscriber::with_default(LoggerHandle(&JSON), write);
        let written = OWN.with(|own| std::mem::take(&mut *own.lock().expect("no test panics with it")));
        let written = String::from_utf8(written).expect("text");
        written.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }

    #[test]
    fn a_line_has_the_fields_of_the_spans_around_it() {
        let lines = lines(|| {
            let request = tracing::info_span!("request", request_id = "1f", user = tracing::field::Empty, n = 1);
            let job = tracing::info_span!(parent: &request, "job", n = 2);
            let debug = tracing::debug_span!("not at this level", secret = true);
            request.in_scope(|| {
                tracing::info!("in the request");
                request.record("user", "Ada");
                debug.in_scope(|| tracing::info!(n = 3, "with a field of its own"));
                let same = tracing::Span::current();
                let thread = std::thread::spawn(move || lines(|| same.in_scope(|| tracing::info!("in a thread"))));
                assert_eq!(thread.join().expect("it ends")[0]["user"], "Ada");
            });
            drop(request);
            job.in_scope(|| tracing::info!("in a job that outlives it"));
            tracing::info!(parent: &job, "of the job");
            let _entered = job.entered();
            tracing::info!(parent: None, "of nothing");
        });
        let said: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {} {} {}", line["message"], line["request_id"], line["user"], line["n"]))
            .collect();
        let expected = [
            r#""in the request" "1f" null 1"#,
            r#""with a field of its own" "1f" "Ada" 3"#,
            r#""in a job that outlives it" "1f" "Ada" 2"#,
            r#""of the job" "1f" "Ada" 2"#,
            r#""of nothing" null null null"#,
        ];
        assert_eq!(said, expected);
        assert!(lines.iter().all(|line| line["secret"].is_null()));
        assert!(spans::is_empty(), "every span is closed");
    }

    #[test]
    fn nothing_from_outside_breaks_a_line() {
        let mut json = Vec::new();
        push_json(&mut json, "a\"\\\n\x1b[31mé");
        assert_eq!(String::from_utf8_lossy(&json), r#""a\"\\\n\u001b[31mé""#);
        let mut line = String::new();
        push_plain(&mut line, "a\r\n\x1b[31m");
        assert_eq!(line, r"a\r\n\u{1b}[31m");
    }

    #[test]
    fn nothing_from_outside_reads_as_something_else() {
        for c in "\u{85}\u{200e}\u{200f}\u{61c}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}".chars() {
            let text = format!("a{c}b");
            let (mut json, mut line) = (Vec::new(), String::new());
            push_json(&mut json, &text);
            push_plain(&mut line, &text);
            assert!(!String::from_utf8_lossy(&json).contains(c) && !line.contains(c), "{}", c.escape_unicode());
            assert_eq!(serde_json::from_slice::<String>(&json).ok().as_deref(), Some(&*text));
        }
    }
}
