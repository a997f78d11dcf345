//! Security headers on every response, including errors and redirects. What Flask-Talisman is for Flask.

use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};

use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::context::g::G;
use crate::handler::{Answer, Handler};
use crate::http::response::DefaultHeaders;
use crate::signing::token_urlsafe;

/// The placeholder for the request's nonce in a policy.
const NONCE: &str = "{nonce}";

/// The default policy: a page may load from its own site, and inline only what carries the request's nonce
/// (`csp_nonce()`).
const DEFAULT_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; img-src 'self' data:";

/// The headers, assembled once.
#[derive(Debug)]
pub(crate) struct Settings {
    clear: Arc<DefaultHeaders>,
    secure: Arc<DefaultHeaders>,
    policy: HeaderValue,
    /// The policy of a page that asked for a nonce, with [`NONCE`] in it.
    policy_with_nonce: String,
    /// Whether the policy itself asks for a nonce in every response.
    always_nonce: bool,
    enabled: bool,
}

impl Settings {
    pub(super) fn from_config(config: &Config) -> Result<Settings> {
        let policy = config.find::<String>("CONTENT_SECURITY_POLICY")?.unwrap_or_else(|| DEFAULT_POLICY.to_owned());
        let always_nonce = policy.contains(NONCE);
        let policy_with_nonce = if always_nonce { policy.clone() } else { with_nonce(&policy) };
        let value = HeaderValue::from_str(&policy).map_err(|_| {
            Error::msg(
                "the configuration key `CONTENT_SECURITY_POLICY` contains a character that is not allowed in a header",
            )
        })?;
        let constant = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
            (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (
                HeaderName::from_static("permissions-policy"),
                "browsing-topics=(), camera=(), geolocation=(), microphone=()",
            ),
        ];
        let mut fields: Vec<_> =
            constant.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        fields.push((header::CONTENT_SECURITY_POLICY, value.clone()));
        let clear = DefaultHeaders::new(fields.clone());
        let year = HeaderValue::from_static("max-age=31556926; includeSubDomains");
        fields.push((header::STRICT_TRANSPORT_SECURITY, year));
        Ok(Settings {
            clear: Arc::new(clear),
            secure: Arc::new(DefaultHeaders::new(fields)),
            policy: value,
            policy_with_nonce,
            always_nonce,
            enabled: config.switch("SECURITY_HEADERS", true),
        })
    }

    /// The policy of a response with a nonce.
    fn policy(&self, g: &G) -> Option<HeaderValue> {
        let Nonce(nonce) = g.get()?;
        let policy = self.policy_with_nonce.replace(NONCE, nonce);
        Some(HeaderValue::from_str(&policy).unwrap_or_else(|_| self.policy.clone()))
    }
}

/// The policy with the nonce added to its directives for scripts and styles; a missing directive is added as a
/// copy of `default-src`.
fn with_nonce(policy: &str) -> String {
    let sources = |name: &str| {
        policy.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned)
    };
    let fallback = sources("default-src").unwrap_or_else(|| "'self'".to_owned());
    let mut parts: Vec<String> = policy
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.starts_with("script-src ") && !part.starts_with("style-src "))
        .map(str::to_owned)
        .collect();
    for name in ["script-src", "style-src"] {
        let listed = sources(name).unwrap_or_else(|| fallback.clone());
        parts.push(format!("{name} {listed} 'nonce-{NONCE}'"));
    }
    parts.join("; ")
}

/// The nonce of a request that asked for one.
struct Nonce(String);

/// The request's nonce, the same for the whole response: `<script nonce="{{ csp_nonce() }}">`.
pub(crate) fn nonce(ctx: &mut Context) -> String {
    if let Some(Nonce(nonce)) = ctx.g().get() {
        return nonce.clone();
    }
    let nonce = token_urlsafe::<18>();
    ctx.g_mut().insert(Nonce(nonce.clone()));
    nonce
}

/// Runs after every other hook, and leaves alone whatever a view has set itself.
pub(super) struct Headers;

impl Handler for Headers {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        if let Some((policy, headers)) = headers_for(ctx) {
            let response = ctx.response_mut();
            if let Some(policy) = policy {
                response.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
            }
            response.set_default_headers(&headers);
        }
        Answer::Ready(Ok(None))
    }
}

/// The policy, where it has a nonce in it, and the other headers.
fn headers_for(ctx: &mut Context) -> Option<(Option<HeaderValue>, Arc<DefaultHeaders>)> {
    let settings = ctx.state::<Settings>().filter(|settings| settings.enabled)?;
    if settings.always_nonce {
        nonce(ctx);
    }
    let settings = ctx.state::<Settings>()?;
    let headers = if ctx.request().is_secure() { &settings.secure } else { &settings.clear };
    Some((settings.policy(ctx.g()), Arc::clone(headers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_goes_where_scripts_and_styles_are_governed() {
        assert_eq!(
            with_nonce("default-src 'self'; script-src 'self' https://cdn.example; img-src *"),
            "default-src 'self'; img-src *; script-src 'self' https://cdn.example 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'"
        );
    }
}
