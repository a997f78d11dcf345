//! What a client sees of an error: a short page or JSON. The developer sees everything.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use http::Method;
use http::header::{self, HeaderValue};
use serde_json::json;

use crate::base::error::{Error, HttpError};
use crate::base::html::{Html, ToHtml};
use crate::base::panics::Panicked;
use crate::builtin::templating::TemplateError;
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::respond::Respond;
use crate::http::json::Json;
use crate::http::request::Peer;
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
            "causes": error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>(),
            "at": place_of(error).map(|(file, line)| format!("{file}:{line}")),
        }))
    } else {
        debug_page(ctx, error)
    };
    response.with_status(500)
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
    let (code, name) = (error.status().as_u16(), error.name());
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
    pre b{background:light-dark(#ffe3a3,#5c4710);display:block;font-weight:inherit}td{padding:0 .8rem 0 0;vertical-align:top}td:first-child{opacity:.7;white-space:nowrap}";

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
    let title = error.chain().last().map(ToString::to_string).unwrap_or_default();
    let request = ctx.request();
    let mut page = Page::new(&title, &format!("{} {}", request.method(), request.path()));
    page.error(&error.to_string());
    page.table("Caused by", error.chain().skip(1).map(|cause| ("", cause.to_string())));
    if let Some(frame) = error.find::<TemplateError>() {
        page.source(&format!("Template {}:{}", frame.name(), frame.line()), frame.source_text(), frame.line());
    }
    let in_template = error.downcast_ref::<TemplateError>().is_some();
    if let Some((file, line)) = place_of(error).filter(|_| !in_template) {
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
    page.table("View arguments", ctx.view_args().iter().map(|(name, value)| (name, value.to_owned())));
    page.table("Query", request.args().iter().map(|(name, value)| (name, value.to_owned())));
    if let Some(form) = ctx.parsed_form() {
        page.table("Form", form.fields.iter().map(|(name, value)| (name, concealed(name, value))));
        page.table(
            "Files",
            form.files.iter().map(|file| (file.name(), format!("{} ({} bytes)", file.filename(), file.len()))),
        );
    }
    if let Some(session) = ctx.opened_session() {
        let value = |name: &str| session.get::<serde_json::Value>(name).unwrap_or_default().to_string();
        let names = session.keys();
        page.table("Session", names.iter().map(|name| (name.as_str(), concealed(name, &value(name)))));
    }
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), concealed(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))));
    page.table("Headers", headers.collect::<Vec<_>>());
    page.raw("<p>You see this because debug mode is on. Other machines, and production, get a short page.</p>\n");
    page.into_response()
}

/// Keeps passwords and tokens out of screenshots.
fn concealed(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    let secret = ["password", "secret", "token", "authorization", "cookie", "api_key", "api-key"]
        .iter()
        .any(|word| name.contains(word));
    if secret { "(concealed)".to_owned() } else { value.to_owned() }
}

/// Where an error comes from: the place of the panic, the line of the template, or the line of the `?`.
fn place_of(error: &Error) -> Option<(&str, u32)> {
    if let Some(frame) = error.downcast_ref::<TemplateError>() {
        return Some((frame.name(), frame.line()));
    }
    match error.downcast_ref::<Panicked>() {
        Some(panicked) => panicked.place(),
        None => Some((error.location().file(), error.location().line())),
    }
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
