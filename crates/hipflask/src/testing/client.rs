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
    pub(super) app: Frozen,
    jar: Arc<Mutex<Jar>>,
    pub(super) browser: bool,
    runtime: OnceLock<tokio::runtime::Runtime>,
}

impl TestClient {
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

    pub(super) fn jar(&self) -> MutexGuard<'_, Jar> {
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
        let saved = session.begin_to_save().and_then(|writable| {
            if writable { self.wait(self.app.sessions().save(&session, &mut response)) } else { Ok(()) }
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

    pub(super) fn absorb(&self, headers: &HeaderMap) {
        let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut jar = self.jar();
        cookies.for_each(|cookie| jar.absorb(cookie));
    }

    pub(super) fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.get_or_init(|| runtime::new().expect("a runtime needs nothing that could be missing"))
    }
}
