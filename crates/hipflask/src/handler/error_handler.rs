//! Error handlers: found by status or by type, nearest blueprint first.

use std::panic::Location;
use std::sync::Arc;

use crate::base::catches::{Catches, Kind};
use crate::base::error::{Error, HttpError};
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

/// The error handlers of a request, from the innermost blueprint to the application.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorHandlers {
    scopes: Vec<Vec<ErrorHandler>>,
}

impl ErrorHandlers {
    /// Puts `inner` before what is there.
    pub(crate) fn within(&self, inner: Vec<ErrorHandler>) -> ErrorHandlers {
        ErrorHandlers { scopes: std::iter::once(inner).chain(self.scopes.iter().cloned()).collect() }
    }

    /// The handlers for `error`, the nearest first: those for its status, from the inside out, then those for
    /// its type. One that passes leaves it to the next.
    pub(crate) fn find(&self, error: &Error) -> Vec<&Arc<dyn Handler>> {
        let status = error.http().map(HttpError::status);
        let by_status = |handler: &&ErrorHandler| matches!(handler.catches.kind, Kind::Status(s) if Some(s) == status);
        let found = self.scopes.iter().flat_map(|scope| scope.iter().rev().filter(by_status));
        let found = found.chain(self.scopes.iter().flat_map(|scope| by_type(scope, error)));
        found.map(|handler| &handler.handler).collect()
    }
}

/// The handlers of one scope, the most specific first: by the nearest cause, then for all HTTP errors, then for
/// all.
fn by_type<'a>(scope: &'a [ErrorHandler], error: &Error) -> impl Iterator<Item = &'a ErrorHandler> {
    let rank = |handler: &ErrorHandler| match handler.catches.kind {
        Kind::Status(_) => None,
        Kind::Type(depth) => depth(error),
        Kind::Http => error.http().map(|_| usize::MAX - 1),
        Kind::Any => Some(usize::MAX),
    };
    // The later registered of two equal ones comes before the earlier.
    let mut ranked: Vec<_> = scope.iter().rev().filter_map(|handler| Some((rank(handler)?, handler))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, handler)| handler)
}
