//! Arguments by type.

use std::fmt;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Deserialize;

use crate::app::freezing::Freezing;
use crate::app::frozen::Frozen;
use crate::base::catches::Catchable;
use crate::base::config::Config;
use crate::base::error::{Error, HttpError, Result};
use crate::context::Context;
use crate::context::session::Session;
use crate::http::body::Body;
use crate::http::json::{Json, from_slice, not_json};
use crate::http::multi_dict::MultiDict;
use crate::http::response::Response;
use crate::http::upload::FormData;
use crate::routing::view_args::ViewArgs;

/// What can be an argument of a view, a hook or a command, found by its type.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::{Context, FromContext};
///
/// /// The language that the client prefers.
/// struct Language(String);
///
/// impl FromContext for Language {
///     async fn from_context(ctx: &mut Context) -> Result<Language> {
///         let header = ctx.request().header("accept-language").unwrap_or("en");
///         Ok(Language(header.split(['-', ',', ';']).next().unwrap_or("en").to_owned()))
///     }
/// }
///
/// #[get("/")]
/// async fn index(language: Language) -> String {
///     language.0
/// }
///
/// let client = App::new("doc", ".").routes(routes![index]).test_client();
/// assert_eq!(client.get("/").header("accept-language", "de-AT").send_blocking().text(), "de");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a view or a hook",
    label = "this type says nothing about where its value comes from",
    note = "a value of the path has the name of the rule's variable: `#[get(\"/<int:id>\")] fn show(id: i64)`",
    note = "arguments by type are `Session`, `Config`, `ViewArgs`, `Query<T>`, `Json<T>`, `Form<T>`, `FormData`, `State<T>`, `Bytes` and those of extensions; the request and the rest are in `ctx: &mut Context`, the first argument",
    note = "for a type of your own implement `hipflask::FromContext`"
)]
pub trait FromContext: Sized + Send + 'static {
    /// Whether the value is always available, so that [`from_context`](FromContext::from_context) never waits.
    /// A synchronous function whose arguments are all ready is called without an allocation. Say `true` only
    /// if there is no `await` inside.
    const READY: bool = false;

    /// The value for this request.
    ///
    /// # Errors
    ///
    /// An [`HttpError`] if the request does not have it; any other error is a 500.
    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Self>> + Send;

    /// Reports, when the application is frozen, what it needs and does not find: an extension, a
    /// configuration key.
    ///
    /// # Errors
    ///
    /// Says what is missing and what to do.
    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        let _ = freezing;
        Ok(())
    }
}

macro_rules! ready {
    ($($(#[$doc:meta])* $argument:ty = |$ctx:ident| $value:expr;)*) => {
        $($(#[$doc])* #[diagnostic::do_not_recommend] impl FromContext for $argument {
            const READY: bool = true;

            fn from_context($ctx: &mut Context) -> impl Future<Output = Result<Self>> + Send {
                ready($value)
            }
        })*
    };
}

ready! {
    Config = |ctx| Ok(ctx.config().clone());
    ViewArgs = |ctx| Ok(ctx.view_args().clone());
    Frozen = |ctx| Ok(ctx.app().clone());
    Method = |ctx| Ok(ctx.request().method().clone());
    HeaderMap = |ctx| Ok(ctx.request().headers().clone());
    /// The query's keys and values. Flask's `request.args`.
    MultiDict = |ctx| Ok(ctx.request().args().clone());
    /// The body as it comes, for a view that does not want it in one piece. Only the limits of time apply.
    Body = |ctx| Ok(std::mem::take(ctx.request_mut().body_mut()));
    /// In a hook after the view: the response, which the hook gives back.
    Response = |ctx| match ctx.take_response() {
        Some(response) => Ok(response),
        None => Err(Error::msg("there is no response yet; only a function that runs after the view can take it")),
    };
    /// In an error handler: the HTTP error.
    HttpError = |ctx| match ctx.error().and_then(|error| error.http()) {
        Some(error) => Ok(error.to_handler_copy()),
        None => Err(Error::msg("there is no HTTP error here; only an error handler for statuses can take it")),
    };
}

/// The body in one piece, up to `MAX_CONTENT_LENGTH`. Flask's `request.data`.
#[diagnostic::do_not_recommend]
impl FromContext for Bytes {
    async fn from_context(ctx: &mut Context) -> Result<Bytes> {
        ctx.data().await
    }
}

#[diagnostic::do_not_recommend]
impl FromContext for Session {
    // One that has to be waited for was opened before the hooks.
    const READY: bool = true;

    async fn from_context(ctx: &mut Context) -> Result<Session> {
        ctx.open_session().await.cloned()
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        freezing.require_session()
    }
}

// Not `DeserializeOwned`: for the trait itself serde's message names the derive.
impl<T: for<'de> Deserialize<'de> + Send + 'static> FromContext for Json<T> {
    async fn from_context(ctx: &mut Context) -> Result<Json<T>> {
        if !ctx.request().is_json() {
            return Err(HttpError::new(415)
                .description("The body must be JSON, with the content type `application/json`.")
                .into());
        }
        ctx.refuse_encoded()?;
        let data = ctx.data().await?;
        ctx.check_json(&data)?;
        from_slice(&data).map(Json).map_err(|error| not_json(&error, ctx.config().debug()))
    }
}

/// The query as a struct; what is missing or of the wrong type is a 400 that names it.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[derive(serde::Deserialize)]
/// struct Search { q: String, #[serde(default)] page: u32 }
///
/// #[get("/search")]
/// async fn search(query: Query<Search>) -> String {
///     format!("{} {}", query.q, query.page)
/// }
///
/// let client = App::new("doc", ".").routes(routes![search]).test_client();
/// assert_eq!(client.get("/search?q=a+b&page=2").send_blocking().text(), "a b 2");
/// assert_eq!(client.get("/search").send_blocking().status(), 400);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: for<'de> Deserialize<'de> + Send + 'static> FromContext for Query<T> {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Query<T>>> + Send {
        ready(ctx.request().args().deserialize().map(Query))
    }
}

