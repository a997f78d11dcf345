//! The headers that keep a browser from being used against a site, and the redirect to HTTPS: what Flask-Talisman is for
//! Flask, with the names of its options.

mod policy;
mod prepared;
mod said;

use http::header;

use crate::app::App;
use crate::app::extension::Extension;
use crate::app::freezing::Freezing;
use crate::app::scaffold::Scaffold;
use crate::base::config::Config;
use crate::base::error::{Error, HttpError, Result};
use crate::builtin::security::talisman::prepared::Prepared;
use crate::builtin::security::talisman::said::Said;
use crate::context::Context;
use crate::handler::{Answer, Handler};
use crate::http::response::Response;

pub use crate::builtin::security::talisman::policy::Policy;
pub(crate) use crate::builtin::security::talisman::prepared::nonce;

/// Changes the security headers that every response has, and sends clients that came over HTTP to HTTPS. Flask-Talisman's
/// options, by their names.
///
/// Without it an application has the headers of the defaults and no redirect. As an extension it holds for the
/// application. As an option it holds for a view or a blueprint, and what it does not say stays as it is around it. A
/// header that a view sets itself stands in any case. An empty text leaves a header out.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::security::Talisman;
///
/// #[get("/")]
/// async fn index() -> &'static str {
///     "a page"
/// }
///
/// #[get("/map", with = Talisman::new().frame_options("").content_security_policy([
///     ("default-src", "'self' https://tiles.example"),
///     ("frame-ancestors", "https://partner.example"),
/// ]))]
/// async fn map() -> &'static str {
///     "a page that a partner may show in a frame"
/// }
///
/// let talisman = Talisman::new().referrer_policy("no-referrer").strict_transport_security_preload(true);
/// let client = App::new("doc", ".").config("DEBUG", false).extend(talisman).routes(routes![index, map]).test_client();
/// assert_eq!(client.get("/").send_blocking().status(), 302);
/// let page = client.get("/").https().send_blocking();
/// assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
/// assert_eq!(page.header("strict-transport-security"), Some("max-age=31556926; includeSubDomains; preload"));
/// let map = client.get("/map").https().send_blocking();
/// assert_eq!((map.header("x-frame-options"), map.header("referrer-policy")), (None, Some("no-referrer")));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until an application or a view is given it"]
pub struct Talisman(Said);

/// Every option says its default for an application.
impl Talisman {
    /// One that changes nothing; as an extension it sends clients to HTTPS.
    pub fn new() -> Talisman {
        Talisman::default()
    }

    /// Whether a request over HTTP is redirected to HTTPS, at the port `HTTPS_PORT` if that is set. Yes; never in debug
    /// mode. For a view it counts only if the application has the extension.
    pub fn force_https(mut self, on: bool) -> Talisman {
        self.0.force_https = Some(on);
        self
    }

    /// Whether that redirect is permanent: 301, and not 302. No.
    pub fn force_https_permanent(mut self, on: bool) -> Talisman {
        self.0.force_https_permanent = Some(on);
        self
    }

    /// `X-Frame-Options`, which old browsers look at in place of the policy's `frame-ancestors`: `SAMEORIGIN`.
    pub fn frame_options(mut self, value: impl Into<String>) -> Talisman {
        self.0.frame_options = Some(value.into());
        self
    }

    /// Whether `Strict-Transport-Security` is sent, over HTTPS only. Yes; never in debug mode.
    pub fn strict_transport_security(mut self, on: bool) -> Talisman {
        self.0.strict_transport_security = Some(on);
        self
    }

    /// How many seconds browsers use nothing but HTTPS: a year.
    pub fn strict_transport_security_max_age(mut self, seconds: u64) -> Talisman {
        self.0.strict_transport_security_max_age = Some(seconds);
        self
    }

    /// Whether that holds for the domains below this one too. Yes.
    pub fn strict_transport_security_include_subdomains(mut self, on: bool) -> Talisman {
        self.0.strict_transport_security_include_subdomains = Some(on);
        self
    }

    /// Whether browsers may have it built in. No: it cannot be taken back soon.
    pub fn strict_transport_security_preload(mut self, on: bool) -> Talisman {
        self.0.strict_transport_security_preload = Some(on);
        self
    }

    /// `Content-Security-Policy`: what a page may load and run. By default it is its own site, and images in the page.
    /// `{nonce}` in it becomes the request's nonce.
    pub fn content_security_policy(mut self, policy: impl Into<Policy>) -> Talisman {
        self.0.content_security_policy = Some(policy.into());
        self
    }

