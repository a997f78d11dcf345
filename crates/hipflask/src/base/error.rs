//! One opaque [`Error`] for everything that can go wrong in a request, and [`HttpError`] for the outcomes
//! that are answers: a 404 is a response, any other error is one log line and a 500.
//!
//! Every `std::error::Error` becomes an [`Error`] through `?`, and the line of that `?` is kept for the
//! debug page and the log.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::base::panics::Panicked;
use crate::base::status::{self, IntoStatus};

/// The result of a view, a hook or anything else that runs in a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Anything that went wrong in a request: one pointer, opaque, made by `?` from any error.
///
/// It does not implement [`std::error::Error`] itself, which is what lets `?` convert every other error.
///
/// ```
/// use hipflask::{Error, Status};
///
/// fn parse(text: &str) -> Result<u16, Error> {
///     Ok(text.parse()?) // the line of this `?` is kept
/// }
///
/// let error = parse("x").unwrap_err();
/// assert_eq!(error.status(), Status::INTERNAL_SERVER_ERROR);
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// assert!(error.location().file().ends_with(".rs"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    source: Box<dyn StdError + Send + Sync>,
    location: &'static Location<'static>,
    kind: ErrorKind,
}

/// What sort of thing an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An [`HttpError`]: an intended answer.
    Http,
    /// An unexpected error, in the application or below it.
    Internal,
    /// A panic that was caught.
    Panic,
}

impl Error {
    /// An error with this message, for failures without a type of their own.
    ///
    /// ```
    /// let error = hipflask::Error::msg("the printer is on fire");
    /// assert_eq!(error.to_string(), "the printer is on fire");
    /// ```
    #[track_caller]
    pub fn msg(message: impl Into<String>) -> Error {
        Error::internal(Box::new(Message(message.into())), ErrorKind::Internal)
    }

    /// A `value` for `key` could not be written down where `keeper` keeps its values: what its `Serialize` said, and the
    /// line that gave it.
    pub(crate) fn not_kept<T>(
        keeper: &str,
        key: &str,
        cause: &dyn fmt::Display,
        location: &'static Location<'static>,
    ) -> Error {
        let name = std::any::type_name::<T>();
        Error::msg(format!("{keeper} cannot keep `{key}`, a `{name}`: {cause}")).at(location)
    }

    #[track_caller]
    pub(crate) fn internal(source: Box<dyn StdError + Send + Sync>, kind: ErrorKind) -> Error {
        Error(Box::new(Inner { source, kind, location: Location::caller() }))
    }

    /// The status that answers it: an [`HttpError`]'s own, otherwise 500.
    pub fn status(&self) -> StatusCode {
        self.http().map_or(StatusCode::INTERNAL_SERVER_ERROR, HttpError::status)
    }

    /// What sort of thing it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The line of the `?`, the [`abort!`](crate::abort) or the constructor that made it.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location
    }

    /// The same error with another location, for a function that makes errors on behalf of its caller.
    #[must_use]
    pub fn at(mut self, location: &'static Location<'static>) -> Error {
        self.0.location = location;
        self
    }

    /// The error inside.
    pub fn source(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.0.source
    }

    /// The error inside, then each cause of it.
    pub fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(
            Some(&*self.0.source as &(dyn StdError + 'static)),
            |error: &&(dyn StdError + 'static)| (*error).source(),
        )
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.source.downcast_ref()
    }

    /// The first `E` among the error inside and its causes; error handlers by type look here.
    ///
    /// ```
    /// use std::io;
    ///
    /// let inner = io::Error::other("disk full");
    /// let error = hipflask::Error::from(io::Error::new(io::ErrorKind::Other, inner));
    /// assert!(error.find::<io::Error>().is_some());
    /// assert!(error.find::<std::fmt::Error>().is_none());
    /// ```
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        self.chain().find_map(|error| error.downcast_ref())
    }

    /// The [`HttpError`] inside, if it is one.
    pub fn http(&self) -> Option<&HttpError> {
        self.downcast_ref()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        let kind = match &error as &dyn StdError {
            error if let Some(http) = error.downcast_ref::<HttpError>() => match &http.not_a_header {
                Some(told) => return Error::msg(told.as_str()),
                None => ErrorKind::Http,
            },
            error if error.is::<Panicked>() => ErrorKind::Panic,
            _ => ErrorKind::Internal,
        };
        Error::internal(Box::new(error), kind)
    }
}

