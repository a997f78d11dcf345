//! The check against cross-site request forgery.
//!
//! A request that may change something (not GET, HEAD, OPTIONS or TRACE) must show that our own site sent it:
//!
//! 1. with `Sec-Fetch-Site: same-origin`, which every current browser sends and no script can forge;
//! 2. with an `Origin` that is our host, which older browsers send;
//! 3. with a token that only a page of ours could know, bound to the session: Flask-WTF's, in the form field
//!    `csrf_token` or in the header `X-CSRFToken`.
//!
//! So a form needs no token in a current browser; for the others, `{{ form.hidden_tag() }}` or `csrf_token()` adds
//! one. A request with an `Authorization: Bearer …` and without any cookie passes: no browser adds that header for
//! another site.

use std::time::Duration;

use http::Method;
use http::header::{self, HeaderName};

use crate::app::freezing::Freezing;
use crate::base::config::Config;
use crate::base::error::{Error, HttpError, Result};
use crate::base::html::{Html, ToHtml};
use crate::context::Context;
use crate::handler::{Answer, Handler};
use crate::http::request::Request;
use crate::signing::{Serializer, Verified, compare_digest, random_bytes};

/// The salt that Flask-WTF uses for its tokens.
const SALT: &str = "wtf-csrf-token";

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The configuration keys `WTF_CSRF_…`, read once.
#[derive(Debug)]
pub(crate) struct Settings {
    enabled: bool,
    signer: Option<Serializer>,
    field: String,
    headers: Vec<String>,
    time_limit: Option<Duration>,
    trusted_origins: Vec<String>,
}

impl Settings {
    pub(super) fn from_config(config: &Config) -> Result<Settings> {
        let signer = match config.find::<String>("WTF_CSRF_SECRET_KEY")? {
            Some(key) => Some(Serializer::new([key], SALT)),
            None => Serializer::from_config(config, SALT)?,
        };
        Ok(Settings {
            enabled: config.switch("WTF_CSRF_ENABLED", true),
            signer,
            field: config.get("WTF_CSRF_FIELD_NAME")?,
            headers: config.get("WTF_CSRF_HEADERS")?,
            time_limit: config.seconds("WTF_CSRF_TIME_LIMIT")?,
            trusted_origins: config.get("WTF_CSRF_TRUSTED_ORIGINS")?,
        })
    }
}

/// The option of a rule, a blueprint or an application that takes its requests out of the check against cross-site
/// request forgery: for an API whose callers prove themselves by a token of their own, never by a cookie.
/// Flask-WTF's `@csrf.exempt`.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::security::CsrfExempt;
///
/// #[post("/webhook", with = CsrfExempt)]
/// async fn webhook() -> &'static str {
///     "noted"
/// }
///
/// let api = Blueprint::new("api").with(CsrfExempt).routes(routes![webhook]);
/// let client = App::new("doc", ".").register_blueprint(api).test_client().without_browser_headers();
/// assert_eq!(client.post("/webhook").send_blocking().text(), "noted");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsrfExempt;

/// Whether a form can have a token: it is bound to the session, and signed.
///
/// # Errors
///
/// Says what is missing and what to do.
pub(crate) fn check(freezing: &Freezing<'_>) -> Result<(), String> {
    freezing.require_session()?;
    match freezing.config().find::<String>("WTF_CSRF_SECRET_KEY") {
        Ok(None) => freezing.require_secret_key(),
        _ => Ok(()),
    }
}

/// The hook that checks; it runs first of all.
pub(super) struct Check;

impl Handler for Check {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        if !applies(ctx) {
            return Answer::Ready(Ok(None));
        }
        match sender(ctx) {
            Sender::Ours => Answer::Ready(Ok(None)),
            Sender::Foreign => Answer::Ready(Err(refused("The request came from another site."))),
            Sender::Unknown => Answer::Later(Box::pin(async { check_token(ctx).await.map(|()| None) })),
        }
    }
}