    /// The directives to which the nonce is added in a response whose page asks for it (`csp_nonce()`): `script-src` and
    /// `style-src`. One that the policy does not have is added, as a copy of `default-src`.
    pub fn content_security_policy_nonce_in(
        mut self,
        directives: impl IntoIterator<Item = impl Into<String>>,
    ) -> Talisman {
        self.0.content_security_policy_nonce_in = Some(directives.into_iter().map(Into::into).collect());
        self
    }

    /// Whether the policy is only reported on, and not enforced. No. It needs an address for the reports.
    pub fn content_security_policy_report_only(mut self, on: bool) -> Talisman {
        self.0.content_security_policy_report_only = Some(on);
        self
    }

    /// Where browsers report what the policy has stopped: `report-uri`.
    pub fn content_security_policy_report_uri(mut self, uri: impl Into<String>) -> Talisman {
        self.0.content_security_policy_report_uri = Some(uri.into());
        self
    }

    /// `Reporting-Endpoints`, which newer browsers look at in place of `report-uri`: names, and addresses for reports. The
    /// policy reports to the first of them, unless it has a `report-to` of its own.
    pub fn reporting_endpoints<N: Into<String>, U: Into<String>>(
        mut self,
        endpoints: impl IntoIterator<Item = (N, U)>,
    ) -> Talisman {
        let endpoints = endpoints.into_iter().map(|(name, uri)| (name.into(), uri.into()));
        self.0.reporting_endpoints = Some(endpoints.collect());
        self
    }

    /// `Referrer-Policy`: what other sites learn of where a visitor came from. `strict-origin-when-cross-origin`.
    pub fn referrer_policy(mut self, value: impl Into<String>) -> Talisman {
        self.0.referrer_policy = Some(value.into());
        self
    }

    /// `Permissions-Policy`: what a page may ask the browser for. By default neither camera, microphone nor the place, and
    /// no topics for advertising.
    pub fn permissions_policy(mut self, policy: impl Into<Policy>) -> Talisman {
        self.0.permissions_policy = Some(policy.into());
        self
    }

    /// `Document-Policy`. None.
    pub fn document_policy(mut self, policy: impl Into<Policy>) -> Talisman {
        self.0.document_policy = Some(policy.into());
        self
    }

    /// `Cross-Origin-Opener-Policy`: whether pages of other sites can hold on to a window. `same-origin`.
    pub fn cross_origin_opener_policy(mut self, value: impl Into<String>) -> Talisman {
        self.0.cross_origin_opener_policy = Some(value.into());
        self
    }

    /// `Cross-Origin-Embedder-Policy`: whether a page loads only what allows it. None; with `require-corp`, pages may use
    /// shared memory.
    pub fn cross_origin_embedder_policy(mut self, value: impl Into<String>) -> Talisman {
        self.0.cross_origin_embedder_policy = Some(value.into());
        self
    }

    /// `Cross-Origin-Resource-Policy`: which sites may load what is here. `same-origin`; an image for others is
    /// `cross-origin`.
    pub fn cross_origin_resource_policy(mut self, value: impl Into<String>) -> Talisman {
        self.0.cross_origin_resource_policy = Some(value.into());
        self
    }

    /// Whether `X-Content-Type-Options: nosniff` is sent. Yes.
    pub fn x_content_type_options(mut self, on: bool) -> Talisman {
        self.0.x_content_type_options = Some(on);
        self
    }

    /// Whether `X-XSS-Protection: 1; mode=block` is sent. No: what it switched on is gone from browsers, and did harm.
    pub fn x_xss_protection(mut self, on: bool) -> Talisman {
        self.0.x_xss_protection = Some(on);
        self
    }

    /// Whether `X-Download-Options: noopen` is sent, which Internet Explorer 8 looked at. No.
    pub fn force_file_save(mut self, on: bool) -> Talisman {
        self.0.force_file_save = Some(on);
        self
    }
}

#[diagnostic::do_not_recommend]
impl Extension for Talisman {
    fn init_app(self, app: App) -> App {
        app.insert_state(self).before_request(ForceHttps)
    }
}

/// What the application and its views say, put together once.
pub(crate) struct Settings {
    /// Whether there are headers: `SECURITY_HEADERS`.
    headers: bool,
    /// `HTTPS_PORT`.
    https_port: Option<u16>,
    /// What holds where no view says otherwise.
    app: Prepared,
    /// For each list of options of a view, which are known by where they are in memory: they stay there.
    views: Vec<(Vec<usize>, Prepared)>,
}

