//! Which numbers make sense.

use crate::base::config::Config;

const YEARS: f64 = 100.0 * 366.0 * 24.0 * 3600.0;
/// More than any machine has.
const BYTES: f64 = (1_u64 << 50) as f64;

/// The keys that are numbers, and the least and the most that each may be. A number that is quietly taken for another one
/// is a mistake that nobody notices.
const RANGES: [(&str, f64, f64); 23] = [
    ("MAX_AFTER_RESPONSE", 0.0, 4_000_000_000.0),
    ("MAX_BUFFERED", 65_536.0, BYTES),
    ("MAX_CONNECTIONS", 1.0, 10_000_000.0),
    ("MAX_CONTENT_LENGTH", 0.0, BYTES),
    ("MAX_COOKIE_SIZE", 0.0, 1_048_576.0),
    ("MAX_FORM_MEMORY_SIZE", 0.0, BYTES),
    ("MAX_FORM_PARTS", 0.0, 1_000_000_000.0),
    ("MAX_HANDSHAKES", 1.0, 10_000_000.0),
    ("MAX_JSON_NODES", 1.0, 1_000_000_000.0),
    ("PERMANENT_SESSION_LIFETIME", 1.0, YEARS),
    ("SEND_FILE_MAX_AGE_DEFAULT", 0.0, 1.8e19),
    ("SERVER_BODY_TIMEOUT", 0.001, YEARS),
    ("SERVER_GRACEFUL_TIMEOUT", 0.001, YEARS),
    ("SERVER_HANDSHAKE_TIMEOUT", 0.001, YEARS),
    ("SERVER_HEADER_TIMEOUT", 0.001, YEARS),
    ("SERVER_KEEP_ALIVE_TIMEOUT", 0.001, YEARS),
    ("SERVER_WRITE_TIMEOUT", 0.001, YEARS),
    ("SHUTDOWN_TIMEOUT", 0.0, YEARS),
    ("STARTUP_TIMEOUT", 0.0, YEARS),
    ("TLS_RELOAD_INTERVAL", 0.0, YEARS),
    ("VIEW_QUEUE", 0.0, 10_000_000.0),
    ("VIEW_THREADS", 1.0, 100_000.0),
    ("WTF_CSRF_TIME_LIMIT", 0.0, YEARS),
];

impl Config {
    /// What is wrong with the numbers. Of another type than a number is for those to tell who read the key.
    pub(crate) fn numbers_out_of_range(&self) -> Vec<String> {
        let problem = |(key, least, most): &(&str, f64, f64)| {
            let number = self.find::<f64>(key).ok().flatten()?;
            // A number below zero is told where the key is read, which for the server's is later.
            let is_told = number < 0.0 && !key.starts_with("SERVER_") && !key.starts_with("TLS_");
            if is_told || (*least..=*most).contains(&number) {
                return None;
            }
            let origin = self.origin(key).unwrap_or_default();
            Some(format!("the configuration key `{key}` ({origin}) is {number}; give a number from {least} to {most}"))
        };
        RANGES.iter().filter_map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::App;
    use crate::base::config::keys::defaults;

    use super::*;

    #[test]
    fn every_number_has_a_range() {
        for (key, default) in defaults() {
            let is_listed = RANGES.iter().any(|(listed, ..)| *listed == key);
            assert!(is_listed || !default.is_number(), "{key}");
        }
        for (key, least, most) in RANGES {
            for number in [least - 1.0, most * 2.0] {
                let errors = App::new("test", ".").config(key, number).freeze().expect_err("it is out of range");
                assert!(errors.to_string().contains(key), "{errors}");
            }
        }
        assert!(App::new("test", ".").freeze().is_ok());
    }
}
