//! A function before one view.

use std::sync::Arc;

use crate::app::freezing::Freezing;
use crate::context::Context;
use crate::handler::into_handler::IntoHandler;
use crate::handler::{Answer, Handler};

/// For `wrap = before(f)`: runs `f` before the view, as [`before_request`](crate::extension::Scaffold::before_request) does
/// before many. If it answers or fails, the view does not run.
///
/// ```
/// use hipflask::extension::before;
/// use hipflask::prelude::*;
///
/// async fn is_open(config: Config) -> Result<()> {
///     if !config.get("OPEN")? {
///         abort!(503, "closed for today");
///     }
///     Ok(())
/// }
///
/// #[get("/", wrap = before(is_open))]
/// async fn index() -> &'static str {
///     "Come in!"
/// }
///
/// let app = || App::new("doc", ".").routes(routes![index]);
/// assert_eq!(app().config("OPEN", true).test_client().get("/").send_blocking().text(), "Come in!");
/// assert_eq!(app().config("OPEN", false).test_client().get("/").send_blocking().status(), 503);
/// ```
pub fn before<M>(f: impl IntoHandler<M>) -> impl FnOnce(Arc<dyn Handler>) -> Before {
    let function = f.into_handler();
    move |view| Before { function, view }
}

/// A view with a function before it: what [`before`] puts around it.
pub struct Before {
    function: Arc<dyn Handler>,
    view: Arc<dyn Handler>,
}

impl Handler for Before {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            match self.function.call(ctx).await? {
                Some(response) => Ok(Some(response)),
                None => self.view.call(ctx).await,
            }
        }))
    }

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        self.function.check(freezing)
    }
}

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Before")
    }
}
