//! The session: what belongs to one browser from request to request.

pub(crate) mod cookie;
pub(crate) mod flash;
pub(crate) mod flashed;
pub(crate) mod interface;
pub(crate) mod memory;
pub(crate) mod secure_cookie;
pub(crate) mod server_side;

use std::any::Any;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::context::session::flashed::FlashedMessage;
use crate::http::json;
use crate::signing::tagged_json::{SessionValue, read, unwrapped, wrapped};
use crate::signing::tagger::tagged;

/// What belongs to one browser from request to request. Flask's `session`: in a signed cookie that the browser can read
/// and cannot change, unless [`App::session_interface`](crate::App::session_interface) says otherwise. The cookie is
/// Flask's own, byte for byte, in both directions.
///
/// It is a handle: clones are the same session. It is saved after the hooks that run after the request, if
/// it was changed.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[get("/")]
/// async fn count(session: Session) -> String {
///     let visits = session.get::<u32>("visits").unwrap_or(0) + 1;
///     session.set("visits", visits);
///     format!("visit {visits}")
/// }
///
/// let client = App::new("doc", ".").config("SECRET_KEY", "a key that is only for this example").routes(routes![count]).test_client();
/// client.get("/").send_blocking();
/// assert_eq!(client.get("/").send_blocking().text(), "visit 2");
/// ```
#[derive(Clone)]
pub struct Session {
    shared: Arc<Mutex<SessionState>>,
}

/// The contents, and what happened to them.
#[derive(Default)]
pub(crate) struct SessionState {
    /// Tagged JSON, as in the cookie.
    pub(crate) values: Map<String, Value>,
    pub(crate) accessed: bool,
    pub(crate) modified: bool,
    /// The browser brought no session that could be used.
    pub(crate) is_new: bool,
    /// Why there is nothing to keep it with: reading finds nothing, writing fails.
    pub(crate) null: Option<Cow<'static, str>>,
    /// What it was read from, for a session in a cookie.
    pub(crate) json: Vec<u8>,
    /// What a session that is kept on the server is kept under.
    pub(crate) sid: Option<String>,
    /// It is another session from now on, so it gets another id.
    pub(crate) renewed: bool,
    /// The first thing that went wrong; raised when the session is saved.
    pub(crate) failed: Option<Error>,
    /// It was saved, or that was tried: what is set now comes too late.
    pub(crate) saved: bool,
    /// Flashed messages taken out by this request, so that a second look finds them still.
    pub(crate) flashes: Option<Vec<(String, FlashedMessage)>>,
    /// Signals that were sent and wait for the context, if there is one that asks for them.
    pub(crate) signals: Option<Vec<Box<dyn Any + Send>>>,
}

impl SessionState {
    fn note_modified(&mut self, location: &'static Location<'static>) {
        (self.accessed, self.modified) = (true, true);
        if let Some(why) = &self.null {
            let error = || Error::msg(format!("the session cannot be written: {why}")).at(location);
            self.failed.get_or_insert_with(error);
        }
        if self.saved {
            tracing::error!("the session was changed at {location} after it was saved; the change is lost");
        }
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.values.get("_permanent") == Some(&Value::Bool(true))
    }
}

/// Where Flask keeps flashed messages: a list of `(category, message)`.
const FLASHES: &str = "_flashes";

const NO_SECRET_KEY: &str =
    "no secret key is set; set the configuration key `SECRET_KEY` to something long, random and secret";

impl Session {
    pub(crate) fn with_state(state: SessionState) -> Session {
        Session { shared: Arc::new(Mutex::new(state)) }
    }

    /// The session where there is no key to sign with.
    pub(crate) fn without_key() -> Session {
        Session::null(NO_SECRET_KEY)
    }

    /// A session that could not be opened; `error` is raised when it is saved.
    pub(crate) fn failed(error: Error) -> Session {
        let null = Some(Cow::Borrowed("it could not be opened"));
        Session::with_state(SessionState { null, failed: Some(error), ..SessionState::default() })
    }

    /// The state as it is, without counting as an access.
    pub(crate) fn state(&self) -> MutexGuard<'_, SessionState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the log say so where it is changed, because nothing saves it.
    pub(crate) fn never_saved(&self) {
        self.state().saved = true;
    }

