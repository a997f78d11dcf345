//! A response that leaves a view as an error.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::base::error::{Error, ErrorKind};
use crate::http::response::Response;

/// Leaves a view with a response: `Err(redirect("/login").into_response()?.into())`. No error handler sees it.
/// Flask's `abort(response)`.
impl From<Response> for Error {
    #[track_caller]
    fn from(response: Response) -> Error {
        Error::internal(Box::new(Answered(Mutex::new(Some(response)))), ErrorKind::Http)
    }
}

impl Error {
    /// Whether it is a response on its way out.
    pub(crate) fn is_response(&self) -> bool {
        self.downcast_ref::<Answered>().is_some()
    }

    /// The response inside, if there is one that has not been taken yet.
    pub(crate) fn take_response(&self) -> Option<Response> {
        self.downcast_ref::<Answered>()?.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A response on its way out as an error.
struct Answered(Mutex<Option<Response>>);

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answered")
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the view was left with a response")
    }
}

impl StdError for Answered {}
