//! Sessions that are kept on the server; the browser has only their id. Flask-Session's `ServerSideSessionInterface`.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::app::freezing::Freezing;
use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::context::session::Session;
use crate::context::session::cookie::SessionCookie;
use crate::context::session::interface::SessionInterface;
use crate::handler::answer::Answer;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::signing::{Serializer, base64, random_bytes};

const SALT: &str = "session-id";

/// Where [`ServerSideSessions`] keep what is in them: in memory, in a database. Each method is one statement of most
/// databases.
///
/// Every value expires at some time, and must not be found after that. If a method fails, the request fails.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
///
/// use hipflask::prelude::*;
/// use hipflask::sessions::{ServerSideSessions, SessionStore};
///
/// /// The smallest one: it never removes what has expired. `MemoryStore` is a better one.
/// #[derive(Default)]
/// struct Kept(Mutex<HashMap<String, (Vec<u8>, Instant)>>);
///
/// impl SessionStore for Kept {
///     async fn load(&self, sid: &str) -> Result<Option<Vec<u8>>> {
///         let kept = self.0.lock().unwrap();
///         Ok(kept.get(sid).filter(|(_, end)| *end > Instant::now()).map(|(values, _)| values.clone()))
///     }
///
///     async fn insert(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<()> {
///         self.0.lock().unwrap().insert(sid.to_owned(), (values, Instant::now() + lifetime));
///         Ok(())
///     }
///
///     async fn update(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<bool> {
///         let mut kept = self.0.lock().unwrap();
///         let Some(slot) = kept.get_mut(sid) else { return Ok(false) };
///         *slot = (values, Instant::now() + lifetime);
///         Ok(true)
///     }
///
///     async fn touch(&self, sid: &str, lifetime: Duration) -> Result<bool> {
///         let mut kept = self.0.lock().unwrap();
///         let Some((_, end)) = kept.get_mut(sid) else { return Ok(false) };
///         *end = Instant::now() + lifetime;
///         Ok(true)
///     }
///
///     async fn delete(&self, sid: &str) -> Result<()> {
///         self.0.lock().unwrap().remove(sid);
///         Ok(())
///     }
/// }
///
/// #[get("/")]
/// async fn count(session: Session) -> String {
///     let visits = session.get::<u32>("visits").unwrap_or(0) + 1;
///     session.set("visits", visits);
///     format!("visit {visits}")
/// }
///
/// let app = App::new("doc", ".").routes(routes![count]);
/// let app = app.session_interface(|freezing| ServerSideSessions::new(Kept::default(), freezing.config()));
/// let client = app.test_client();
/// client.get("/").send_blocking();
/// assert_eq!(client.get("/").send_blocking().text(), "visit 2");
/// ```
pub trait SessionStore: Send + Sync + 'static {
    /// Whether no method ever waits, so that nothing has to be opened before it is asked for. Say `true` only if there
    /// is no `await` inside.
    const READY: bool = false;

    /// What is kept under `sid`, if its end has not come.
    fn load(&self, sid: &str) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;

    /// Keeps `values` under `sid`, which is new, for `lifetime`.
    fn insert(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> impl Future<Output = Result<()>> + Send;

    /// Keeps `values` in place of what is kept under `sid`, and puts its end off. Where nothing is kept any more it does
    /// nothing and says `false`: another request has ended the session, and this one must not bring it back.
    fn update(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> impl Future<Output = Result<bool>> + Send;

    /// Puts the end of what is kept under `sid` off, and leaves its values, which another request may have changed. It says
    /// `false` where nothing is kept any more: the browser may have the cookie of another session by now.
    fn touch(&self, sid: &str, lifetime: Duration) -> impl Future<Output = Result<bool>> + Send;

    /// Forgets what is kept under `sid`.
    fn delete(&self, sid: &str) -> impl Future<Output = Result<()>> + Send;
}

/// Sessions that are kept in a [`SessionStore`]; the cookie has only a random id, signed. So they may hold more than a
/// cookie can, their browser cannot read them, and what ends a session ends it everywhere.
///
/// A session gets another id from [`Session::renew`] and [`Session::clear`], so at every login: an id that an attacker
/// has planted in a browser before is worth nothing after it. Of two requests that change one session at once, the one
/// that ends last counts, as with cookies; a session that one has ended is not brought back by the other.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::sessions::{MemoryStore, ServerSideSessions};
///
/// let app = App::new("doc", ".")
///     .session_interface(|freezing| ServerSideSessions::new(MemoryStore::default(), freezing.config()));
/// let client = app.test_client();
/// client.session_transaction(|session| session.set("secret", "not for the browser"));
/// assert!(client.cookie("session").is_some_and(|cookie| cookie.len() < 100));
/// assert_eq!(client.session(|session| session.get::<String>("secret")).as_deref(), Some("not for the browser"));
/// ```
#[derive(Debug)]
pub struct ServerSideSessions<S> {
    store: S,
    cookie: SessionCookie,
    /// `None` without a secret key.
    signer: Option<Serializer>,
}

impl<S: SessionStore> ServerSideSessions<S> {
    /// Sessions in `store`: `SECRET_KEY` signs their ids, `SESSION_COOKIE_…` describe the cookie, and
    /// `PERMANENT_SESSION_LIFETIME` is how long they are kept after they were last written.
    ///
    /// # Errors
    ///
    /// If a key of the configuration has a value of another type than it needs.
    pub fn new(store: S, config: &Config) -> Result<ServerSideSessions<S>> {
        Ok(ServerSideSessions {
            store,
            cookie: SessionCookie::from_config(config)?,
            signer: Serializer::from_config(config, SALT)?,
        })
    }

    async fn load(&self, sid: String) -> Result<Session> {
        match self.store.load(&sid).await? {
            Some(values) => Ok(Session::loads(&values)?.with_sid(sid)),
            None => Ok(Session::new()),
        }
    }

    async fn keep(&self, session: &Session, response: &mut Response) -> Result<()> {
        self.cookie.vary(session, response);
        let old = session.sid();
        if session.is_empty() {
            return self.end(session, old, response).await;
        }
        if !self.cookie.should_set(session) {
            return Ok(());
        }
        let sid = match old {
            Some(sid) if !session.is_renewed() => self.go_on(session, &sid).await?.then_some(sid),
            old => Some(self.begin(session, old).await?),
        };
        match (sid, &self.signer) {
            (Some(sid), Some(signer)) => self.cookie.set(session, &signer.dumps(&sid)?, response),
            // Another request has ended it, and has perhaps begun another: the cookie is that one's.
            _ => Ok(()),
        }
    }

    /// Keeps the values under a new id, and only then nothing under the old one: if it fails, nothing is lost.
    async fn begin(&self, session: &Session, old: Option<String>) -> Result<String> {
        let sid = base64::encode(&random_bytes::<32>());
        self.store.insert(&sid, session.dumps()?, self.cookie.lifetime()).await?;
        if let Some(old) = old {
            self.store.delete(&old).await?;
        }
        Ok(sid)
    }

    /// Keeps the values under the id that they had, or puts their end off. Whether they were still there.
    async fn go_on(&self, session: &Session, sid: &str) -> Result<bool> {
        let lifetime = self.cookie.lifetime();
        if !session.is_modified() {
            return self.store.touch(sid, lifetime).await;
        }
        let is_kept = self.store.update(sid, session.dumps()?, lifetime).await?;
        if !is_kept {
            tracing::warn!("a session was changed by one request while another one ended it; the change is not kept");
        }
        Ok(is_kept)
    }

    async fn end(&self, session: &Session, sid: Option<String>, response: &mut Response) -> Result<()> {
        if let Some(sid) = sid {
            self.store.delete(&sid).await?;
        }
        if session.is_modified() {
            self.cookie.delete(response);
        }
        Ok(())
    }

    fn sid(&self, request: &Request) -> Option<String> {
        // The store knows how long it is kept, so the cookie may be of any age.
        self.signer.as_ref()?.loads(&self.cookie.read(request)?, None).valid()
    }
}

impl<S: SessionStore> SessionInterface for ServerSideSessions<S> {
    fn open(&self, request: &Request) -> Answer<'_, Session> {
        if self.signer.is_none() {
            return Answer::Ready(Ok(Session::without_key()));
        }
        match self.sid(request) {
            Some(sid) => answer::<S, _>(self.load(sid)),
            None => Answer::Ready(Ok(Session::new())),
        }
    }

    fn save<'a>(&'a self, session: &'a Session, response: &'a mut Response) -> Answer<'a, ()> {
        answer::<S, _>(self.keep(session, response))
    }

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        freezing.require_secret_key()
    }

    fn is_ready(&self) -> bool {
        S::READY
    }

    fn may_need_refresh(&self, request: &Request) -> bool {
        self.signer.is_some() && self.cookie.may_need_refresh(request)
    }
}

/// The answer of a store: at once, if it never waits.
fn answer<'a, S: SessionStore, T>(future: impl Future<Output = Result<T>> + Send + 'a) -> Answer<'a, T> {
    if !S::READY {
        return Answer::Later(Box::pin(future));
    }
    Answer::Ready(match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::msg("a session store says `READY` and still waited; its `READY` must be false")),
    })
}
