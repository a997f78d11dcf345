//! The keys that the core knows, and which of the known keys was meant.

use serde_json::{Value, json};

/// The keys that the core knows, and their defaults. The book's page "From Flask" lists the defaults that are
/// stricter than Flask's.
pub(crate) fn defaults() -> [(&'static str, Value); 57] {
    [
        ("ACCESS_LOG", Value::Null),
        ("APPLICATION_ROOT", json!("/")),
        ("CONTENT_SECURITY_POLICY", Value::Null),
        ("DEBUG", json!(cfg!(debug_assertions))),
        ("EXPLAIN_TEMPLATE_LOADING", json!(false)),
        ("HTTPS_PORT", Value::Null),
        ("LOG_LEVEL", json!("info")),
        ("MAX_AFTER_RESPONSE", json!(1000)),
        ("MAX_CONNECTIONS", json!(10_000)),
        ("MAX_CONTENT_LENGTH", json!(2 * 1024 * 1024)),
        ("MAX_COOKIE_SIZE", json!(4093)),
        ("MAX_FORM_MEMORY_SIZE", json!(500_000)),
        ("MAX_FORM_PARTS", json!(1000)),
        ("MAX_HANDSHAKES", json!(1000)),
        ("PERMANENT_SESSION_LIFETIME", json!(31 * 24 * 60 * 60)),
        ("PREFERRED_URL_SCHEME", json!("http")),
        ("PROPAGATE_EXCEPTIONS", Value::Null),
        ("PROVIDE_AUTOMATIC_OPTIONS", json!(true)),
        ("SECRET_KEY", Value::Null),
        ("SECRET_KEY_FALLBACKS", Value::Null),
        ("SECURITY_HEADERS", json!(true)),
        ("SEND_FILE_MAX_AGE_DEFAULT", Value::Null),
        ("SERVER_BODY_TIMEOUT", json!(60)),
        ("SERVER_GRACEFUL_TIMEOUT", json!(30)),
        ("SERVER_HANDSHAKE_TIMEOUT", json!(10)),
        ("SERVER_HEADER_TIMEOUT", json!(30)),
        ("SERVER_KEEP_ALIVE_TIMEOUT", json!(75)),
        ("SERVER_NAME", Value::Null),
        ("SERVER_WRITE_TIMEOUT", json!(60)),
        ("SESSION_COOKIE_DOMAIN", Value::Null),
        ("SESSION_COOKIE_HTTPONLY", json!(true)),
        ("SESSION_COOKIE_NAME", json!("session")),
        ("SESSION_COOKIE_PARTITIONED", json!(false)),
        ("SESSION_COOKIE_PATH", Value::Null),
        ("SESSION_COOKIE_SAMESITE", json!("Lax")),
        ("SESSION_COOKIE_SECURE", Value::Null),
        ("SESSION_REFRESH_EACH_REQUEST", json!(true)),
        ("SHUTDOWN_TIMEOUT", json!(30)),
        ("STARTUP_TIMEOUT", json!(300)),
        ("STATIC_PRECOMPRESSED", json!(false)),
        ("TEMPLATES_AUTO_RELOAD", Value::Null),
        ("TESTING", json!(false)),
        ("TLS_CLIENT_AUTH", json!("required")),
        ("TLS_CLIENT_CA", Value::Null),
        ("TLS_RELOAD_INTERVAL", json!(60)),
        ("TRAP_BAD_REQUEST_ERRORS", Value::Null),
        ("TRAP_HTTP_EXCEPTIONS", json!(false)),
        ("TRUSTED_HOSTS", Value::Null),
        ("USE_X_SENDFILE", json!(false)),
        ("VIEW_QUEUE", json!(1024)),
        ("VIEW_THREADS", json!(256)),
        ("WTF_CSRF_ENABLED", json!(true)),
        ("WTF_CSRF_FIELD_NAME", json!("csrf_token")),
        ("WTF_CSRF_HEADERS", json!(["X-CSRFToken", "X-CSRF-Token"])),
        ("WTF_CSRF_TIME_LIMIT", json!(3600)),
        ("WTF_CSRF_TRUSTED_ORIGINS", json!([])),
        ("X_ACCEL_REDIRECT", Value::Null),
    ]
}

/// Keys are written in upper case.
pub(crate) fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The one of `known` that `key` is most likely a misspelling of.
pub(crate) fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.filter(|known| is_near(key, known));
    near.min_by_key(|known| distance(key.as_bytes(), known.as_bytes()))
}

/// Whether `a` becomes `b` by changing, adding, removing or swapping one or two letters.
fn is_near(a: &str, b: &str) -> bool {
    a != b && a.len().abs_diff(b.len()) <= 2 && distance(a.as_bytes(), b.as_bytes()) <= 2
}

/// The optimal string alignment distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [vec![0; b.len() + 1], vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        rows.rotate_left(1);
        let [before, last, row] = &mut rows;
        // After the turn: `before` is row i-2, `last` is row i-1, `row` is to be filled.
        row[0] = i;
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
    }
    rows[2][b.len()]
}