    fn accessed(&self) -> MutexGuard<'_, SessionState> {
        let mut state = self.state();
        state.accessed = true;
        state
    }

    #[track_caller]
    pub(crate) fn modified(&self) -> MutexGuard<'_, SessionState> {
        let mut state = self.state();
        state.note_modified(Location::caller());
        state
    }

    /// The value of `key`. One that is not a `T`, an older version of the program may have set it, counts as missing, and
    /// the log says so; [`try_get`](Session::try_get) tells the caller.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        read_or_warn(self.accessed().values.get(key)?, key)
    }

    /// The value of `key`, if there is one.
    ///
    /// ```
    /// let session = hipflask::Session::new();
    /// session.set("user", "Ada");
    /// assert_eq!(session.get::<u32>("user"), None);
    /// let error = session.try_get::<u32>("user").unwrap_err();
    /// assert_eq!(error.to_string(), "the session's `user` is not a `u32`");
    /// assert_eq!(session.try_get::<u32>("name")?, None);
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it is not a `T`.
    #[track_caller]
    pub fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let state = self.accessed();
        let Some(value) = state.values.get(key) else { return Ok(None) };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::msg(other_type::<T>(key))),
        }
    }

    /// The value of `key` with the types that JSON does not have, to be shown in a template: markup is safe there, and a
    /// moment has `strftime`.
    pub fn value(&self, key: &str) -> Option<SessionValue> {
        self.accessed().values.get(key).cloned().map(SessionValue)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.accessed().values.contains_key(key)
    }

    /// Sets `key` to `value`.
    ///
    /// What Flask keeps as a tuple, as bytes, `Markup` or a `datetime` is kept so: a tuple or an array of Rust, what
    /// serializes as bytes, an [`Html`](crate::Html), a [`DateTime`](crate::DateTime) to the second.
    ///
    /// A value that JSON cannot hold, or a session without a secret key, turns the answer into a 500 when the
    /// session is saved: nothing is lost silently.
    #[track_caller]
    pub fn set<T: Serialize>(&self, key: impl Into<String>, value: T) {
        // Before anything is locked: it is a function of the application's.
        let (key, value, location) = (key.into(), tagged(&value), Location::caller());
        let mut state = self.modified();
        match value {
            Ok(value) => _ = state.values.insert(key, value),
            Err(cause) => {
                state.failed.get_or_insert_with(|| Error::not_kept::<T>("the session", &key, &cause, location));
            }
        }
    }

    /// Takes `key` out. A value that is not a `T` is taken out too, and the log says so.
    #[track_caller]
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.contains_key(key).then(|| self.modified().values.remove(key)).flatten()?;
        read_or_warn(&value, key)
    }

    /// Takes everything out; the browser is told to forget the cookie, be it one that cannot be read. What is set afterwards is another session: one
    /// that is kept on the server gets another id.
    #[track_caller]
    pub fn clear(&self) {
        let mut state = self.modified();
        state.renewed = true;
        state.values.clear();
    }

    /// Begins another session for the same browser: everything is taken out except the messages that no page has shown
    /// yet. Call it at login and logout: nothing that was put there for another user remains, and an id that
    /// someone else knows becomes worthless.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[post("/login")]
    /// async fn login(session: Session) -> &'static str {
    ///     session.renew();
    ///     session.set("user", 7);
    ///     session.flash("Welcome!");
    ///     "hello"
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![login]).test_client();
    /// client.session_transaction(|session| session.set("basket", [1, 2]));
    /// client.post("/login").send_blocking();
    /// assert_eq!(client.session(|session| session.keys()), ["_flashes", "user"]);
    /// ```
    #[track_caller]
    pub fn renew(&self) {
        let mut state = self.accessed();
        state.renewed = true;
        if !state.values.is_empty() {
            state.values.retain(|key, _| key == FLASHES);
            state.note_modified(Location::caller());
        }
    }

    /// Keeps the signals that are sent from now on, for a context.
    pub(crate) fn keep_signals(&self) {
        self.state().signals.get_or_insert_default();
    }

    /// What was sent since it was last asked.
    pub(crate) fn take_signals(&self) -> Vec<Box<dyn Any + Send>> {
        self.state().signals.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The keys, in alphabetical order.
    pub fn keys(&self) -> Vec<String> {
        self.accessed().values.keys().cloned().collect()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.accessed().values.is_empty()
    }

    /// Whether it outlives the browser window, up to `PERMANENT_SESSION_LIFETIME`.
    pub fn is_permanent(&self) -> bool {
        self.get("_permanent").unwrap_or(false)
    }

    /// Sets whether it outlives the browser window.
    #[track_caller]
    pub fn set_permanent(&self, permanent: bool) {
        self.set("_permanent", permanent);
    }

    /// Whether the browser brought no session that could be used.
    pub fn is_new(&self) -> bool {
        self.accessed().is_new
    }

    /// Whether there is something to save: not twice, and not where there is nothing to keep it with.
    ///
    /// # Errors
    ///
    /// What went wrong when it was opened or written.
    pub(crate) fn begin_to_save(&self) -> Result<bool> {
        let mut state = self.state();
        if std::mem::replace(&mut state.saved, true) {
            return Ok(false);
        }
        match state.failed.take() {
            Some(error) => Err(error),
            None => Ok(state.null.is_none()),
        }
    }
}

