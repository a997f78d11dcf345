//! What a view or a hook may return.

use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::function::ReturnFor;
use crate::handler::respond::Respond;

/// What a view or a hook may return: a response (answer), an error (fail), `()` or `None` (pass).
#[diagnostic::on_unimplemented(
    message = "a request cannot be answered with `{Self}`",
    label = "not an answer",
    note = "return `String` or `&'static str` for plain text, `Html` (by `html!`), `Template` (by `render_template!`), `Json(value)`, `redirect(..)`, a `Response`, a pair with a status (`(text, 404)`, `(Status::NOT_FOUND, text)`), or a `Result` of one of these",
    note = "a hook returns `()` or `None` to pass; a type of your own implements `hipflask::helpers::Respond`"
)]
pub trait Outcome {
    /// The outcome in its one shape.
    ///
    /// # Errors
    ///
    /// The error of a `Result`, or of turning the value into a response.
    fn into_outcome(self, ctx: &mut Context) -> Answer<'_>;
}

impl<R: Respond> Outcome for R {
    fn into_outcome(self, ctx: &mut Context) -> Answer<'_> {
        self.respond(ctx).and_then(|response| Ok(Some(response)))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome for () {
    fn into_outcome(self, _: &mut Context) -> Answer<'_> {
        Answer::Ready(Ok(None))
    }
}

#[diagnostic::do_not_recommend]
impl<R: Respond> Outcome for Option<R> {
    fn into_outcome(self, ctx: &mut Context) -> Answer<'_> {
        match self {
            Some(value) => value.into_outcome(ctx),
            None => Answer::Ready(Ok(None)),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<O: Outcome, E: Into<Error>> Outcome for Result<O, E> {
    fn into_outcome(self, ctx: &mut Context) -> Answer<'_> {
        match self {
            Ok(value) => value.into_outcome(ctx),
            Err(error) => Answer::Ready(Err(error.into())),
        }
    }
}

/// What views and hooks are called for.
#[derive(Debug)]
pub struct Answered;

impl<O: Outcome> ReturnFor<Answered> for O {}
