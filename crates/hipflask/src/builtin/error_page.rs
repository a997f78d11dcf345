//! What a client sees of an error: a short page or JSON. The developer sees everything.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use http::Method;
use http::header::{self, HeaderValue};
use serde_json::json;

use crate::base::error::{Error, HttpError};
use crate::base::html::{Html, ToHtml};
use crate::builtin::form::PasswordFields;
use crate::builtin::templating::TemplateError;
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::respond::Respond;
use crate::http::json::Json;
use crate::http::peer::Peer;
use crate::http::response::Response;
use crate::signing::token_urlsafe;

impl Context {
    /// The response that an HTTP error is answered with where no error handler is in the way: Flask's page, or JSON for a
    /// client that prefers it, with the error's own headers.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn closed(ctx: &mut Context) -> Response {
    ///     ctx.error_page(&HttpError::new(503).header("retry-after", "60"))
    /// }
    ///
    /// let client = App::new("doc", ".").add_url_rule(Rule::new("/"), closed).test_client();
    /// let response = client.get("/").send_blocking();
    /// assert_eq!((response.status().as_u16(), response.header("retry-after")), (503, Some("60")));
    /// ```
    pub fn error_page(&self, error: &HttpError) -> Response {
        http(self, error)
    }
}

/// The page that the error has where no handler answers it.
#[diagnostic::do_not_recommend]
impl Respond for HttpError {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        Answer::Ready(Ok(http(ctx, &self)))
    }
}

/// The page for an HTTP error that has no handler.
pub(crate) fn http(ctx: &Context, error: &HttpError) -> Response {
    let mut response = if ctx.request().accept().prefers_json() {
        json_response(json!({"code": error.status().as_u16(), "name": error.name(), "description": error.text()}))
    } else if error.status() == 404 && shows_details(ctx) {
        not_found(ctx)
    } else {
        Response::new(short_page(error))
    };
    *response.status_mut() = error.status();
    response.headers_mut().extend(error.headers().clone());
    response.vary("Accept");
    response
}

/// The page for an unhandled error: no internals, unless the developer is looking at it.
pub(crate) fn unhandled(ctx: &Context, error: &Error) -> Response {
    let short = HttpError::new(500);
    if !shows_details(ctx) {
        return http(ctx, &short);
    }
    let response = if ctx.request().accept().prefers_json() {
        json_response(json!({
            "code": 500,
            "name": short.name(),
            "description": error.to_string(),
            "causes": error.causes(),
            "at": place_of(error).map(|(file, line)| format!("{file}:{line}")),
        }))
    } else {
        debug_page(ctx, error)
    };
    let mut response = response.with_status(500);
    response.vary("Accept");
    response
}

/// Only during development, and only for this machine.
pub(crate) fn shows_details(ctx: &Context) -> bool {
    ctx.config().debug() && ctx.request().is_local()
}

fn from(peer: Peer) -> String {
    match peer {
        Peer::Memory => "memory".to_owned(),
        Peer::Network(address) => address.ip().to_string(),
        Peer::Unix => "a Unix socket".to_owned(),
    }
}

fn json_response(value: serde_json::Value) -> Response {
    Response::try_from(Json(value)).unwrap_or_default()
}

/// Flask's page, with exactly its markup; line breaks in the description are kept.
fn short_page(error: &HttpError) -> Html {
    let (code, name) = (error.status().as_u16(), Html::escape(error.name()).into_string());
    let description = Html::escape(error.text()).into_string().replace('\n', "<br>");
    Html::new(format!(
        "<!doctype html>\n<html lang=en>\n<title>{code} {name}</title>\n<h1>{name}</h1>\n<p>{description}</p>\n"
    ))
}

/// A page of the debugger under construction.
struct Page {
    html: String,
    nonce: String,
}

