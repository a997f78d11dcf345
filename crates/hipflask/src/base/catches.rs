//! Which errors an error handler catches.

use std::any::TypeId;
use std::error::Error as StdError;

use http::StatusCode;

use crate::base::error::{Error, HttpError};
use crate::base::status::IntoStatus;

/// Which errors an [`ErrorHandler`](crate::errors::ErrorHandler) answers.
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
    /// HTTP errors with `status`; 500 also catches every error that nothing else handles.
    ///
    /// # Panics
    ///
    /// If `status` is not an error status.
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

/// What an error handler by type can catch: any error type, and [`Error`] itself for all of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error, so nothing can catch it",
    label = "not an error type",
    note = "implement `std::error::Error` for it (and `Display` and `Debug`, which that needs), or name another type"
)]
pub trait Catchable: Send + 'static {
    /// The caught error inside `error`.
    fn catch(error: &Error) -> Option<&Self>;
}

#[diagnostic::do_not_recommend]
impl<E: StdError + Send + 'static> Catchable for E {
    fn catch(error: &Error) -> Option<&E> {
        error.find()
    }
}

#[diagnostic::do_not_recommend]
impl Catchable for Error {
    fn catch(error: &Error) -> Option<&Error> {
        Some(error)
    }
}
