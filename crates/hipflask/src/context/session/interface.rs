//! Where sessions are kept: the interface that every kind of session implements.

use crate::app::freezing::Freezing;
use crate::base::error::Error;
use crate::context::session::Session;
use crate::handler::answer::Answer;
use crate::http::request::Request;
use crate::http::response::Response;

/// Where the sessions of an application are kept: how one is opened for a request, and how it is saved. Flask's class
/// of that name; [`App::session_interface`](crate::App::session_interface) sets it.
///
/// Without one, a session is a signed cookie ([`SecureCookieSessions`](crate::sessions::SecureCookieSessions)). For
/// sessions that are kept on the server, [`ServerSideSessions`](crate::sessions::ServerSideSessions) does everything
/// but the keeping; implement this trait for what is neither.
///
/// ```
/// use hipflask::extension::Answer;
/// use hipflask::http::{Cookie, Request};
/// use hipflask::prelude::*;
/// use hipflask::sessions::SessionInterface;
///
/// /// Sessions that only remember the language, in a cookie that need not be trusted.
/// struct Languages;
///
/// impl SessionInterface for Languages {
///     fn open(&self, request: &Request) -> Answer<'_, Session> {
///         let session = Session::new();
///         if let Some(("lang", language)) = request.cookies().find(|(name, _)| *name == "lang") {
///             session.set("lang", language);
///         }
///         Answer::Ready(Ok(session))
///     }
///
///     fn save<'a>(&'a self, session: &'a Session, response: &'a mut Response) -> Answer<'a, ()> {
///         if session.is_accessed() {
///             response.vary("Cookie");
///         }
///         Answer::Ready(match session.get::<String>("lang") {
///             Some(language) => response.set_cookie(&Cookie::new("lang", language)),
///             None => Ok(()),
///         })
///     }
///
///     fn is_ready(&self) -> bool {
///         true
///     }
/// }
///
/// #[get("/<lang>")]
/// async fn choose(session: Session, lang: String) -> &'static str {
///     session.set("lang", lang);
///     "chosen"
/// }
///
/// #[get("/")]
/// async fn index(session: Session) -> String {
///     session.get("lang").unwrap_or_default()
/// }
///
/// let app = App::new("doc", ".").session_interface(|_| Ok(Languages)).routes(routes![choose, index]);
/// let client = app.test_client();
/// client.get("/fr").send_blocking();
/// assert_eq!(client.get("/").send_blocking().text(), "fr");
/// ```
pub trait SessionInterface: Send + Sync + 'static {
    /// The session that `request` brings; a new one if it brings none, or one that does not hold
    /// ([`Session::new`]); one that cannot be written where there is nothing to keep it with ([`Session::null`]).
    ///
    /// A future must copy what it needs out of the request first. An error fails the request: a user who is logged
    /// in must not be taken for a stranger because a database is down.
    fn open(&self, request: &Request) -> Answer<'_, Session>;

    /// Keeps `session` if it was changed, and adds to `response` what the browser and caches have to know. It is called
    /// once for each request that has opened its session, after all hooks.
    ///
    /// An error is the answer, as that of a view is: nothing that a view has set is lost silently.
    fn save<'a>(&'a self, session: &'a Session, response: &'a mut Response) -> Answer<'a, ()>;

    /// Reports what it needs and does not find when the application is frozen: a secret key, for one that signs. It is
    /// asked where something takes a session.
    ///
    /// # Errors
    ///
    /// Says what is missing and what to do.
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        let _ = freezing;
        Ok(())
    }

    /// Whether [`open`](SessionInterface::open) never waits. Then a session is opened when something asks for it, and a
    /// request that needs none pays nothing. Otherwise it is opened before the hooks, for every request, as in Flask.
    fn is_ready(&self) -> bool {
        false
    }

    /// Whether a session that nothing has asked for has to be opened and saved all the same: a permanent one, whose end
    /// every request puts off. It is asked only where [`is_ready`](SessionInterface::is_ready) is true.
    fn may_need_refresh(&self, request: &Request) -> bool {
        let _ = request;
        false
    }
}

/// The session of `request`, for a caller that cannot wait. What went wrong is raised when the session is saved.
pub(crate) fn open_now(interface: &dyn SessionInterface, request: &Request) -> Session {
    match interface.open(request) {
        Answer::Ready(Ok(session)) => session,
        Answer::Ready(Err(error)) => Session::failed(error),
        Answer::Later(_) => Session::failed(Error::msg(
            "the session was asked for before it was opened, and its store has to be waited for; \
             ask for it by `ctx.extract::<Session>().await` there",
        )),
    }
}
