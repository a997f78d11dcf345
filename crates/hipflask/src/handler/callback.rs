//! Functions that a program gives and that are no handlers: they give something other than a response.

use std::panic::Location;
use std::sync::Arc;

use crate::app::freezing::Freezing;
use crate::context::Context;
use crate::handler::Answer;

/// A function that gives a `T`: a teardown function, a context processor, a user loader. Like a view it is async or not,
/// and its arguments come by type; one that fails or panics gives an error.
///
/// Extensions take one where they let a program do a part of their work.
///
/// ```
/// use hipflask::extension::{Callback, IntoCallback};
/// use hipflask::prelude::*;
/// use hipflask::{Extension, Rule};
///
/// /// How many visitors there are, as a function of the program's own says.
/// struct Visitors(Callback<u64>);
///
/// impl Visitors {
///     #[track_caller]
///     fn counted_by<M>(f: impl IntoCallback<u64, M>) -> Visitors {
///         Visitors(f.into_callback())
///     }
/// }
///
/// impl Extension for Visitors {
///     fn init_app(self, mut app: App) -> App {
///         app.check_callback(&self.0, "the function that counts visitors");
///         app.insert_state(self)
///     }
/// }
///
/// async fn index(ctx: &mut Context) -> Result<String> {
///     let app = ctx.app().clone();
///     let visitors = app.state::<Visitors>().or_404()?;
///     Ok(visitors.0.call(ctx).await?.to_string())
/// }
///
/// async fn count(config: Config) -> Result<u64> {
///     config.get("VISITORS")
/// }
///
/// let app = App::new("doc", ".").config("VISITORS", 3).extend(Visitors::counted_by(count));
/// assert_eq!(app.add_url_rule(Rule::new("/"), index).test_client().get("/").send_blocking().text(), "3");
/// ```
pub struct Callback<T> {
    erased: Arc<dyn Call<T>>,
    location: &'static Location<'static>,
}

/// A function in the one shape of all that give a `T`.
pub(crate) trait Call<T>: Send + Sync {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a, T>;

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String>;
}

impl<T> Callback<T> {
    pub(crate) fn new(erased: Arc<dyn Call<T>>, location: &'static Location<'static>) -> Callback<T> {
        Callback { erased, location }
    }

    /// Calls it with what it asks for.
    pub fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a, T> {
        self.erased.call(ctx)
    }

    /// Reports what it needs and does not find when the application is frozen.
    pub(crate) fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        self.erased.check(freezing)
    }

    /// The line that gave it.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl<T> Clone for Callback<T> {
    fn clone(&self) -> Callback<T> {
        Callback { erased: Arc::clone(&self.erased), location: self.location }
    }
}

impl<T> std::fmt::Debug for Callback<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Callback({}:{})", self.location.file(), self.location.line())
    }
}
