//! Values that live as long as a request.

use std::panic::Location;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::error::{Error, Result};
use crate::base::type_map::TypeMap;

/// Values that live as long as the request, by type and, for templates, by name. Flask's `g`.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::{Context, Rule};
///
/// struct Started(std::time::Instant);
///
/// async fn start(ctx: &mut Context) {
///     ctx.g_mut().insert(Started(std::time::Instant::now()));
///     ctx.g_mut().set("lang", "de"); // {{ g.lang }}
/// }
///
/// async fn index(ctx: &mut Context) -> String {
///     let waited = ctx.g().get::<Started>().map(|started| started.0.elapsed());
///     format!("{} {}", waited.is_some(), ctx.g().value("lang").unwrap_or_default())
/// }
///
/// let client = App::new("doc", ".").before_request(start).add_url_rule(Rule::new("/"), index).test_client();
/// assert_eq!(client.get("/").send_blocking().text(), "true de");
/// ```
#[derive(Default)]
pub struct G {
    typed: TypeMap,
    named: serde_json::Map<String, serde_json::Value>,
    failed: Option<Error>,
}

impl G {
    /// Keeps `value` under its type, in place of the one before.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.typed.insert(value);
    }

    /// The value of type `T`.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.typed.get()
    }

    /// The value of type `T`; if there is none yet, its default.
    pub(crate) fn get_or_default<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.typed.get_or_default()
    }

    /// The value of type `T`, to be changed.
    pub fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.typed.get_mut()
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: 'static>(&mut self) -> Option<T> {
        self.typed.remove()
    }

    /// Keeps `value` under `name`, where templates find it as `g.name`.
    ///
    /// A value that JSON cannot hold turns the answer into a 500: nothing is lost silently.
    #[track_caller]
    pub fn set<T: Serialize>(&mut self, name: impl Into<String>, value: T) {
        let (name, location) = (name.into(), Location::caller());
        match serde_json::to_value(value) {
            Ok(value) => _ = self.named.insert(name, value),
            Err(cause) => {
                self.failed.get_or_insert_with(|| Error::not_kept::<T>("`g`", &name, &cause, location));
            }
        }
    }

    /// Raises the first thing that could not be kept.
    pub(crate) fn check_kept(&mut self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// The text under `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.named.get(name)?.as_str()
    }

    /// The value under `name`. One that is not a `T` counts as missing, and the log says so.
    pub fn named<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let found = T::deserialize(self.named.get(name)?).ok();
        if found.is_none() {
            tracing::warn!("`{name}` in `g` is not a `{}`, and counts as missing", std::any::type_name::<T>());
        }
        found
    }

    /// Whether there is a value under `name`. Flask's `name in g`.
    pub fn contains_key(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// Takes the value under `name` out. One that is not a `T` is taken out too, and the log says so.
    ///
    /// ```
    /// use hipflask::extension::G;
    ///
    /// let mut g = G::default();
    /// g.set("lang", "de");
    /// assert_eq!(g.pop::<String>("lang").as_deref(), Some("de"));
    /// assert!(!g.contains_key("lang"));
    /// ```
    pub fn pop<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let found = self.named(name);
        self.named.remove(name);
        found
    }

    /// The names under which there are values. Flask's iteration over `g`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }
}

impl std::fmt::Debug for G {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "G({:?}, {} named)", self.typed, self.named.len())
    }
}