const STYLE: &str = "\
    :root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}\
    h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:1.6rem 0 .4rem}p.error{font-size:1.15rem;color:light-dark(#a4101f,#ff8a94)}\
    pre,table{font:13px/1.5 ui-monospace,monospace;background:light-dark(#f4f4f2,#1d1f21);border-radius:6px;padding:.6rem;overflow:auto;width:100%;box-sizing:border-box}\
    pre b{background:light-dark(#ffe3a3,#5c4710);display:block;font-weight:inherit}table{display:block}h1,h2,p,td{overflow-wrap:anywhere}td{padding:0 .8rem 0 0;vertical-align:top}td:first-child{opacity:.7;white-space:nowrap}";

impl Page {
    fn new(title: &str, name: &str) -> Page {
        let nonce = token_urlsafe::<16>();
        let mut page = Page { html: String::new(), nonce };
        page.raw("<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n<title>");
        page.text(title);
        page.raw("</title>\n");
        let style = format!("<style nonce=\"{}\">{STYLE}</style>\n<h1>", page.nonce);
        page.raw(&style);
        page.text(name);
        page.raw("</h1>\n");
        page
    }

    fn raw(&mut self, html: &str) {
        self.html.push_str(html);
    }

    fn text(&mut self, text: &str) {
        text.to_html(&mut self.html);
    }

    fn heading(&mut self, text: &str) {
        self.raw("<h2>");
        self.text(text);
        self.raw("</h2>\n");
    }

    fn error(&mut self, text: &str) {
        self.raw("<p class=error>");
        self.text(text);
        self.raw("</p>\n");
    }

    /// The lines around `line`, with that one marked.
    fn source(&mut self, title: &str, source: &str, line: u32) {
        self.heading(title);
        self.raw("<pre>");
        let first = line.saturating_sub(6).max(1);
        for (number, text) in (first..).zip(source.lines().skip(first as usize - 1).take(12)) {
            self.raw(if number == line { "<b>" } else { "" });
            let _ = write!(self.html, "{number:>5}  ");
            self.text(text);
            self.raw(if number == line { "</b>" } else { "\n" });
        }
        self.raw("</pre>\n");
    }

