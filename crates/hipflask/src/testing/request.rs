//! The requests of the client.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;

use crate::base::error::Error;
use crate::context::parted::Parted;
use crate::dispatch::ending::Ending;
use crate::http::body::Body;
use crate::http::json;
use crate::http::multi_dict::MultiDict;
use crate::http::peer::Scheme;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::url::{iri_to_uri, push_query};
use crate::signing::random_bytes;
use crate::testing::client::TestClient;
use crate::testing::observed::Observed;
use crate::testing::response::TestResponse;

/// The host of the requests, unless `SERVER_NAME` is set.
const HOST: &str = "localhost";

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
        let host = self.host();
        headers.insert(header::HOST, host.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Hipflask test client"));
        if self.browser {
            headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
            if !method.is_safe() {
                let origin = [b"http://", host.as_bytes()].concat();
                headers.extend(HeaderValue::try_from(origin).ok().map(|origin| (header::ORIGIN, origin)));
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

    /// The host that requests are for: `SERVER_NAME`, as in Flask.
    fn host(&self) -> HeaderValue {
        let own = self.app.config().find::<String>("SERVER_NAME").ok().flatten();
        let own = own.and_then(|own| HeaderValue::try_from(own).ok());
        own.unwrap_or(HeaderValue::from_static(HOST))
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
        let origin = self.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        match origin.map(|origin| origin.replacen("http:", "https:", 1)) {
            Some(origin) => self.header("origin", &origin),
            None => self,
        }
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
    /// another host. With `TESTING` or `PROPAGATE_EXCEPTIONS`, also if the application fails with an error that no error
    /// handler answers: [`try_send`](TestRequest::try_send) returns that.
    pub async fn send(self) -> TestResponse {
        let what = format!("{} {}", self.method, self.target);
        match self.try_send().await {
            Ok(response) => response,
            Err(error) => crate::base::panics::misuse(format_args!("{what} failed: {error:?}")),
        }
    }

    /// Sends it, and returns the error that no error handler has answered. It is one only where errors propagate: if
    /// `PROPAGATE_EXCEPTIONS` is set, or `TESTING` where it is not; otherwise the response is the page for it, and
    /// [`TestResponse::error`] has it.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn double(ctx: &mut Context) -> Result<String> {
    ///     let n: i64 = ctx.request().path()[1..].parse()?;
    ///     Ok((2 * n).to_string())
    /// }
    ///
    /// let app = App::new("doc", ".").config("TESTING", true).add_url_rule(Rule::new("/<n>"), double);
    /// let client = app.test_client();
    /// # hipflask::block_on(async {
    /// let error = client.get("/x").try_send().await.unwrap_err();
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// What the application failed with.
    ///
    /// # Panics
    ///
    /// As [`send`](TestRequest::send) does, except for such an error.
    pub async fn try_send(mut self) -> Result<TestResponse, Arc<Error>> {
        self.finish_parts();
        self.start().await;
        let propagates = self.client.app.traps().propagates;
        let mut history: Vec<(StatusCode, String)> = Vec::new();
        let mut templates = Vec::new();
        loop {
            let mut response = self.send_once().await;
            if let Some(error) = response.error.take_if(|_| propagates) {
                return Err(error);
            }
            templates.append(&mut response.templates);
            let next = response
                .header("location")
                .map(str::to_owned)
                .filter(|_| self.follow && response.status.is_redirection());
            let Some(location) = next else {
                return Ok(TestResponse { history, templates, ..response });
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

    pub(super) async fn start(&self) {
        if let Err(error) = self.client.app.start().await {
            crate::base::panics::misuse(format_args!("the application cannot start: {error:?}"));
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
        let own = self.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or(HOST);
        let host = uri.authority().map_or(own, http::uri::Authority::as_str);
        let normal = |host: &str| Request::get("/").with_header("host", host).host().to_owned();
        let same = normal(host) == normal(own);
        assert!(same, "the response redirects to another host, {host}; a test client cannot follow");
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        self.target = match (location.starts_with('/') || uri.host().is_some(), self.target.rsplit_once('/')) {
            (false, Some((folder, _))) => format!("{folder}/{location}"),
            _ => target.to_owned(),
        };
    }

    async fn send_once(&self) -> TestResponse {
        self.answer().await.receive().await
    }

    /// What the application answers.
    pub(super) async fn answer(&self) -> Given {
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
        let (observed, observers) = Observed::new();
        let (response, ending, unfinished) = self.client.app.respond_observed(request, observers).await;
        self.client.absorb(response.headers());
        Given { response, ending, unfinished, observed }
    }
}

/// What an application has given, before its body is read.
pub(super) struct Given {
    pub(super) response: Response,
    pub(super) ending: Ending,
    /// What is gone when the request has ended and the work after it is done.
    unfinished: Parted,
    pub(super) observed: Observed,
}

impl Given {
    /// The whole of it.
    pub(super) async fn receive(self) -> TestResponse {
        let mut answer = TestResponse::receive(self.ending.follow(self.response)).await;
        // What a test looks at has happened: `on_finished` functions, and the work after the response.
        self.unfinished.gone().await;
        (answer.templates, answer.error) = self.observed.take();
        answer
    }
}
