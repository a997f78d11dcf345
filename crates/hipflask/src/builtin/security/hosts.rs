//! The check of the host that a request names: URLs are built from it, so it must be one of ours.

use crate::app::freezing::Freezing;
use crate::base::error::{HttpError, Result};
use crate::context::Context;

/// The configuration key `TRUSTED_HOSTS`, read once.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `None`: any valid host.
    trusted: Option<Vec<String>>,
}

impl Settings {
    pub(super) fn new(freezing: &Freezing<'_>) -> Result<Settings> {
        let config = freezing.config();
        let listed = config.find::<Vec<String>>("TRUSTED_HOSTS")?;
        // What stands before SERVER_NAME may be looked at by the rules; a fixed host of a rule is one of ours.
        let own = config.find::<String>("SERVER_NAME")?.map(|name| format!(".{name}"));
        let of_rules = freezing.rules().filter_map(|rule| rule.host()).filter(|host| !host.contains('<'));
        // A website whose name resolves to this machine (DNS rebinding) must not be able to read the debug page.
        let trusted = match listed {
            None if config.debug() => {
                let local = ["localhost", ".localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
                Some(local.into_iter().chain(own).chain(of_rules.map(str::to_owned)).collect())
            }
            listed => listed,
        };
        let name = |host: String| without_port(&host).to_ascii_lowercase();
        Ok(Settings { trusted: trusted.map(|hosts| hosts.into_iter().map(name).collect()) })
    }

    fn trusts(&self, host: &str) -> bool {
        let Some(trusted) = &self.trusted else { return true };
        let name = without_port(host);
        trusted.iter().any(|entry| match entry.strip_prefix('.') {
            Some(domain) => name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => name == entry,
        })
    }
}

/// `[::1]` of `[::1]:5000`, where a colon does not begin a port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Refuses a request for a host that is not trusted or not a valid host.
pub(crate) fn check(ctx: &Context) -> Result<()> {
    let request = ctx.request();
    let Some(settings) = ctx.state::<Settings>() else { return Ok(()) };
    if settings.trusted.is_none() {
        return if request.has_possible_host() { Ok(()) } else { Err(no_host()) };
    }
    match request.host() {
        "" => Err(no_host()),
        host if settings.trusts(host) => Ok(()),
        host => {
            Err(HttpError::new(400).description(format!("The host {host} is not trusted here (TRUSTED_HOSTS).")).into())
        }
    }
}

fn no_host() -> crate::base::error::Error {
    HttpError::new(400).description("The request does not name a valid host.").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_whole_names() {
        let settings = Settings { trusted: Some(vec!["app.test".into(), ".sub.test".into(), "[::1]".into()]) };
        for (host, trusted) in [
            ("app.test", true),
            ("app.test:8080", true),
            ("sub.test", true),
            ("a.b.sub.test", true),
            ("[::1]:5000", true),
            ("xapp.test", false),
            ("app.test.evil.example", false),
            ("evilsub.test", false),
            (".sub.test", true),
            ("test", false),
        ] {
            assert_eq!(settings.trusts(host), trusted, "{host}");
        }
    }
}
