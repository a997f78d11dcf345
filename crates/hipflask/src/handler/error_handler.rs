//! Error handlers: found by status or by type, nearest blueprint first.

use std::any::TypeId;
use std::panic::Location;
use std::sync::Arc;

use http::StatusCode;

use crate::base::error::{Error, HttpError, IntoStatus};
use crate::context::extract::Catchable;
use crate::handler::{Handler, IntoHandler, IsHandler};

/// A function that answers errors: of one status, or of one type. `#[errorhandler]` makes one.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::{Caught, Catches, ErrorHandler};
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

impl ErrorHandler {
    /// Answers what `catches` describes with `f`, whose arguments come out of the context like a view's:
    /// [`HttpError`], [`Caught`](crate::Caught), or none of the two.
    #[track_caller]
    pub fn new<M>(catches: Catches, f: impl IntoHandler<M>) -> ErrorHandler {
        ErrorHandler { catches, handler: f.into_handler(), location: Location::caller() }
    }
}

impl std::fmt::Debug for ErrorHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ErrorHandler").field("catches", &self.catches).finish_non_exhaustive()
    }
}

/// Which errors an [`ErrorHandler`] answers.
#[derive(Clone, Copy)]
pub struct Catches {
    pub(crate) kind: Kind,
    name: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Status(StatusCode),
    /// How far down the chain of causes it finds its error; the nearest handler of one scope wins.
    Type(fn(&Error) -> Option<usize>),
    /// Every HTTP error.
    Http,
    /// Everything.
    Any,
}

impl Catches {
    /// HTTP errors of `status`; 500 also stands for every error that nothing else handles.
    ///
    /// # Panics
    ///
    /// If `status` is no status of an error.
    #[track_caller]
    pub fn status(status: impl IntoStatus) -> Catches {
        let status = HttpError::new(status).status();
        Catches { kind: Kind::Status(status), name: status.canonical_reason().unwrap_or("a status") }
    }

    /// Errors of type `E`, or caused by one. [`HttpError`] is every HTTP error, [`Error`] is everything.
    pub fn error<E: Catchable>() -> Catches {
        let kind = match TypeId::of::<E>() {
            any if any == TypeId::of::<Error>() => Kind::Any,
            http if http == TypeId::of::<HttpError>() => Kind::Http,
            _ => Kind::Type(depth::<E>),
        };
        Catches { kind, name: std::any::type_name::<E>() }
    }
}

fn depth<E: Catchable>(error: &Error) -> Option<usize> {
    let found: *const () = std::ptr::from_ref(E::catch(error)?).cast();
    error.chain().position(|cause| std::ptr::addr_eq(std::ptr::from_ref(cause), found))
}

impl std::fmt::Debug for Catches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What can be given to [`errorhandler`](crate::Scaffold::errorhandler): an [`ErrorHandler`], or the name of
/// a function under `#[errorhandler]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error handler",
    label = "not an error handler",
    note = "put `#[errorhandler(404)]` or `#[errorhandler(SomeError)]` above the function, or use `register_error_handler(404, f)`"
)]
pub trait IntoErrorHandler<Marker> {
    /// The error handler.
    fn into_error_handler(self) -> ErrorHandler;
}

/// Of everything that is one, and not of `ErrorHandler` only: where two implementations might have been meant, the
/// compiler's message is about the trait and not about what a function lacks.
#[diagnostic::do_not_recommend]
impl<H: Into<ErrorHandler>> IntoErrorHandler<IsHandler> for H {
    fn into_error_handler(self) -> ErrorHandler {
        self.into()
    }
}

#[diagnostic::do_not_recommend]
impl<F: FnOnce() -> ErrorHandler> IntoErrorHandler<fn() -> ErrorHandler> for F {
    fn into_error_handler(self) -> ErrorHandler {
        self()
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
