//! What a view or a hook may return.

use crate::base::error::{Error, Result};
use crate::handler::function::ReturnFor;
use crate::http::response::{IntoResponse, Response};

/// What a view or a hook may return: a response (answer), an error (fail), `()` or `None` (pass).
#[diagnostic::on_unimplemented(
    message = "a request cannot be answered with `{Self}`",
    label = "not an answer",
    note = "return `String` or `&'static str` for plain text, `Html` (by `html!`), `Template` (by `render_template!`), `Json(value)`, `redirect(..)`, a `Response`, a pair with a status (`(text, 404)`, `(Status::NOT_FOUND, text)`), or a `Result` of one of these",
    note = "a hook returns `()` or `None` to pass; a type of your own implements `hipflask::IntoResponse`"
)]
pub trait Outcome {
    /// The outcome in its one shape.
    ///
    /// # Errors
    ///
    /// The error of a `Result`, or of turning the value into a response.
    fn into_outcome(self) -> Result<Option<Response>>;
}

impl<R: IntoResponse> Outcome for R {
    fn into_outcome(self) -> Result<Option<Response>> {
        self.into_response().map(Some)
    }
}

#[diagnostic::do_not_recommend]
impl Outcome for () {
    fn into_outcome(self) -> Result<Option<Response>> {
        Ok(None)
    }
}

#[diagnostic::do_not_recommend]
impl<R: IntoResponse> Outcome for Option<R> {
    fn into_outcome(self) -> Result<Option<Response>> {
        self.map(R::into_response).transpose()
    }
}

#[diagnostic::do_not_recommend]
impl<O: Outcome, E: Into<Error>> Outcome for Result<O, E> {
    fn into_outcome(self) -> Result<Option<Response>> {
        self.map_err(Into::into)?.into_outcome()
    }
}

/// What views and hooks are called for.
#[derive(Debug)]
pub struct Answered;

impl<O: Outcome> ReturnFor<Answered> for O {}
