//! Synchronous functions that promise not to block.

use std::time::{Duration, Instant};

use crate::handler::in_place;

/// A function that runs in place, made by [`inline()`].
#[derive(Clone, Copy, Debug)]
pub struct Inline<F> {
    function: F,
}

/// Runs a synchronous view, hook or error handler in place, on the worker that its request is on, and not on a thread
/// for what may block. It saves a few microseconds; in return the function must not block: while it sleeps, asks a
/// database or computes for long, whatever waits behind it on that worker waits too.
///
/// `#[get("/", inline)]` and `#[errorhandler(404, inline)]` say the same to a function under a macro.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::extension::inline;
/// use hipflask::prelude::*;
///
/// fn count(ctx: &mut Context) {
///     ctx.g_mut().set("count", 1);
/// }
///
/// let app = App::new("doc", ".").before_request(inline(count)).add_url_rule(Rule::new("/"), inline(|| "Hello!"));
/// assert_eq!(app.test_client().get("/").send_blocking().text(), "Hello!");
/// ```
///
/// A program that was built with debug assertions logs a warning where such a function took more than 20 milliseconds.
/// An `async fn` runs in place anyway.
pub fn inline<F>(function: F) -> Inline<F> {
    Inline { function }
}

impl<F> Inline<F> {
    pub(crate) fn run<T>(&self, call: impl FnOnce(&F) -> T) -> T {
        watched(std::any::type_name::<F>(), || call(&self.function))
    }
}

/// How long a function may hold a worker before it is reported.
const LONG: Duration = Duration::from_millis(20);

/// Calls the function `name`, and logs it if it held its worker for long; a release build only calls it.
#[doc(hidden)]
pub fn watched<T>(name: &str, call: impl FnOnce() -> T) -> T {
    in_place::send_what_waits();
    if !cfg!(debug_assertions) {
        return call();
    }
    let began = Instant::now();
    let result = call();
    let took = began.elapsed();
    if took > LONG {
        tracing::warn!(
            "`{name}` runs inline and held a worker for {} ms; without `inline` it would hold up nothing else",
            took.as_millis()
        );
    }
    result
}
