//! A client that calls the application in memory: without a socket or a wait, with the cookies and headers of a
//! browser.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::base::error::Result;
use crate::base::runtime;
use crate::context::session::Session;
use crate::handler::Answer;
use crate::http::body::Body;
use crate::http::json;
use crate::http::multi_dict::MultiDict;
use crate::http::request::{Request, Scheme};
use crate::http::response::Response;
use crate::http::url::{iri_to_uri, push_query};
use crate::signing::random_bytes;

impl App {
    /// A client for tests. Flask's `app.test_client()`.
    ///
    /// # Panics
    ///
    /// If [`freeze`](App::freeze) finds mistakes; it lists all of them.
    #[track_caller]
    pub fn test_client(self) -> TestClient {
        match self.freeze() {
            Ok(frozen) => frozen.test_client(),
            Err(errors) => crate::base::panics::misuse(format_args!("{errors}")),
        }
    }
}

impl Frozen {
    /// A client for tests. Several clients are several browsers.
    pub fn test_client(&self) -> TestClient {
        TestClient { app: self.clone(), jar: Arc::default(), browser: true, runtime: OnceLock::new() }
    }
}

/// Calls an application in memory, and keeps its cookies as a browser does. Flask's test client.
///
/// It sends what a current browser sends with a request from one of the application's own pages, so that the check
/// against cross-site request forgery passes; [`without_browser_headers`](TestClient::without_browser_headers) is
/// a client that does not.
///
/// ```
/// use hipflask::http::FormData;
/// use hipflask::prelude::*;
///
/// #[route("/login", methods = [POST])]
/// async fn login(session: Session, form: FormData) -> Result<&'static str> {
///     session.set("user", form.fields.require("name")?);
///     Ok("hello")
/// }
///
/// # hipflask::block_on(async {
/// let client = App::new("doc", ".").routes(routes![login]).test_client();
/// let response = client.post("/login").form([("name", "Ada")]).send().await;
/// assert_eq!(response.status(), 200);
/// assert_eq!(client.session(|session| session.get::<String>("user")), Some("Ada".into()));
/// # });
/// ```
#[derive(Debug)]
pub struct TestClient {
    app: Frozen,
    jar: Arc<Mutex<Jar>>,
    browser: bool,
    runtime: OnceLock<tokio::runtime::Runtime>,
}

const HOST: &str = "localhost";

/// Cookies, as a browser keeps them.
#[derive(Debug, Default)]
struct Jar(Vec<Kept>);

#[derive(Debug)]
struct Kept {
    name: String,
    value: String,
    path: String,
}

impl Jar {
    /// Takes in a `Set-Cookie` header.
    fn absorb(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut kept = Kept { name: name.to_owned(), value: value.to_owned(), path: "/".to_owned() };
        let mut gone = false;
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut kept.path),
                "max-age" => gone |= value.parse::<i64>().is_ok_and(|age| age <= 0),
                "expires" => gone |= httpdate::parse_http_date(value).is_ok_and(|at| at <= SystemTime::now()),
                _ => {}
            }
        }
        self.0.retain(|other| (&other.name, &other.path) != (&kept.name, &kept.path));
        if !gone {
            self.0.push(kept);
        }
    }

    /// The `Cookie` header for a request to `path`, the longest cookie path first.
    fn header(&self, path: &str) -> Option<String> {
        let covers = |kept: &&Kept| {
            let root = kept.path.trim_end_matches('/');
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut cookies: Vec<&Kept> = self.0.iter().filter(covers).collect();
        cookies.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = cookies.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        $(#[doc = concat!("A ", stringify!($method), " request for `target`: a path, perhaps with a query.")]
        pub fn $name(&self, target: &str) -> TestRequest<'_> {
            self.request(Method::$method, target)
        })*
    };
}

impl TestClient {
    methods!(get GET, head HEAD, post POST, put PUT, patch PATCH, delete DELETE, options OPTIONS);

