//! Error handlers, as they are registered.

use std::panic::Location;
use std::sync::Arc;

use crate::base::catches::Catches;
use crate::handler::Handler;

/// A function that answers errors: of one status, or of one type. `#[errorhandler]` makes one.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::errors::{Catches, Caught, ErrorHandler};
/// use hipflask::prelude::*;
///
/// async fn number(error: Caught<std::num::ParseIntError>) -> (Status, String) {
///     (Status::BAD_REQUEST, error.to_string())
/// }
///
/// async fn view() -> Result<String> {
///     let n: u8 = "x".parse()?;
///     Ok(n.to_string())
/// }
///
/// let app = App::new("doc", ".")
///     .add_url_rule(Rule::new("/"), view)
///     .errorhandler(ErrorHandler::new(Catches::error::<std::num::ParseIntError>(), number));
/// assert_eq!(app.test_client().get("/").send_blocking().status(), 400);
/// ```
#[derive(Clone)]
pub struct ErrorHandler {
    pub(crate) catches: Catches,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) location: &'static Location<'static>,
}

impl std::fmt::Debug for ErrorHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ErrorHandler").field("catches", &self.catches).finish_non_exhaustive()
    }
}
