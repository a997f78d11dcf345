//! What the client gets.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::base::error::Error;
use crate::base::panics::misuse;
use crate::builtin::templating::rendered::TemplateRendered;
use crate::context::session::flash::MessageFlashed;
use crate::http::body::Body;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::testing::observed::Record;
use crate::testing::redirect;

/// The response that a [`TestClient`](crate::testing::TestClient) got.
#[derive(Clone, Debug)]
pub struct TestResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) body_error: Option<String>,
    pub(super) templates: Vec<String>,
    pub(super) rendered: Vec<TemplateRendered>,
    pub(super) flashed: Vec<MessageFlashed>,
    pub(super) error: Option<Arc<Error>>,
    pub(super) history: Vec<(StatusCode, String)>,
    pub(super) request: Arc<Request>,
}

impl TestResponse {
    /// The head of `response`, and its body, which is still to be read.
    pub(super) fn head(response: Response, request: Request) -> (TestResponse, Body) {
        let (status, headers, body) = response.into_parts();
        let head = TestResponse {
            status,
            headers,
            body: Bytes::new(),
            body_error: None,
            templates: Vec::new(),
            rendered: Vec::new(),
            flashed: Vec::new(),
            error: None,
            history: Vec::new(),
            request: Arc::new(request),
        };
        (head, body)
    }

    /// With what was observed of its request.
    pub(super) fn with(self, observed: Record) -> TestResponse {
        let Record { templates, flashed, error } = observed;
        let names = templates.iter().map(|rendered| rendered.template().to_owned()).collect();
        TestResponse { templates: names, rendered: templates, flashed, error, ..self }
    }

    /// The request that it answers, the last one if redirects were followed; without its body.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The status; it can be compared with numbers: `assert_eq!(response.status(), 200)`.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The text of the header `name`, if the response has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The target that an address on this page leads to: of a link, of a form.
    ///
    /// # Panics
    ///
    /// If it leads to another host.
    #[track_caller]
    pub fn resolve(&self, address: &str) -> String {
        let request = &self.request;
        let from = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let hop = redirect::follow(request.scheme(), from, address);
        let own = request.host();
        match hop.host.filter(|host| Request::get("/").with_header("host", host).host() != own) {
            Some(host) => misuse(format_args!("`{address}` leads to another host, {host}, from {own}")),
            None => hop.target,
        }
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON, or not a `T`; the message includes the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => misuse(format_args!("the body is not the JSON expected: {error}\n{}", self.text())),
        }
    }

    /// What is at `pointer` in the body, which is JSON: `response.json_at::<String>("/posts/0/title")`, or as a
    /// `serde_json::Value`. RFC 6901.
    ///
    /// # Panics
    ///
    /// If the body is not JSON, or nothing is there, or not a `T`; the message includes the body.
    #[track_caller]
    pub fn json_at<T: DeserializeOwned>(&self, pointer: &str) -> T {
        let all: serde_json::Value = self.json();
        let Some(found) = all.pointer(pointer) else {
            misuse(format_args!("there is nothing at `{pointer}` in\n{all:#}"))
        };
        match T::deserialize(found) {
            Ok(value) => value,
            Err(error) => misuse(format_args!("what is at `{pointer}` is not what was expected: {error}\n{all:#}")),
        }
    }

    /// Checks the status. If it is another one, the message of the test has the whole response.
    ///
    /// # Panics
    ///
    /// If it is another one.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &TestResponse {
        if self.status != status {
            misuse(format_args!("the status is {}, and not {status}:\n{self}", self.status.as_u16()));
        }
        self
    }

    /// Checks that it redirects to `location`. If it does not, the message of the test has the whole response.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    pub fn assert_redirect(&self, location: &str) -> &TestResponse {
        if !self.status.is_redirection() || self.header("location") != Some(location) {
            misuse(format_args!("this does not redirect to {location}:\n{self}"));
        }
        self
    }

    /// Checks that its text contains `text`. If it does not, the message of the test has the whole response.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    pub fn assert_contains(&self, text: &str) -> &TestResponse {
        if !self.text().contains(text) {
            misuse(format_args!("this does not contain `{text}`:\n{self}"));
        }
        self
    }

    /// Why the body was interrupted, if it was.
    pub fn body_error(&self) -> Option<&str> {
        self.body_error.as_deref()
    }

    /// The names of the templates that were rendered, in order.
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// The error that no error handler answered: the response is the page for it, a 500.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// A template that was rendered, with the values that it was given; of several of one name, the last.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/")]
    /// async fn index() -> Template {
    ///     Template::from_string("Hello, {{ name }}!").with("name", &"Ada")
    /// }
    ///
    /// let page = App::new("doc", ".").routes(routes![index]).test_client().get("/").send_blocking();
    /// let rendered = page.template("<string>").unwrap();
    /// assert_eq!(rendered.value::<String>("name").as_deref(), Some("Ada"));
    /// ```
    pub fn template(&self, name: &str) -> Option<&TemplateRendered> {
        self.rendered.iter().rev().find(|rendered| rendered.template() == name)
    }

    /// The messages that were flashed while the request was answered, whether or not a page has shown them.
    pub fn flashed(&self) -> &[MessageFlashed] {
        &self.flashed
    }

    /// The redirects that were followed: status and address.
    pub fn history(&self) -> &[(StatusCode, String)] {
        &self.history
    }
}

/// How much of a body a message has.
const SHOWN: usize = 4000;

/// Status, headers and text, for the message of an assertion: `assert!(page.text().contains("Ada"), "{page}")`.
impl fmt::Display for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.request.method(), self.request.uri())?;
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        let text = self.text();
        let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(end, _)| end);
        let rest = if end < text.len() { " …" } else { "" };
        write!(f, "\n{}{rest}", &text[..end])
    }
}