    /// A request of any method.
    pub fn request(&self, method: Method, target: &str) -> TestRequest<'_> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(HOST));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Hipflask test client"));
        if self.browser {
            headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
            if !method.is_safe() {
                headers.insert(header::ORIGIN, HeaderValue::from_static("http://localhost"));
            }
        }
        let target = iri_to_uri(target).into_owned();
        TestRequest {
            client: self,
            method,
            target,
            headers,
            body: Bytes::new(),
            parts: Vec::new(),
            scheme: Scheme::Http,
            follow: false,
        }
    }

    /// The same client, acting as a program that is not a browser: without the headers that say where a request
    /// comes from. It has the same cookies.
    #[must_use]
    pub fn without_browser_headers(&self) -> TestClient {
        TestClient { app: self.app.clone(), jar: Arc::clone(&self.jar), browser: false, runtime: OnceLock::new() }
    }

    /// The application.
    pub fn app(&self) -> &Frozen {
        &self.app
    }

    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().0.iter().find(|kept| kept.name == name).map(|kept| kept.value.clone())
    }

    /// Adds a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar().absorb(&format!("{name}={value}; Path=/"));
    }

    /// Removes every cookie.
    pub fn clear_cookies(&self) {
        self.jar().0.clear();
    }

    /// Reads the session.
    ///
    /// # Panics
    ///
    /// If the session cannot be opened; and in an async test, if its store has to be waited for.
    #[track_caller]
    pub fn session<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
        look(&self.open_session())
    }

    /// Changes the session between requests: `client.session_transaction(|session| session.set("user", 1))`.
    ///
    /// # Panics
    ///
    /// If the session cannot be opened or saved: there is no secret key, or a value that it cannot hold. In an async
    /// test also if its store has to be waited for.
    #[track_caller]
    pub fn session_transaction<R>(&self, change: impl FnOnce(&Session) -> R) -> R {
        let session = self.open_session();
        let result = change(&session);
        let mut response = Response::default();
        let saved = session.begin_to_save().and_then(|writable| match writable {
            true => self.wait(self.app.sessions().save(&session, &mut response)),
            false => Ok(()),
        });
        if let Err(error) = saved {
            crate::base::panics::misuse(format_args!("the session cannot be saved: {error}"));
        }
        self.absorb(response.headers());
        result
    }

    #[track_caller]
    fn open_session(&self) -> Session {
        let mut request = Request::get("/");
        if let Some(cookies) = self.jar().header("/") {
            request = request.with_header("cookie", &cookies);
        }
        match self.wait(self.app.sessions().open(&request)) {
            Ok(session) => session,
            Err(error) => crate::base::panics::misuse(format_args!("the session cannot be opened: {error}")),
        }
    }

    /// What a session interface answers. One that takes time needs a runtime, and there cannot be two on a thread.
    #[track_caller]
    fn wait<T>(&self, answer: Answer<'_, T>) -> Result<T> {
        match answer {
            Answer::Ready(result) => result,
            Answer::Later(future) if tokio::runtime::Handle::try_current().is_err() => self.runtime().block_on(future),
            Answer::Later(_) => crate::base::panics::misuse(format_args!(
                "the session's store has to be waited for, which is not possible here; change the session by a request, \
                 or make the test a plain function"
            )),
        }
    }

    fn absorb(&self, headers: &HeaderMap) {
        let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut jar = self.jar();
        cookies.for_each(|cookie| jar.absorb(cookie));
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.get_or_init(|| runtime::new().expect("a runtime needs nothing that could be missing"))
    }
}

/// A request of a [`TestClient`], to be completed and sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest<'a> {
    client: &'a TestClient,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    /// Parts of a multipart form.
    parts: Vec<Bytes>,
    scheme: Scheme,
    follow: bool,
}