/// For a program whose own functions return a boxed error.
impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        error.0.source
    }
}

/// For a program whose own functions return a boxed error.
impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Self {
        error.0.source
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.fmt(f)
    }
}

/// The message, the line, and every cause: what a test prints when an `unwrap` fails.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {}:{})", self.0.source, self.0.location.file(), self.0.location.line())?;
        self.causes().iter().try_for_each(|cause| write!(f, "\n  caused by: {cause}"))
    }
}

#[derive(Debug)]
struct Message(String);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Message {}

/// An error that is an answer: a status, a description for the client, and headers. Flask's `HTTPException`.
///
/// ```
/// use hipflask::{HttpError, Status};
///
/// let error = HttpError::new(404);
/// assert_eq!(error.status(), Status::NOT_FOUND);
/// assert_eq!(error.name(), "Not Found");
/// let error = HttpError::new(503).description("back in five minutes").header("retry-after", "300");
/// assert_eq!(error.headers()["retry-after"], "300");
/// ```
#[derive(Debug)]
pub struct HttpError {
    status: StatusCode,
    description: Option<String>,
    headers: HeaderMap,
    original: Option<Arc<Error>>,
    /// The first value that was given for a header and is none.
    not_a_header: Option<String>,
}

impl HttpError {
    /// An error that answers with `status`.
    ///
    /// # Panics
    ///
    /// If `status` is not between 400 and 599: only an error status can abort.
    #[track_caller]
    pub fn new(status: impl IntoStatus) -> HttpError {
        let status = status.into_status();
        assert!(
            status.is_client_error() || status.is_server_error(),
            "`{status}` is not an error status; give one from 400 to 599"
        );
        HttpError { status, description: None, headers: HeaderMap::new(), original: None, not_a_header: None }
    }

    /// Sets what the client is told in addition to the name of the status. It is escaped when it is shown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> HttpError {
        self.description = Some(description.into());
        self
    }

    /// Adds a header to the answer. With a value that no header can have, one with a line break for instance, it is no
    /// answer any more but an error, a 500 that says so: nothing is lost silently.
    ///
    /// # Panics
    ///
    /// If `name` is not a header name.
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &'static str, value: impl AsRef<str>) -> HttpError {
        let value = value.as_ref();
        match HeaderValue::from_str(value) {
            Ok(value) => _ = self.headers.append(header::HeaderName::from_static(name), value),
            Err(_) => {
                let told = format!("the header `{name}` of a {} cannot have the value {value:?}", self.status.as_u16());
                self.not_a_header.get_or_insert(told);
            }
        }
        self
    }

    /// The 500 that represents `error`. Flask's `InternalServerError.original_exception`.
    pub(crate) fn internal(error: Arc<Error>) -> HttpError {
        HttpError { original: Some(error), ..HttpError::new(500) }
    }

    /// The status that it answers with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The name of the status: `Not Found`.
    pub fn name(&self) -> &'static str {
        status::name(self.status)
    }

    /// What the client is told: the description, or a general one for the status.
    pub fn text(&self) -> &str {
        self.description.as_deref().unwrap_or_else(|| status::general_description(self.status))
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        // A caller that answers with it, and does not make an [`Error`] of it, meets the mistake here.
        if let Some(told) = &self.not_a_header {
            tracing::error!("{told}");
        }
        &self.headers
    }

    /// The error that became this 500, if there is one. Flask's `original_exception`.
    pub fn original(&self) -> Option<&Error> {
        self.original.as_deref()
    }

    /// A copy for a handler that takes the error by value.
    pub(crate) fn to_handler_copy(&self) -> HttpError {
        HttpError {
            status: self.status,
            description: self.description.clone(),
            headers: self.headers.clone(),
            original: self.original.clone(),
            not_a_header: None,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.name(), self.text())
    }
}

