//! What a case says must be, or must not.

use std::time::Duration;

use regex_lite::Regex;

use super::bytes::text;
use super::connection::header;
use crate::Result;

/// What was seen while a case was played.
#[derive(Default)]
pub struct Seen {
    /// The first answer: its status, head and body.
    pub status: String,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    /// Every byte that came.
    pub all: Vec<u8>,
    pub answers: usize,
    pub is_closed: bool,
    pub is_cut: bool,
    pub took: Duration,
    /// How often `/canary` ran.
    pub canary: i64,
    /// By how many MiB the process has grown.
    pub growth: f64,
}

impl Seen {
    /// Whether `assertion` holds.
    pub fn holds(&self, assertion: &str) -> Result<bool> {
        if let Some((status, rest)) = assertion.strip_prefix("if ").and_then(|rest| rest.split_once(' ')) {
            return if status == self.status { self.holds(rest) } else { Ok(true) };
        }
        let (kind, value) = assertion.split_once(':').unwrap_or((assertion, ""));
        let number = || value.parse::<f64>().map_err(|_| format!("`{assertion}` needs a number"));
        let matches = |flags: &str, bytes: &[u8]| {
            let pattern = Regex::new(&format!("(?{flags}){value}"));
            pattern.map(|pattern| pattern.is_match(&text(bytes))).map_err(|error| format!("`{assertion}`: {error}"))
        };
        Ok(match kind {
            "canary" if value.is_empty() => self.canary != 0,
            "canary" => Some(self.canary) == value.parse().ok(),
            "body" => matches("s", &self.body)?,
            "head" => matches("sim", &self.head)?,
            "any" => matches("s", &self.all)?,
            "two-responses" => self.answers >= 2,
            "count" => Some(self.answers) == value.parse().ok(),
            "keepalive" => !self.is_closed,
            "slower" => self.took.as_secs_f64() > number()?,
            "rss" => self.growth > number()?,
            "bytes" => Some(self.all.len()) > value.parse().ok(),
            "incomplete" => self.is_cut,
            "len" => Some(self.body.len()) == value.parse().ok(),
            "leads-away" => header(&self.head, "location").is_some_and(|location| leads_away(&location)),
            _ => return Err(format!("`{assertion}` is not a known assertion")),
        })
    }
}

/// Whether a browser would leave the site for this `Location`.
fn leads_away(location: &str) -> bool {
    let is_ours = |address: &str| {
        let host = address.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        ["localhost", "127.0.0.1"].contains(&host.split(':').next().unwrap_or_default())
    };
    match location.strip_prefix("http://").or_else(|| location.strip_prefix("https://")) {
        Some(address) => !is_ours(address),
        None => !location.starts_with('/') || location[1..].starts_with(['/', '\\']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_can_fail() {
        let seen = Seen { status: "200".into(), body: b"{\"n\": 5}".into(), canary: 1, ..Seen::default() };
        for (assertion, holds) in [
            ("body:\"n\":\\s*5", true),
            ("if 200 body:6", false),
            ("if 400 body:6", true),
            ("canary", true),
            ("canary:2", false),
            ("keepalive", true),
            ("slower:1", false),
            ("bytes:0", false),
        ] {
            assert_eq!(seen.holds(assertion), Ok(holds), "{assertion}");
        }
        assert!(seen.holds("unknown").is_err());
    }

    #[test]
    fn a_location_may_lead_away() {
        for (location, leads) in [
            ("/", false),
            ("/next?a=//b", false),
            ("http://localhost:80/x", false),
            ("//evil.test", true),
            ("/\\evil.test", true),
            ("https://evil.test", true),
            ("http://localhost\\@evil.test", false),
            ("http://localhost@evil.test", true),
            ("javascript:alert(1)", true),
        ] {
            assert_eq!(leads_away(location), leads, "{location}");
        }
    }
}