    fn table<'a>(&mut self, title: &str, rows: impl IntoIterator<Item = (&'a str, String)>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return;
        }
        self.heading(title);
        self.raw("<table>");
        for (name, value) in rows {
            self.raw("<tr><td>");
            self.text(name);
            self.raw("</td><td>");
            self.text(&value);
            self.raw("</td></tr>\n");
        }
        self.raw("</table>\n");
    }

    fn into_response(self) -> Response {
        let policy =
            format!("default-src 'none'; style-src 'nonce-{}'; base-uri 'none'; frame-ancestors 'none'", self.nonce);
        let mut response = Response::new(Html::new(self.html));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// A 404 with the rules that were tried.
fn not_found(ctx: &Context) -> Response {
    let request = ctx.request();
    let mut page = Page::new("404 Not Found", "404 Not Found");
    page.error(&format!("No rule matches {} {}", request.method(), request.path()));
    let rules: Vec<(&str, String)> = ctx
        .app()
        .rules()
        .map(|rule| {
            let methods: Vec<&str> = rule.methods().map(Method::as_str).collect();
            (rule.text(), format!("{} → {}", methods.join(", "), rule.endpoint()))
        })
        .collect();
    page.table("Rules that were tried", rules);
    page.raw("<p>You see this because debug mode is on.</p>\n");
    page.into_response()
}

fn debug_page(ctx: &Context, error: &Error) -> Response {
    let title = error.causes().pop().unwrap_or_else(|| error.to_string());
    let (request, concealed) = (ctx.request(), Concealed::of(ctx));
    let mut page = Page::new(&title, &format!("{} {}", request.method(), request.path()));
    page.error(&error.to_string());
    page.table("Caused by", error.causes().into_iter().map(|cause| ("", cause)));
    if let Some(frame) = error.find::<TemplateError>().filter(|frame| !frame.name().is_empty()) {
        page.source(&format!("Template {}:{}", frame.name(), frame.line()), frame.source_text(), frame.line());
    }
    if let Some((file, line)) = error.place() {
        match read_source(ctx, file) {
            Some(source) => page.source(&format!("{file}:{line}"), &source, line),
            None => page.heading(&format!("{file}:{line}")),
        }
    }
    let address = |name| request.header(name).unwrap_or_default().to_owned();
    page.table(
        "Request",
        [
            ("address", request.url()),
            ("endpoint", ctx.endpoint().unwrap_or("none").to_owned()),
            ("rule", ctx.rule().unwrap_or("none").to_owned()),
            ("from", from(request.peer())),
            ("request id", ctx.request_id().to_owned()),
            ("user agent", address(header::USER_AGENT)),
        ],
    );
    page.table("View arguments", ctx.view_args().iter().map(|(name, value)| (name, concealed.shown(name, value))));
    page.table("Query", request.args().iter().map(|(name, value)| (name, concealed.shown(name, value))));
    if let Some(form) = ctx.parsed_form() {
        page.table("Form", form.fields.iter().map(|(name, value)| (name, concealed.shown(name, value))));
        page.table(
            "Files",
            form.files.iter().map(|file| (file.name(), format!("{} ({} bytes)", file.filename(), file.len()))),
        );
    }
    if let Some(session) = ctx.opened_session() {
        let value = |name: &str| match session.get::<serde_json::Value>(name).unwrap_or_default() {
            serde_json::Value::String(text) => text,
            value => value.to_string(),
        };
        let names = session.keys();
        page.table("Session", names.iter().map(|name| (name.as_str(), concealed.shown(name, &value(name)))));
    }
    let headers = request.headers().iter();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    page.table("Headers", headers.map(|(name, value)| (name.as_str(), concealed.shown(name.as_str(), &text(value)))));
    page.raw("<p>You see this because debug mode is on. Other machines, and production, get a short page.</p>\n");
    page.into_response()
}

/// What stays out of screenshots: passwords and tokens.
struct Concealed<'a> {
    /// The fields that are passwords, whatever they are called.
    fields: &'a [&'static str],
    /// What was sent as a password. It stays out wherever else it turns up, too.
    values: Vec<&'a str>,
}

impl<'a> Concealed<'a> {
    fn of(ctx: &'a Context) -> Concealed<'a> {
        let fields = ctx.g().get::<PasswordFields>().map_or(&[][..], |PasswordFields(names)| names);
        let mut concealed = Concealed { fields, values: Vec::new() };
        let sent = ctx.parsed_form().into_iter().flat_map(|form| form.fields.iter());
        concealed.values = sent.filter(|(name, _)| concealed.is_secret(name)).map(|(_, value)| value).collect();
        concealed.values.retain(|value| !value.is_empty());
        concealed
    }

    fn is_secret(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        let words = ["password", "secret", "token", "authorization", "cookie", "api_key", "api-key"];
        let is_password =
            |field: &&str| name.strip_suffix(field).is_some_and(|form| form.is_empty() || form.ends_with('-'));
        self.fields.iter().any(is_password) || words.iter().any(|word| lower.contains(word))
    }

    fn shown(&self, name: &str, value: &str) -> String {
        if self.is_secret(name) || self.values.contains(&value) { "(concealed)".to_owned() } else { value.to_owned() }
    }
}

/// The line of the template; without a template, that of the panic or of the `?`.
fn place_of(error: &Error) -> Option<(&str, u32)> {
    let frame = error.downcast_ref::<TemplateError>().filter(|frame| !frame.name().is_empty());
    frame.map(|frame| (frame.name(), frame.line())).or_else(|| error.place())
}

/// A source file as the compiler names it: absolute, or relative to a folder at or above the application's.
fn read_source(ctx: &Context, file: &str) -> Option<String> {
    let root: PathBuf = ctx.app().root_path().canonicalize().ok()?;
    let candidates = root.ancestors().map(|folder| folder.join(file));
    let candidates = candidates.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    candidates.take(6).find_map(|path: PathBuf| read_text(&path))
}

fn read_text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