/// The form's fields and files. Flask's `request.form` and `request.files`.
#[diagnostic::do_not_recommend]
impl FromContext for FormData {
    async fn from_context(ctx: &mut Context) -> Result<FormData> {
        ctx.form().await.cloned()
    }
}

/// The argument, or why there is none, for a view that answers without it too.
#[diagnostic::do_not_recommend]
impl<T: FromContext> FromContext for Result<T> {
    const READY: bool = T::READY;

    async fn from_context(ctx: &mut Context) -> Result<Result<T>> {
        Ok(T::from_context(ctx).await)
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        T::check(freezing)
    }
}

/// What [`App::insert_state`](crate::App::insert_state) has put into the application, as an argument: it derefs to it.
/// Cheap, whatever is in it, because it is not copied. An application without it does not start.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// use hipflask::extension::State;
/// use hipflask::prelude::*;
///
/// #[derive(Default)]
/// struct Visits(AtomicU32);
///
/// #[get("/")]
/// async fn count(visits: State<Visits>) -> String {
///     format!("visit {}", visits.0.fetch_add(1, Relaxed) + 1)
/// }
///
/// let client = App::new("doc", ".").insert_state(Visits::default()).routes(routes![count]).test_client();
/// client.get("/").send_blocking();
/// assert_eq!(client.get("/").send_blocking().text(), "visit 2");
/// assert!(App::new("doc", ".").routes(routes![count]).freeze().is_err());
/// ```
pub struct State<T> {
    app: Frozen,
    state: PhantomData<fn() -> T>,
}

impl<T: 'static> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.app.state().expect("it was there when this was made, and nothing is taken out of a frozen application")
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> State<T> {
        State { app: self.app.clone(), state: PhantomData }
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(&**self).finish()
    }
}

impl<T: Send + Sync + 'static> FromContext for State<T> {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<State<T>>> + Send {
        ready(match ctx.state::<T>() {
            Some(_) => Ok(State { app: ctx.app().clone(), state: PhantomData }),
            None => Err(Error::msg(no_state::<T>())),
        })
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        freezing.state::<T>().map_or_else(|| Err(no_state::<T>()), |_| Ok(()))
    }
}

fn no_state<T>() -> String {
    let name = std::any::type_name::<T>();
    format!("it takes `State<{name}>`, but the application has no such state; add `.insert_state(..)` with one")
}

/// The error that an error handler by type caught: it derefs to the error. `#[errorhandler(E)]` gives a
/// function that takes `&E` one of these.
#[derive(Clone, Debug)]
pub struct Caught<E> {
    error: Arc<Error>,
    catch: fn(&Error) -> Option<&E>,
}

// Without a bound on `E`: a type that is not an error is reported once, where it is fetched.
impl<E> Deref for Caught<E> {
    type Target = E;

    fn deref(&self) -> &E {
        (self.catch)(&self.error).expect("it was caught as an `E`")
    }
}

impl<E: Catchable> FromContext for Caught<E> {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Caught<E>>> + Send {
        let error = ctx.error().filter(|error| E::catch(error).is_some()).cloned();
        ready(match error {
            Some(error) => Ok(Caught { error, catch: E::catch }),
            None => Err(Error::msg("there is no error of that type here; only its error handler can take it")),
        })
    }
}

/// In a teardown function: the error that no handler answered, if there was one.
#[diagnostic::do_not_recommend]
impl<E: Catchable> FromContext for Option<Caught<E>> {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Option<Caught<E>>>> + Send {
        let error = ctx.error().filter(|error| E::catch(error).is_some()).cloned();
        ready(Ok(error.map(|error| Caught { error, catch: E::catch })))
    }
}

impl Context {
    /// An argument as a view would get it: `ctx.extract::<Db>().await?`.
    ///
    /// # Errors
    ///
    /// The argument's own.
    pub fn extract<T: FromContext>(&mut self) -> impl Future<Output = Result<T>> + Send {
        T::from_context(self)
    }
}
