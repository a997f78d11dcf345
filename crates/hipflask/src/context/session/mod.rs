//! The session: what a browser brings back, signed, with every request.

pub(crate) mod cookies;
pub(crate) mod flash;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::error::Error;
use crate::signing::tagged_json::{read, tag};

/// What belongs to one browser from request to request, in a signed cookie that it can read and cannot
/// change. Flask's `session`; the cookie is Flask's own, byte for byte, in both directions.
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
    /// Tagged JSON, as it stands in the cookie.
    pub(crate) values: Map<String, Value>,
    pub(crate) accessed: bool,
    pub(crate) modified: bool,
    /// The cookie that the browser sent could not be used.
    pub(crate) is_new: bool,
    /// There is no secret key: reading finds nothing, writing fails.
    pub(crate) is_null: bool,
    /// The first thing that could not be stored; raised when the session is saved.
    pub(crate) failed: Option<Error>,
    /// Flashed messages taken out by this request, so that a second look finds them still.
    pub(crate) flashes: Option<Vec<(String, String)>>,
}

const NO_SECRET_KEY: &str = "the session cannot be written because no secret key is set; set the configuration key `SECRET_KEY` to something long, random and secret";

impl Session {
    pub(crate) fn new(state: SessionState) -> Session {
        Session { shared: Arc::new(Mutex::new(state)) }
    }

    /// The state as it is, without counting as an access.
    pub(crate) fn state(&self) -> MutexGuard<'_, SessionState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accessed(&self) -> MutexGuard<'_, SessionState> {
        let mut state = self.state();
        state.accessed = true;
        state
    }

    #[track_caller]
    pub(crate) fn modified(&self) -> MutexGuard<'_, SessionState> {
        let mut state = self.accessed();
        state.modified = true;
        if state.is_null && state.failed.is_none() {
            state.failed = Some(Error::msg(NO_SECRET_KEY));
        }
        state
    }

    /// The value of `key`; `None` if there is none or it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        read(self.accessed().values.get(key)?)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.accessed().values.contains_key(key)
    }

    /// Sets `key` to `value`.
    ///
    /// A value that JSON cannot hold, or a session without a secret key, turns the answer into a 500 when the
    /// session is saved: nothing is lost silently.
    #[track_caller]
    pub fn set(&self, key: impl Into<String>, value: impl Serialize) {
        let key = key.into();
        let mut state = self.modified();
        match serde_json::to_value(value) {
            Ok(value) => _ = state.values.insert(key, tag(value)),
            Err(error) => {
                let message = format!("the session cannot hold the value given for `{key}`: {error}");
                state.failed.get_or_insert_with(|| Error::msg(message));
            }
        }
    }

    /// Takes `key` out.
    #[track_caller]
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.contains_key(key).then(|| self.modified().values.remove(key)).flatten()?;
        read(&value)
    }

    /// Takes everything out; the browser is told to forget the cookie. Call it at login and logout, so that
    /// nothing from before comes along.
    #[track_caller]
    pub fn clear(&self) {
        if !self.accessed().values.is_empty() {
            self.modified().values.clear();
        }
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

    /// Lets it outlive the browser window, or not.
    #[track_caller]
    pub fn set_permanent(&self, permanent: bool) {
        match permanent {
            true => self.set("_permanent", true),
            false => _ = self.pop::<bool>("_permanent"),
        }
    }

    /// Whether the browser brought no session that could be used.
    pub fn is_new(&self) -> bool {
        self.accessed().is_new
    }

    /// Every value in plain JSON, for templates and the debug page.
    pub(crate) fn plain(&self) -> Map<String, Value> {
        let state = self.accessed();
        state.values.iter().filter_map(|(key, value)| Some((key.clone(), read(value)?))).collect()
    }
}

/// The values stay out of logs.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.state().values.keys()).finish()
    }
}