impl Settings {
    pub(super) fn new(freezing: &mut Freezing<'_>) -> Result<Settings> {
        let (config, own) = (freezing.config(), freezing.state::<Talisman>());
        let (headers, is_debug) = (config.switch("SECURITY_HEADERS", true), config.debug());
        let https_port = config.find("HTTPS_PORT")?;
        let around = around(config, own)?;
        let redirects = own.is_some();
        let app = Prepared::new(&around, is_debug).map_err(Error::msg)?;
        let mut views: Vec<(Vec<usize>, Prepared)> = Vec::new();
        for rule in freezing.rules() {
            let key: Vec<usize> = rule.options::<Talisman>().map(place).collect();
            if key.is_empty() || views.iter().any(|(known, _)| *known == key) {
                continue;
            }
            let said = rule.options::<Talisman>().fold(around.clone(), |around, Talisman(said)| said.over(&around));
            if said.force_https == Some(true) && !redirects {
                let message =
                    "`force_https` of a view has no effect without `.extend(Talisman::new())` on the application";
                freezing.problem_at(rule.location(), message);
            }
            match Prepared::new(&said, is_debug) {
                Ok(prepared) => views.push((key, prepared)),
                Err(message) => freezing.problem_at(rule.location(), message),
            }
        }
        Ok(Settings { headers, https_port, app, views })
    }

    /// What holds for a request.
    fn of(&self, ctx: &Context) -> &Prepared {
        // Nearly every application has none.
        if self.views.is_empty() {
            return &self.app;
        }
        let holds = |key: &[usize]| ctx.options::<Talisman>().map(place).eq(key.iter().copied());
        self.views.iter().find(|(key, _)| holds(key)).map_or(&self.app, |(_, prepared)| prepared)
    }
}

/// The defaults, and what an application says.
fn around(config: &Config, own: Option<&Talisman>) -> Result<Said> {
    let said = own.map_or_else(Said::defaults, |Talisman(own)| own.over(&Said::defaults()));
    let policy = config.find::<Policy>("CONTENT_SECURITY_POLICY")?;
    if policy.is_some() {
        let alone = Said { content_security_policy: policy.clone(), ..Said::default() };
        Prepared::new(&alone, true)
            .map_err(|message| Error::msg(format!("the configuration key `CONTENT_SECURITY_POLICY`: {message}")))?;
    }
    Ok(Said { content_security_policy: policy.or(said.content_security_policy.clone()), ..said })
}

fn place(option: &Talisman) -> usize {
    std::ptr::from_ref(option).addr()
}

/// Runs after every other hook, and leaves alone whatever a view has set itself.
pub(super) struct Headers;

impl Handler for Headers {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        if enabled(ctx).is_some_and(|settings| settings.of(ctx).needs_nonce()) {
            nonce(ctx);
        }
        let Some(settings) = enabled(ctx) else { return Answer::Ready(Ok(None)) };
        let (policy, headers) = settings.of(ctx).headers(ctx.request().is_secure(), ctx.g());
        let response = ctx.response_mut();
        if let Some((name, policy)) = policy {
            response.headers_mut().entry(name).or_insert(policy);
        }
        response.set_default_headers(&headers);
        Answer::Ready(Ok(None))
    }
}

fn enabled(ctx: &Context) -> Option<&Settings> {
    ctx.state::<Settings>().filter(|settings| settings.headers)
}

/// Sends clients that came over HTTP to HTTPS.
struct ForceHttps;

impl Handler for ForceHttps {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Ready(redirect_to_https(ctx))
    }
}

fn redirect_to_https(ctx: &Context) -> Result<Option<Response>> {
    let request = ctx.request();
    let Some(settings) = ctx.state::<Settings>().filter(|_| !request.is_secure()) else { return Ok(None) };
    let Some(status) = settings.of(ctx).force_https() else { return Ok(None) };
    let host = request.host();
    if host.is_empty() {
        return Err(HttpError::new(400).description("The request does not name a valid host.").into());
    }
    // Without a port of its own HTTPS is expected where HTTP was, as Talisman does.
    let host = match settings.https_port {
        None => host.to_owned(),
        Some(443) => without_port(host).to_owned(),
        Some(port) => format!("{}:{port}", without_port(host)),
    };
    let url = request.url();
    let rest = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("/");
    let mut response = Response::new("This is served over HTTPS only.\n").with_status(status);
    if let Ok(location) = format!("https://{host}{rest}").try_into() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(Some(response))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}
