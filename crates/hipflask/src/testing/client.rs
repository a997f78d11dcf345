//! The client.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use http::{HeaderMap, header};

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::base::error::Result;
use crate::base::runtime;
use crate::context::session::Session;
use crate::handler::Answer;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::testing::jar::Jar;

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
        TestClient {
            app: self.clone(),
            jar: Arc::default(),
            browser: true,
            keeps_cookies: true,
            runtime: OnceLock::new(),
        }
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
    pub(super) app: Frozen,
    jar: Arc<Mutex<Jar>>,
    pub(super) browser: bool,
    pub(super) keeps_cookies: bool,
    runtime: OnceLock<tokio::runtime::Runtime>,
}

impl TestClient {
    /// The same client, acting as a program that is not a browser: without the headers that say where a request
    /// comes from. It has the same cookies.
    #[must_use]
    pub fn without_browser_headers(&self) -> TestClient {
        TestClient { browser: false, ..self.twin() }
    }

    /// The same client without cookies: it sends none and keeps none. Flask's `use_cookies=False`.
    #[must_use]
    pub fn without_cookies(&self) -> TestClient {
        TestClient { keeps_cookies: false, jar: Arc::default(), ..self.twin() }
    }

    fn twin(&self) -> TestClient {
        let TestClient { app, jar, browser, keeps_cookies, .. } = self;
        let (app, jar, browser, keeps_cookies) = (app.clone(), Arc::clone(jar), *browser, *keeps_cookies);
        TestClient { app, jar, browser, keeps_cookies, runtime: OnceLock::new() }
    }

    /// The application.
    pub fn app(&self) -> &Frozen {
        &self.app
    }

    pub(super) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a cookie, of whatever domain and path.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().named(name).map(str::to_owned)
    }

    /// Adds a cookie, for the whole of the application.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar().set(name, value, &self.domain(), "/");
    }

    /// Removes a cookie, of whatever domain and path.
    pub fn delete_cookie(&self, name: &str) {
        self.jar().delete_named(name);
    }

    /// Removes every cookie.
    pub fn clear_cookies(&self) {
        self.jar().clear();
    }

    /// The cookies of one domain and one path, where the difference matters.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/<path:rest>")]
    /// async fn cookies(ctx: &mut hipflask::Context, rest: String) -> String {
    ///     ctx.request().header("cookie").unwrap_or_default().to_owned()
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![cookies]).test_client();
    /// client.cookies_of("localhost", "/shop").set("cart", "7");
    /// assert_eq!(client.get("/shop/items").send_blocking().text(), "cart=7");
    /// assert_eq!(client.get("/blog").send_blocking().text(), "");
    /// assert_eq!(client.get("/shop/").host("api.localhost").send_blocking().text(), "");
    /// ```
    pub fn cookies_of(&self, domain: &str, path: &str) -> TestCookies<'_> {
        TestCookies { client: self, domain: domain.to_ascii_lowercase(), path: path.to_owned() }
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
    /// test also if its store has to be waited for. If the client is [without cookies](TestClient::without_cookies).
    #[track_caller]
    pub fn session_transaction<R>(&self, change: impl FnOnce(&Session) -> R) -> R {
        if !self.keeps_cookies {
            crate::base::panics::misuse(format_args!("a client without cookies has no session"));
        }
        let session = self.open_session();
        let result = change(&session);
        let mut response = Response::default();
        let saved = session.begin_to_save().and_then(|writable| {
            if writable { self.wait(self.app.sessions().save(&session, &mut response)) } else { Ok(()) }
        });
        if let Err(error) = saved {
            crate::base::panics::misuse(format_args!("the session cannot be saved: {error}"));
        }
        self.absorb(response.headers(), &self.domain(), "/");
        result
    }

    #[track_caller]
    fn open_session(&self) -> Session {
        let mut request = Request::get("/");
        if let Some(cookies) = self.jar().header(&self.domain(), "/") {
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

    /// Keeps the cookies of a response to `path` at `host`.
    pub(super) fn absorb(&self, headers: &HeaderMap, host: &str, path: &str) {
        if !self.keeps_cookies {
            return;
        }
        let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut jar = self.jar();
        cookies.for_each(|cookie| jar.absorb(cookie, host, path));
    }

    pub(super) fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.get_or_init(|| runtime::new().expect("a runtime needs nothing that could be missing"))
    }
}

/// The cookies of one domain and one path: [`TestClient::cookies_of`].
#[derive(Debug)]
pub struct TestCookies<'a> {
    client: &'a TestClient,
    domain: String,
    path: String,
}

impl TestCookies<'_> {
    /// The value of a cookie.
    pub fn get(&self, name: &str) -> Option<String> {
        self.client.jar().get(name, &self.domain, &self.path).map(str::to_owned)
    }

    /// Adds a cookie.
    pub fn set(&self, name: &str, value: &str) {
        self.client.jar().set(name, value, &self.domain, &self.path);
    }

    /// Removes a cookie.
    pub fn delete(&self, name: &str) {
        self.client.jar().delete(name, &self.domain, &self.path);
    }
}
