//! What a status is called, and how it is written in a program.

use http::StatusCode;

/// A status as it is written: `404` or [`Status::NOT_FOUND`](http::StatusCode::NOT_FOUND).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a status",
    label = "not a status",
    note = "a status is a number of type `u16`, `404`, or a constant, `Status::NOT_FOUND`"
)]
pub trait IntoStatus {
    /// The status.
    fn into_status(self) -> StatusCode;
}

#[diagnostic::do_not_recommend]
impl IntoStatus for StatusCode {
    fn into_status(self) -> StatusCode {
        self
    }
}

#[diagnostic::do_not_recommend]
impl IntoStatus for u16 {
    /// # Panics
    ///
    /// If the number is not a status (100 to 999).
    #[track_caller]
    fn into_status(self) -> StatusCode {
        StatusCode::from_u16(self)
            .unwrap_or_else(|_| crate::base::panics::misuse(format_args!("`{self}` is not an HTTP status")))
    }
}

/// The name of a status. Those that HTTP has renamed since have the names that Werkzeug gives them.
pub(super) fn name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::URI_TOO_LONG => "Request URI Too Long",
        StatusCode::RANGE_NOT_SATISFIABLE => "Requested Range Not Satisfiable",
        status => status.canonical_reason().unwrap_or("Unknown Error"),
    }
}

pub(super) fn general_description(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The request could not be understood.",
        401 => "You need to log in.",
        403 => "You are not allowed to do this.",
        404 => "There is nothing at this address.",
        405 => "This address does not accept that method.",
        406 => "This is not available in a form that you accept.",
        408 => "The request took too long to arrive.",
        409 => "This conflicts with the current state.",
        410 => "This has been permanently removed.",
        411 => "The request must state its length.",
        412 => "A condition of the request was not met.",
        413 => "The request is larger than allowed.",
        414 => "The address is longer than allowed.",
        415 => "The media type of the request is not supported.",
        416 => "The requested range is not in the file.",
        422 => "The request is well formed, but its content is not valid.",
        429 => "Too many requests; try again later.",
        431 => "The headers of the request are larger than allowed.",
        500 => "The server encountered an error and could not answer.",
        501 => "The server does not support this.",
        502 => "A server behind this one did not give a valid answer.",
        503 => "The server cannot answer at the moment; try again later.",
        504 => "A server behind this one did not answer in time.",
        _ => "The request could not be answered.",
    }
}
