//! The requests of the client.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use serde_json::Value;

use crate::app::signal::{Signal, Signals};
use crate::app::signals::AppcontextPopped;
use crate::base::error::Error;
use crate::base::panics::misuse;
use crate::context::Context;
use crate::context::parted::Parted;
use crate::dispatch::ending::Ending;
use crate::http::host::host_parts;
use crate::http::peer::Scheme;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::url::{iri_to_uri, push_query};
use crate::routing::url_map::Domains;
use crate::testing::client::TestClient;
use crate::testing::content::Content;
use crate::testing::observed::Observed;
use crate::testing::redirect::{self, becomes_get, drop_body_headers, leads_on};
use crate::testing::response::TestResponse;
use crate::testing::stream::TestStream;

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
            content: Content::Nothing,
            scheme: Scheme::Http,
            remote: ([127, 0, 0, 1], 0).into(),
            receivers: Signals::default(),
            follow: false,
        }
    }

    /// The domain of its cookies.
    pub(super) fn domain(&self) -> String {
        without_port(&self.host().to_str().unwrap_or(HOST).to_ascii_lowercase())
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
    pub(super) client: &'a TestClient,
    method: Method,
    target: String,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
    pub(super) scheme: Scheme,
    pub(super) remote: SocketAddr,
    /// Connected to signals for this request alone.
    receivers: Signals,
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
            _ => misuse(format_args!("`{name}: {value}` is not a header")),
        }
        self
    }

    /// Removes a header that the client would send automatically.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Adds the fields of a struct, or of a map, to the query; what is `None` is left out, a list is given item by item.
    ///
    /// # Panics
    ///
    /// If `values` is something else.
    #[track_caller]
    pub fn query_struct<T: Serialize + ?Sized>(self, values: &T) -> Self {
        let Ok(Value::Object(fields)) = serde_json::to_value(values) else {
            misuse(format_args!("a query has names and values; give a struct or a map"))
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs = fields.iter().flat_map(|(name, value)| match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items.iter().map(|item| (name.clone(), text(item))).collect(),
            value => vec![(name.clone(), text(value))],
        });
        self.query(pairs)
    }

    /// Adds pairs to the query.
    pub fn query<K: AsRef<str>, V: ToString>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut query = String::new();
        pairs.into_iter().for_each(|(key, value)| push_query(&mut query, key.as_ref(), &value.to_string()));
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&query);
        self
    }

    /// Calls `receiver` for a signal of this request: Flask's `with template_rendered.connected_to(receiver)`.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    /// use hipflask::signals::RequestFinished;
    ///
    /// let client = App::new("doc", ".").add_url_rule(Rule::new("/"), async || "Hello!").test_client();
    /// let status = Arc::new(Mutex::new(None));
    /// let told = Arc::clone(&status);
    /// let request = client.get("/").connected_to(move |ctx, _: &RequestFinished| {
    ///     *told.lock().unwrap() = ctx.response().map(|response| response.status());
    /// });
    /// request.send_blocking();
    /// assert_eq!(*status.lock().unwrap(), Some(Status::OK));
    /// ```
    pub fn connected_to<S: Signal>(mut self, receiver: impl Fn(&Context, &S) + Send + Sync + 'static) -> Self {
        self.receivers.connect(receiver);
        self
    }

    /// Sends it, and looks at its context when it has ended: at `g`, the session, the endpoint. What `look` returns comes
    /// with the response. Flask's `with client:`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/")]
    /// async fn index(ctx: &mut Context) -> &'static str {
    ///     ctx.g_mut().set("user", "Ada");
    ///     "Hello!"
    /// }
    ///
    /// # hipflask::block_on(async {
    /// let client = App::new("doc", ".").routes(routes![index]).test_client();
    /// let (page, user) = client.get("/").send_and_look(|ctx| ctx.g().named::<String>("user")).await;
    /// assert_eq!((page.text().as_str(), user.as_deref()), ("Hello!", Some("Ada")));
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`send`](TestRequest::send) does, and if `look` panics.
    pub async fn send_and_look<R: Send + 'static>(
        self,
        look: impl Fn(&Context) -> R + Send + Sync + 'static,
    ) -> (TestResponse, R) {
        let seen = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&seen);
        // Of several requests, where redirects are followed, the last one counts.
        let looking = self.connected_to(move |ctx, _: &AppcontextPopped| {
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(look(ctx));
        });
        let response = looking.send().await;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match seen {
            Some(seen) => (response, seen),
            None => misuse(format_args!("the function that looks at the context panicked; its message is in the log")),
        }
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
            Err(error) => misuse(format_args!("{what} failed: {error:?}")),
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
            let next = response.header("location").map(str::to_owned);
            let Some(location) = next.filter(|_| self.follow && leads_on(response.status)) else {
                return Ok(TestResponse { history, templates, ..response });
            };
            let from = std::mem::take(&mut self.target);
            self.redirected(response.status, &from, &location);
            let hop = (response.status, location);
            assert!(
                !history.contains(&hop),
                "the redirects form a loop: a {} from {from} to {} was already followed",
                hop.0.as_u16(),
                hop.1
            );
            history.push(hop);
        }
    }

    /// Sends it, and leaves the body to be read piece by piece: for a body that has no end, for one that comes over time,
    /// for [server-sent events](TestStream::next_event). Redirects are not followed.
    ///
    /// # Panics
    ///
    /// If the target is not a request target, or the application cannot start.
    pub async fn stream(mut self) -> TestStream {
        self.start().await;
        self.answer().await.stream()
    }

    pub(super) async fn start(&mut self) {
        if let Some(content_type) = self.content.finish() {
            put(&mut self.headers, header::CONTENT_TYPE, content_type);
        }
        if let Err(error) = self.client.app.start().await {
            misuse(format_args!("the application cannot start: {error:?}"));
        }
    }

    /// Changes it to the browser's next request.
    fn redirected(&mut self, status: StatusCode, from: &str, location: &str) {
        if becomes_get(status, &self.method) {
            (self.method, self.content) = (Method::GET, Content::Nothing);
            drop_body_headers(&mut self.headers);
        }
        let hop = redirect::follow(self.scheme, from, location);
        if let Some(host) = hop.host {
            assert!(
                self.may_follow_to(&host),
                "the response redirects to another host, {host}; a test client cannot follow"
            );
            put(&mut self.headers, header::HOST, host);
        }
        (self.scheme, self.target) = (hop.scheme, hop.target);
    }

    /// Whether the application answers at `host` too: at the same, or at another of its subdomains.
    fn may_follow_to(&self, host: &str) -> bool {
        let (from, to) = (self.current_domain(), without_port(&host.to_ascii_lowercase()));
        let name = self.client.domain();
        let has_subdomains = self.client.app.map().settings.domains == Domains::Subdomains;
        from == to || has_subdomains && (to == name || to.ends_with(&format!(".{name}")))
    }

    /// The host without its port, as cookies know it.
    fn current_domain(&self) -> String {
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        without_port(&host.unwrap_or(HOST).to_ascii_lowercase())
    }

    async fn send_once(&mut self) -> TestResponse {
        self.answer().await.stream().rest().await
    }

    /// What the application answers.
    pub(super) async fn answer(&mut self) -> Given {
        let request = self.build();
        let sent = request.without_body();
        let (observed, observers) = Observed::new(self.receivers.clone());
        let (response, ending, unfinished) = self.client.app.respond_observed(request, observers).await;
        self.client.absorb(response.headers(), &self.current_domain(), sent.uri().path());
        Given { response, ending, unfinished, observed, sent }
    }

    fn build(&mut self) -> Request {
        let Ok(uri) = self.target.parse::<Uri>() else {
            misuse(format_args!("`{}` is not a request target; write a path like `/posts?page=2`", self.target))
        };
        let mut head = http::Request::new(()).into_parts().0;
        head.method = self.method.clone();
        head.headers = self.headers.clone();
        let cookies = self.client.jar().header(&self.current_domain(), uri.path());
        if let Some(cookies) = cookies.filter(|_| !head.headers.contains_key(header::COOKIE)) {
            put(&mut head.headers, header::COOKIE, cookies);
        }
        let length = self.content.bytes().len();
        if length > 0 {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        head.uri = uri;
        Request::from_parts(head, self.content.body()).with_peer(self.remote, self.scheme)
    }
}

/// What an application has given, before its body is read.
pub(super) struct Given {
    pub(super) response: Response,
    pub(super) ending: Ending,
    /// What is gone when the request has ended and the work after it is done.
    unfinished: Parted,
    pub(super) observed: Observed,
    /// The request, without its body.
    pub(super) sent: Request,
}

impl Given {
    /// With the body, which is still to be read.
    pub(super) fn stream(self) -> TestStream {
        let (head, body) = TestResponse::head(self.ending.follow(self.response), self.sent);
        TestStream::new(head, body, self.observed, self.unfinished)
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// `example.org` of `example.org:5000`
fn without_port(host: &str) -> String {
    host_parts(host).map_or(host, |(name, _)| name).to_owned()
}
