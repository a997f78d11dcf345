//! What can be registered as an error handler.

use std::panic::Location;

use crate::base::catches::Catches;
use crate::handler::error_handler::ErrorHandler;
use crate::handler::into_handler::{IntoHandler, IsHandler};

impl ErrorHandler {
    /// Answers what `catches` describes with `f`, whose arguments come out of the context like a view's:
    /// [`HttpError`](crate::HttpError), [`Caught`](crate::errors::Caught), or none of the two.
    #[track_caller]
    pub fn new<M>(catches: Catches, f: impl IntoHandler<M>) -> ErrorHandler {
        ErrorHandler { catches, handler: f.into_handler(), location: Location::caller() }
    }
}

/// What can be given to [`errorhandler`](crate::extension::Scaffold::errorhandler): an [`ErrorHandler`], or the name of
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