impl TestRequest<'_> {
    /// Sets a header.
    ///
    /// # Panics
    ///
    /// If `name` or `value` is not allowed in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => _ = self.headers.insert(name, value),
            _ => crate::base::panics::misuse(format_args!("`{name}: {value}` is not a header")),
        }
        self
    }

    /// Removes a header that the client would send automatically.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Adds pairs to the query.
    pub fn query<K: AsRef<str>, V: ToString>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut query = String::new();
        pairs.into_iter().for_each(|(key, value)| push_query(&mut query, key.as_ref(), &value.to_string()));
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&query);
        self
    }

    /// Makes it look to the application as if it came over HTTPS.
    pub fn https(mut self) -> Self {
        self.scheme = Scheme::Https;
        if self.headers.contains_key(header::ORIGIN) { self.header("origin", "https://localhost") } else { self }
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body.
    ///
    /// # Panics
    ///
    /// If the value cannot be written as JSON.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match json::dumps(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => crate::base::panics::misuse(format_args!("JSON cannot hold the value: {error}")),
        }
    }

    /// Sends a form, as a browser does without files.
    pub fn form<K: AsRef<str>, V: ToString>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        if !self.parts.is_empty() {
            return self.form_parts(pairs);
        }
        let mut body = String::new();
        pairs.into_iter().for_each(|(key, value)| push_query(&mut body, key.as_ref(), &value.to_string()));
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Adds a file in the field `name`; the form is then sent as multipart. Like a browser, it sends files and fields in
    /// the order in which they come.
    pub fn file(mut self, name: &str, filename: &str, content_type: &str, content: impl AsRef<[u8]>) -> Self {
        if self.parts.is_empty() {
            // Fields that came before it.
            let fields = MultiDict::from_query(&std::mem::take(&mut self.body));
            self = self.form_parts(fields.iter());
        }
        self.part(&format!("form-data; name=\"{name}\"; filename=\"{filename}\""), Some(content_type), content.as_ref())
    }

    fn form_parts<K: AsRef<str>, V: ToString>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        pairs.into_iter().fold(self, |request, (key, value)| {
            request.part(&format!("form-data; name=\"{}\"", key.as_ref()), None, value.to_string().as_bytes())
        })
    }

    fn part(mut self, disposition: &str, content_type: Option<&str>, content: &[u8]) -> Self {
        let mut part = format!("Content-Disposition: {disposition}\r\n").into_bytes();
        if let Some(content_type) = content_type {
            part.extend(format!("Content-Type: {content_type}\r\n").bytes());
        }
        part.extend(b"\r\n");
        part.extend(content);
        part.extend(b"\r\n");
        self.parts.push(part.into());
        self
    }

    /// Follows redirects; the last response is the result.
    pub fn follow_redirects(mut self) -> Self {
        self.follow = true;
        self
    }

    /// Sends it and waits for the response, in a test that is not async.
    ///
    /// # Panics
    ///
    /// Inside an async test: use [`send`](TestRequest::send) there.
    pub fn send_blocking(self) -> TestResponse {
        assert!(
            tokio::runtime::Handle::try_current().is_err(),
            "`send_blocking` was called inside an async test; call `send().await`"
        );
        let client = self.client;
        client.runtime().block_on(self.send())
    }

    /// Sends it.
    ///
    /// # Panics
    ///
    /// If the target is not a request target, the application cannot start, or redirects form a loop or lead to
    /// another host.
    pub async fn send(mut self) -> TestResponse {
        self.finish_parts();
        if let Err(error) = self.client.app.start().await {
            crate::base::panics::misuse(format_args!("the application cannot start: {error:?}"));
        }
        let mut history: Vec<(StatusCode, String)> = Vec::new();
        let mut templates = Vec::new();
        loop {
            let mut response = self.send_once().await;
            templates.append(&mut response.templates);
            let next = response
                .header("location")
                .map(str::to_owned)
                .filter(|_| self.follow && response.status.is_redirection());
            let Some(location) = next else {
                return TestResponse { history, templates, ..response };
            };
            let hop = (response.status, location.clone());
            assert!(
                !history.contains(&hop),
                "the redirects form a loop: {} to {location} was already requested",
                hop.0
            );
            history.push(hop);
            self.redirected(response.status, &location);
        }
    }

    fn finish_parts(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let boundary = format!("hipflask-{:016x}", u64::from_be_bytes(random_bytes()));
        let mut body = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            body.extend(format!("--{boundary}\r\n").bytes());
            body.extend(part);
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        self.body = body.into();
        if let Ok(value) = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}")) {
            self.headers.insert(header::CONTENT_TYPE, value);
        }
    }

    /// Changes it to the browser's next request. RFC 9110 §15.4: POST becomes GET after 301 and 302, every method
    /// after 303, none after 307 and 308.
    fn redirected(&mut self, status: StatusCode, location: &str) {
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::ORIGIN] {
                self.headers.remove(name);
            }
        }
        let uri: Uri = location.parse().unwrap_or_default();
        let host = uri.host().unwrap_or(HOST);
        assert!(host == HOST, "the response redirects to another host, {host}; a test client cannot follow");
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        self.target = match (location.starts_with('/') || uri.host().is_some(), self.target.rsplit_once('/')) {
            (false, Some((folder, _))) => format!("{folder}/{location}"),
            _ => target.to_owned(),
        };
    }

    async fn send_once(&self) -> TestResponse {
        let Ok(uri) = self.target.parse::<Uri>() else {
            crate::base::panics::misuse(format_args!(
                "`{}` is not a request target; write a path like `/posts?page=2`",
                self.target
            ))
        };
        let mut head = http::Request::new(()).into_parts().0;
        head.method = self.method.clone();
        head.headers = self.headers.clone();
        if let Some(cookies) =
            self.client.jar().header(uri.path()).filter(|_| !head.headers.contains_key(header::COOKIE))
        {
            head.headers.extend(HeaderValue::from_str(&cookies).ok().map(|value| (header::COOKIE, value)));
        }
        if !self.body.is_empty() {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        head.uri = uri;
        let request =
            Request::from_parts(head, Body::from(self.body.clone())).with_peer(([127, 0, 0, 1], 0).into(), self.scheme);
        let (response, templates) = self.client.app.respond_recorded(request).await;
        self.client.absorb(response.headers());
        let (status, headers, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut body_error = None;
        while let Some(chunk) = body.chunk().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(error) => body_error = Some(error.to_string()),
            }
        }
        TestResponse { status, headers, body: bytes.into(), body_error, templates, history: Vec::new() }
    }
}

/// The response that a [`TestClient`] got.
#[derive(Clone, Debug)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    body_error: Option<String>,
    templates: Vec<String>,
    history: Vec<(StatusCode, String)>,
}

impl TestResponse {
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
            Err(error) => {
                crate::base::panics::misuse(format_args!("the body is not the JSON expected: {error}\n{}", self.text()))
            }
        }
    }

    /// Why the body was interrupted, if it was.
    pub fn body_error(&self) -> Option<&str> {
        self.body_error.as_deref()
    }

    /// The names of the templates that were rendered, in order.
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// The redirects that were followed: status and address.
    pub fn history(&self) -> &[(StatusCode, String)] {
        &self.history
    }
}