impl StdError for HttpError {}

/// In a template `error` has `code`, `name` and `description`, as in Flask.
impl serde::Serialize for HttpError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("HttpError", 3)?;
        fields.serialize_field("code", &self.status.as_u16())?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("description", self.text())?;
        fields.end()
    }
}

/// Turns a missing value into a 404. Flask-SQLAlchemy's `first_or_404` for every `Option`.
///
/// ```
/// use hipflask::prelude::*;
///
/// fn find(id: i64) -> Result<&'static str> {
///     let post = (id == 1).then_some("a post");
///     Ok(post.or_404()?)
/// }
///
/// assert_eq!(find(2).unwrap_err().status(), 404);
/// ```
pub trait OrNotFound<T> {
    /// The value, or an [`HttpError`] with status 404.
    ///
    /// # Errors
    ///
    /// A 404 if there is no value.
    #[track_caller]
    fn or_404(self) -> Result<T>;
}

impl<T> OrNotFound<T> for Option<T> {
    #[track_caller]
    fn or_404(self) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(HttpError::new(404).into()),
        }
    }
}

/// Leaves the view, hook or helper with an HTTP error: `abort!(404)`, `abort!(503, "back in {n} minutes")`.
/// Flask's `abort`.
///
/// It is `return Err(HttpError::new(status).description(text).into())`, so the function returns a
/// [`Result`](crate::Result).
///
/// ```
/// use hipflask::prelude::*;
///
/// fn check(age: u8) -> Result<()> {
///     if age < 18 {
///         abort!(403, "{} is too young", age);
///     }
///     Ok(())
/// }
///
/// assert_eq!(check(7).unwrap_err().to_string(), "403 Forbidden: 7 is too young");
/// ```
#[macro_export]
macro_rules! abort {
    () => {
        ::core::compile_error!("`abort!` needs the status of an error: `abort!(404)`, `abort!(503, \"back soon\")`")
    };
    // A literal is checked at compile time.
    ($status:literal $(, $($description:tt)*)?) => {{
        const STATUS: ::core::primitive::u16 = $status;
        const _: () = ::core::assert!(
            STATUS >= 400 && STATUS < 600,
            "`abort!` takes the status of an error, 400 to 599; return any other status, or pass it to `redirect`"
        );
        $crate::abort!(STATUS $(, $($description)*)?)
    }};
    ($status:expr $(,)?) => {
        return ::core::result::Result::Err($crate::Error::from($crate::HttpError::new($status)))
    };
    ($status:expr, $($description:tt)+) => {
        return ::core::result::Result::Err($crate::Error::from(
            $crate::HttpError::new($status).description(::std::format!($($description)+)),
        ))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<()> {
        Err(std::fmt::Error)?;
        Ok(())
    }

    #[test]
    fn the_line_of_the_question_mark_is_kept() {
        let error = fails().expect_err("fails");
        assert!(error.location().file().ends_with("error.rs"));
        assert_eq!(error.location().line(), line!() - 8);
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn http_errors_are_recognised_inside() {
        let error = Error::from(HttpError::new(404));
        assert_eq!((error.kind(), error.status()), (ErrorKind::Http, StatusCode::NOT_FOUND));
        assert_eq!(Error::msg("x").kind(), ErrorKind::Internal);
    }

    #[test]
    fn debug_shows_line_and_causes() {
        let error = Error::from(std::io::Error::other(std::fmt::Error));
        let text = format!("{error:?}");
        assert!(text.contains("error.rs:"), "{text}");
    }
}