fn applies(ctx: &Context) -> bool {
    let safe = matches!(*ctx.request().method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    // Without a rule none of our views runs; a mounted application has its own checks.
    !safe
        && ctx.rule().is_some()
        && ctx.option::<CsrfExempt>().is_none()
        && ctx.state::<Settings>().is_some_and(|settings| settings.enabled)
}

/// Where a request comes from, according to the browser.
enum Sender {
    Ours,
    Foreign,
    Unknown,
}

fn sender(ctx: &Context) -> Sender {
    let request = ctx.request();
    let origin = || request.header(header::ORIGIN);
    let trusted = || match (origin(), ctx.state::<Settings>()) {
        (Some(origin), Some(settings)) => {
            settings.trusted_origins.iter().any(|trusted| trusted.eq_ignore_ascii_case(origin))
        }
        _ => false,
    };
    let from = |ours: bool| if ours || trusted() { Sender::Ours } else { Sender::Foreign };
    match request.header(&SEC_FETCH_SITE) {
        Some(site) => from(site == "same-origin" || site == "none"),
        None => match origin() {
            Some(origin) => from(request.is_own_origin(origin)),
            None if has_only_a_bearer_token(request) => Sender::Ours,
            None => Sender::Unknown,
        },
    }
}

fn has_only_a_bearer_token(request: &Request) -> bool {
    let bearer = request
        .header(header::AUTHORIZATION)
        .is_some_and(|value| value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")));
    bearer && !request.headers().contains_key(header::COOKIE)
}

fn refused(reason: &str) -> Error {
    HttpError::new(400).description(reason).into()
}

/// The header is looked at first, and the form only if its token could be right: whoever has no session does not get
/// a body read, let alone its files kept.
async fn check_token(ctx: &mut Context) -> Result<()> {
    let app = ctx.app().clone();
    let Some(settings) = app.state::<Settings>() else { return Ok(()) };
    let in_header = token_in_header(ctx.request(), settings);
    let Some(expected) = ctx.session().get::<String>(&settings.field) else {
        return Err(match in_header {
            // It may be in the form; without the session it is of no use.
            None if ctx.request().want_form_data_parsed() => {
                refused(&format!("The CSRF session token is missing. {}", advice(ctx.request())))
            }
            None => missing(ctx.request()),
            Some(_) => refused("The CSRF session token is missing."),
        });
    };
    let of_header = in_header.map(|token| compared(&token, &expected, settings));
    if let Some(Ok(())) = of_header {
        return Ok(());
    }
    match (token_in_form(ctx, settings).await?, of_header) {
        (Some(token), _) => compared(&token, &expected, settings),
        (None, Some(of_header)) => of_header,
        (None, None) => Err(missing(ctx.request())),
    }
}

fn missing(request: &Request) -> Error {
    refused(&format!("The CSRF token is missing. {}", advice(request)))
}

/// Whether `token` is a signed `expected`.
fn compared(token: &str, expected: &str, settings: &Settings) -> Result<()> {
    let Some(signer) = &settings.signer else {
        return Err(refused("The CSRF token is invalid."));
    };
    match signer.loads::<String>(token, settings.time_limit) {
        Verified::Valid(value) if compare_digest(&value, expected) => Ok(()),
        Verified::Valid(_) => Err(refused("The CSRF tokens do not match.")),
        Verified::Expired => Err(refused("The CSRF token has expired. Load the page again.")),
        Verified::Invalid => Err(refused("The CSRF token is invalid.")),
    }
}

/// What to do, for the author of a page or of a program.
fn advice(request: &Request) -> String {
    if request.is_json() || request.accept().prefers_json() {
        let origin = format!("{}://{}", request.scheme().as_str(), request.host());
        format!(
            "A program does without one if it sends the header `Origin: {origin}`; a script of a page sends the token in the header `X-CSRFToken`."
        )
    } else {
        "Put `{{ csrf_token() }}` into the form, or send it in the header `X-CSRFToken`.".to_owned()
    }
}

fn token_in_header(request: &Request, settings: &Settings) -> Option<String> {
    let mut headers = settings.headers.iter().filter_map(|name| request.header(name.as_str()));
    headers.find(|token| !token.is_empty()).map(str::to_owned)
}

/// In the form under its exact name, or under a name that ends with it (a prefixed form).
async fn token_in_form(ctx: &mut Context, settings: &Settings) -> Result<Option<String>> {
    let form = ctx.form().await?;
    let in_form = form.get(&settings.field).map(str::to_owned);
    let in_form = in_form.or_else(|| {
        form.fields.iter().find(|(name, _)| name.ends_with(&settings.field)).map(|(_, value)| value.to_owned())
    });
    Ok(in_form.filter(|token| !token.is_empty()))
}

/// The token made for this request.
struct Token(String);

/// A token for this session: one per request, and all of a session's are valid at once until they expire.
pub(crate) fn generate(ctx: &mut Context) -> Result<String> {
    if let Some(Token(token)) = ctx.g().get() {
        return Ok(token.clone());
    }
    let app = ctx.app().clone();
    let settings =
        app.state::<Settings>().ok_or_else(|| Error::msg("the application was made without its security part"))?;
    let signer =
        settings.signer.as_ref().ok_or_else(|| Error::msg("a CSRF token needs a secret key; set `SECRET_KEY`"))?;
    let session = ctx.session();
    let secret = session.get::<String>(&settings.field).unwrap_or_else(|| {
        // As long as Flask-WTF's, which is a digest of random bytes and so no more random.
        let secret: String = random_bytes::<20>().iter().map(|b| format!("{b:02x}")).collect();
        session.set(&settings.field, &secret);
        secret
    });
    let token = signer.dumps(&secret)?;
    ctx.g_mut().insert(Token(token.clone()));
    Ok(token)
}

/// A hidden field with the token; empty if the check is switched off.
pub(crate) fn field(ctx: &mut Context) -> Result<Html> {
    let Some(name) = ctx.state::<Settings>().filter(|settings| settings.enabled).map(|settings| settings.field.clone())
    else {
        return Ok(Html::default());
    };
    let mut html = String::from("<input id=\"");
    name.to_html(&mut html);
    html.push_str("\" name=\"");
    name.to_html(&mut html);
    html.push_str("\" type=\"hidden\" value=\"");
    generate(ctx)?.to_html(&mut html);
    html.push_str("\">");
    Ok(Html::new(html))
}
