//! Security headers on every response, errors and redirects included. Flask-Talisman's place.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::context::{Context, G};
use crate::handler::{Answer, Handler};
use crate::signing::{base64, random_bytes};
use crate::{Config, Error, Result};

/// Where a policy names the nonce of the request.
const NONCE: &str = "{nonce}";

/// What a page may load: its own site, and inline only what carries the request's nonce (`csp_nonce()`).
const DEFAULT_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; img-src 'self' data:";

/// The headers, put together once.
#[derive(Debug)]
pub(crate) struct Settings {
    clear: Block,
    secure: Block,
    policy: HeaderValue,
    /// The policy of a page that asked for a nonce, with [`NONCE`] in it.
    policy_with_nonce: String,
    /// The policy itself asks for a nonce in every response.
    always_nonce: bool,
    enabled: bool,
}

impl Settings {
    pub(super) fn from_config(config: &Config) -> Result<Settings> {
        let policy = config.find::<String>("CONTENT_SECURITY_POLICY")?.unwrap_or_else(|| DEFAULT_POLICY.to_owned());
        let always_nonce = policy.contains(NONCE);
        let policy_with_nonce = match always_nonce {
            true => policy.clone(),
            false => with_nonce(&policy),
        };
        let value = HeaderValue::from_str(&policy).map_err(|_| {
            Error::msg("the configuration key `CONTENT_SECURITY_POLICY` holds a character that no header can have")
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
        let mut clear: HeaderMap =
            constant.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        clear.insert(header::CONTENT_SECURITY_POLICY, value.clone());
        let mut secure = clear.clone();
        let year = HeaderValue::from_static("max-age=31556926; includeSubDomains");
        secure.insert(header::STRICT_TRANSPORT_SECURITY, year);
        Ok(Settings {
            clear: Block::new(clear),
            secure: Block::new(secure),
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

/// Headers that are the same for all responses. To copy a whole map costs a fifth of what it costs to fill one,
/// and a response has few headers of its own; so those go into a copy, in which `Content-Type` has its room.
#[derive(Debug)]
struct Block {
    plain: HeaderMap,
    typed: HeaderMap,
}

impl Block {
    fn new(plain: HeaderMap) -> Block {
        let mut typed = HeaderMap::with_capacity(plain.len() + 1);
        typed.insert(header::CONTENT_TYPE, HeaderValue::from_static(""));
        typed.extend(plain.clone());
        Block { plain, typed }
    }

    /// Adds the headers to a response's own, which stay as they are; `policy` is another one than the block's.
    fn put_under(&self, headers: &mut HeaderMap, policy: Option<HeaderValue>) {
        let block = if headers.contains_key(header::CONTENT_TYPE) { &self.typed } else { &self.plain };
        let own = std::mem::replace(headers, block.clone());
        if let Some(policy) = policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.extend(own);
    }
}

/// The policy with the nonce in what governs scripts and styles; where it has no such part, one is added that
/// says what `default-src` says.
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
    if let Some(Nonce(nonce)) = ctx.g_ref().get() {
        return nonce.clone();
    }
    let nonce = base64::encode(&random_bytes::<18>());
    ctx.g().insert(Nonce(nonce.clone()));
    nonce
}

/// Runs after every other hook, and leaves alone what a view has set itself.
pub(super) struct Headers;

impl Handler for Headers {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        let settings = ctx.state::<Settings>().filter(|settings| settings.enabled);
        if settings.is_some_and(|settings| settings.always_nonce) {
            nonce(ctx);
        }
        let secure = ctx.request().is_secure();
        if let (Some(settings), g, headers) = ctx.state_and_headers::<Settings>()
            && settings.enabled
        {
            let block = if secure { &settings.secure } else { &settings.clear };
            block.put_under(headers, settings.policy(g));
        }
        Answer::Ready(Ok(None))
    }
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