/// For implementations of [`SessionInterface`](crate::sessions::SessionInterface). What is asked here does not count
/// as an access.
impl Session {
    /// An empty session, for a request that brings none.
    pub fn new() -> Session {
        Session::with_state(SessionState { is_new: true, ..SessionState::default() })
    }

    /// A session where there is nothing to keep one with: reading finds nothing, writing fails the request, and the
    /// error says `why`. Flask's `NullSession`.
    ///
    /// ```
    /// let session = hipflask::Session::null("the disk is read-only");
    /// assert!(session.is_empty());
    /// ```
    pub fn null(why: impl Into<Cow<'static, str>>) -> Session {
        Session::with_state(SessionState { is_new: true, null: Some(why.into()), ..SessionState::default() })
    }

    /// The session that [`dumps`](Session::dumps) wrote.
    ///
    /// ```
    /// use hipflask::Session;
    ///
    /// let session = Session::new();
    /// session.set("user", 7);
    /// let again = Session::loads(&session.dumps()?)?;
    /// assert_eq!((again.get::<u32>("user"), again.is_new()), (Some(7), false));
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it is not the JSON of an object.
    pub fn loads(json: &[u8]) -> Result<Session> {
        let values = unwrapped(json::from_slice(json)?);
        Ok(Session::with_state(SessionState { values, ..SessionState::default() }))
    }

    /// Its values as JSON, with Flask's tags: what a store keeps.
    ///
    /// # Errors
    ///
    /// None are known; every value was JSON already when it was set.
    pub fn dumps(&self) -> Result<Vec<u8>> {
        Ok(json::dumps(&*wrapped(&self.state().values))?)
    }

    /// The same, as the one that is kept on a server under `sid`. Flask-Session's word.
    #[must_use]
    pub fn with_sid(self, sid: impl Into<String>) -> Session {
        self.state().sid = Some(sid.into());
        self
    }

    /// What it was kept under when it was opened.
    pub fn sid(&self) -> Option<String> {
        self.state().sid.clone()
    }

    /// Whether anything has looked into it; then the answer depends on it.
    pub fn is_accessed(&self) -> bool {
        self.state().accessed
    }

    /// Whether anything in it was changed.
    pub fn is_modified(&self) -> bool {
        self.state().modified
    }

    /// Whether it is another session than the one that was opened, after [`renew`](Session::renew) or
    /// [`clear`](Session::clear). What was kept under its id is to be deleted; what is in it now is kept under another.
    pub fn is_renewed(&self) -> bool {
        self.state().renewed
    }
}

impl Default for Session {
    fn default() -> Session {
        Session::new()
    }
}

/// A value as a `T`. A value of another type may be a login, so the log says that it is not read.
fn read_or_warn<T: DeserializeOwned>(value: &Value, key: &str) -> Option<T> {
    let found = read(value);
    if found.is_none() {
        tracing::warn!("{}, and counts as missing", other_type::<T>(key));
    }
    found
}

fn other_type<T>(key: &str) -> String {
    format!("the session's `{key}` is not a `{}`", std::any::type_name::<T>())
}

/// The values stay out of logs.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.state().values.keys()).finish()
    }
}
