//! The seam: a handler answers, fails or passes.
//!
//! Views, hooks, mounted applications and the frozen application itself are handlers. Users write plain
//! functions; [`IntoHandler`] erases them to one shape when they are registered, so that a program's own
//! crate compiles fast and no type parameter reaches it.

pub(crate) mod answer;
pub(crate) mod before;
pub(crate) mod blocking;
mod blocking_body;
pub(crate) mod by_error;
pub(crate) mod callback;
pub(crate) mod error_handler;
pub(crate) mod event_stream;
pub(crate) mod function;
pub(crate) mod hand_over;
pub(crate) mod in_place;
pub(crate) mod inline;
pub(crate) mod into_callback;
pub(crate) mod into_error_handler;
pub(crate) mod into_handler;
pub(crate) mod left;
pub(crate) mod outcome;
pub(crate) mod plain;
pub(crate) mod pool;
pub(crate) mod redirect;
pub(crate) mod respond;

use crate::app::freezing::Freezing;
use crate::context::Context;

pub use answer::{Answer, BoxFuture};

/// Anything that can answer a request: it answers (`Some`), fails (`Err`) or passes (`None`).
///
/// Plain functions become handlers automatically; implement this for what carries data.
///
/// ```
/// use hipflask::Context;
/// use hipflask::extension::{Answer, Handler};
/// use hipflask::prelude::*;
///
/// /// Answers every request that nothing else answered.
/// struct Closed(&'static str);
///
/// impl Handler for Closed {
///     fn call<'a>(&'a self, _: &'a mut Context) -> Answer<'a> {
///         Answer::Ready(Ok(Some(Response::new(self.0).with_status(503))))
///     }
/// }
///
/// let client = App::new("doc", ".").mount("/", Closed("back soon")).test_client();
/// assert_eq!(client.get("/anything").send_blocking().status(), 503);
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Looks at the request in `ctx` and answers, fails or passes.
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a>;

    /// Reports what it needs and does not find when the application is frozen.
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        let _ = freezing;
        Ok(())
    }
}
