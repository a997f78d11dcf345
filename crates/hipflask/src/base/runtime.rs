//! The runtime of everything that starts one: commands, tests, [`block_on`](crate::block_on). So a test runs on what
//! production runs on.

use tokio::runtime::{Builder, Runtime};

use crate::base::error::Result;

/// A runtime with a worker for each processor.
pub(crate) fn new() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Runs a future to its end: what `#[hipflask::test]` makes of an async test, and how a synchronous view calls what is
/// async. There it runs on the application's runtime, elsewhere on one of its own.
///
/// ```
/// use hipflask::prelude::*;
///
/// async fn slow() -> &'static str {
///     "done"
/// }
///
/// #[get("/")]
/// fn index() -> &'static str {
///     hipflask::block_on(slow())
/// }
///
/// let client = App::new("doc", ".").routes(routes![index]).test_client();
/// assert_eq!(client.get("/").send_blocking().text(), "done");
/// ```
///
/// # Panics
///
/// In an async function, and in a function that runs [`inline`](crate::extension::inline): use `await` there.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.block_on(future),
        Err(_) => new().expect("a runtime needs nothing that could be missing").block_on(future),
    }
}
