//! The headers as they are sent, assembled once, so that a request only chooses.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::builtin::security::talisman::policy::{ContentSecurity, Policy};
use crate::builtin::security::talisman::said::Said;
use crate::context::Context;
use crate::context::g::G;
use crate::http::response::DefaultHeaders;
use crate::signing::token_urlsafe;

/// The placeholder for the request's nonce in a policy.
const NONCE: &str = "{nonce}";

/// Everything that an application or a view says, as it is sent.
pub(super) struct Prepared {
    clear: Arc<DefaultHeaders>,
    secure: Arc<DefaultHeaders>,
    policy: Option<Nonced>,
    /// With which status a client is sent to HTTPS.
    force_https: Option<StatusCode>,
}

/// A policy for responses with a nonce.
struct Nonced {
    name: HeaderName,
    /// With [`NONCE`] in it.
    text: String,
    /// Whether the policy itself asks for a nonce in every response.
    always: bool,
}

impl Prepared {
    /// Puts the headers together.
    ///
    /// Fails if one of them cannot be sent as it is.
    pub(super) fn new(said: &Said, is_debug: bool) -> Result<Prepared, String> {
        let on = |option: Option<bool>| option.unwrap_or(false);
        let mut fields = Fields::default();
        if on(said.x_content_type_options) {
            fields.add("x-content-type-options", "nosniff")?;
        }
        fields.add("x-frame-options", text(&said.frame_options))?;
        fields.add("referrer-policy", text(&said.referrer_policy))?;
        fields.add("cross-origin-opener-policy", text(&said.cross_origin_opener_policy))?;
        fields.add("cross-origin-embedder-policy", text(&said.cross_origin_embedder_policy))?;
        fields.add("cross-origin-resource-policy", text(&said.cross_origin_resource_policy))?;
        for (name, policy) in
            [("permissions-policy", &said.permissions_policy), ("document-policy", &said.document_policy)]
        {
            fields.add(name, &policy.as_ref().map(Policy::as_structured).unwrap_or_default())?;
        }
        if on(said.x_xss_protection) {
            fields.add("x-xss-protection", "1; mode=block")?;
        }
        if on(said.force_file_save) {
            fields.add("x-download-options", "noopen")?;
        }
        fields.add("reporting-endpoints", &reporting_endpoints(said)?)?;
        let policy = content_security(said)?.map(|policy| nonced(said, policy, &mut fields)).transpose()?;
        let clear = DefaultHeaders::new(fields.0.clone());
        // It holds for every port of a host for a year, so a developer's own machine is left alone.
        if on(said.strict_transport_security) && !is_debug {
            fields.add("strict-transport-security", &strict_transport_security(said))?;
        }
        let status = if on(said.force_https_permanent) { StatusCode::MOVED_PERMANENTLY } else { StatusCode::FOUND };
        let force_https = (said.force_https.unwrap_or(true) && !is_debug).then_some(status);
        let secure = DefaultHeaders::new(fields.0);
        Ok(Prepared { clear: Arc::new(clear), secure: Arc::new(secure), policy, force_https })
    }

    pub(super) fn force_https(&self) -> Option<StatusCode> {
        self.force_https
    }

    /// Whether every response has a nonce, asked for or not.
    pub(super) fn needs_nonce(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.always)
    }

    /// The policy, where it has a nonce in it, and the other headers.
    pub(super) fn headers(&self, is_secure: bool, g: &G) -> (Option<(HeaderName, HeaderValue)>, Arc<DefaultHeaders>) {
        let with_nonce = |policy: &Nonced| {
            let Nonce(nonce) = g.get()?;
            let value = HeaderValue::try_from(policy.text.replace(NONCE, nonce)).ok()?;
            Some((policy.name.clone(), value))
        };
        let headers = if is_secure { &self.secure } else { &self.clear };
        (self.policy.as_ref().and_then(with_nonce), Arc::clone(headers))
    }
}

fn text(option: &Option<String>) -> &str {
    option.as_deref().unwrap_or_default()
}

/// Headers; without a value there is none.
#[derive(Default)]
struct Fields(Vec<(HeaderName, HeaderValue)>);

impl Fields {
    fn add(&mut self, name: &'static str, value: &str) -> Result<(), String> {
        if !value.is_empty() {
            let value = HeaderValue::from_str(value).map_err(|_| {
                format!("the header `{name}` cannot have the value {value:?}: it has a character that is not allowed")
            })?;
            self.0.push((HeaderName::from_static(name), value));
        }
        Ok(())
    }
}

/// The policy of a page, with where it is reported on.
fn content_security(said: &Said) -> Result<Option<ContentSecurity>, String> {
    let Some(policy) = &said.content_security_policy else { return Ok(None) };
    let mut policy = policy.as_content_security()?;
    if policy.is_empty() {
        return Ok(None);
    }
    let (uri, endpoint) = (text(&said.content_security_policy_report_uri), first_endpoint(said));
    if said.content_security_policy_report_only == Some(true) && uri.is_empty() && endpoint.is_none() {
        return Err("a content security policy that is only reported on needs an address for the reports: \
                    `content_security_policy_report_uri` or `reporting_endpoints`"
            .to_owned());
    }
    if !uri.is_empty() {
        policy.add("report-uri", uri);
    }
    if let Some(endpoint) = endpoint {
        policy.add("report-to", endpoint);
    }
    Ok(Some(policy))
}

/// The policy for responses with a nonce; that for those without is put among `fields`.
fn nonced(said: &Said, policy: ContentSecurity, fields: &mut Fields) -> Result<Nonced, String> {
    let name = match said.content_security_policy_report_only {
        Some(true) => "content-security-policy-report-only",
        _ => "content-security-policy",
    };
    let plain = policy.text();
    fields.add(name, &plain)?;
    let always = plain.contains(NONCE);
    let directives = said.content_security_policy_nonce_in.as_deref().unwrap_or_default();
    let text = if always { plain } else { policy.with_source(directives, &format!("'nonce-{NONCE}'")).text() };
    Ok(Nonced { name: HeaderName::from_static(name), text, always })
}

fn first_endpoint(said: &Said) -> Option<&str> {
    said.reporting_endpoints.as_ref()?.first().map(|(name, _)| name.as_str())
}

/// `csp="https://reports.example/csp"`.
fn reporting_endpoints(said: &Said) -> Result<String, String> {
    let endpoint = |(name, uri): &(String, String)| {
        let is_key = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b));
        if is_key && !uri.contains(['"', '\\']) {
            return Ok(format!("{name}=\"{uri}\""));
        }
        Err(format!("`{name}={uri:?}` is not an endpoint for reports: its name has lower-case letters, digits and `-`"))
    };
    let endpoints = said.reporting_endpoints.iter().flatten().map(endpoint).collect::<Result<Vec<_>, _>>()?;
    Ok(endpoints.join(", "))
}

fn strict_transport_security(said: &Said) -> String {
    let mut value = format!("max-age={}", said.strict_transport_security_max_age.unwrap_or_default());
    if said.strict_transport_security_include_subdomains == Some(true) {
        value.push_str("; includeSubDomains");
    }
    if said.strict_transport_security_preload == Some(true) {
        value.push_str("; preload");
    }
    value
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
