//! A reply that leaves a view as an error.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::base::error::{Error, ErrorKind};
use crate::handler::respond::{Reply, Respond};
use crate::http::response::Response;

/// Leaves a view with a reply: `Err(redirect("/login").into_reply().into())`. No error handler sees it. Flask's
/// `abort(response)`.
impl From<Reply> for Error {
    #[track_caller]
    fn from(reply: Reply) -> Error {
        Error::internal(Box::new(Left(Mutex::new(Some(reply)))), ErrorKind::Http)
    }
}

/// Leaves a view with a response. No error handler sees it. Flask's `abort(response)`.
impl From<Response> for Error {
    #[track_caller]
    fn from(response: Response) -> Error {
        response.into_reply().into()
    }
}

impl Error {
    /// Whether it is a reply on its way out.
    pub(crate) fn is_reply(&self) -> bool {
        self.downcast_ref::<Left>().is_some()
    }

    /// The reply inside, if there is one that has not been taken yet.
    pub(crate) fn take_reply(&self) -> Option<Reply> {
        self.downcast_ref::<Left>()?.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A reply on its way out as an error.
struct Left(Mutex<Option<Reply>>);

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Left")
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the view was left with a reply")
    }
}

impl StdError for Left {}
