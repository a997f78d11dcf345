//! The errors of fields, and their wording.

use std::fmt;
use std::sync::Arc;

use crate::app::App;
use crate::context::Context;
use crate::http::size::ByteSize;

/// An error of a field of a form. A program can match it; its `Display` is the message for the user, in English.
///
/// A rule of your own returns a text, which becomes a [`FieldError::Message`].
/// [`App::form_messages`](crate::App::form_messages) replaces the wording.
///
/// ```
/// use hipflask::form::FieldError;
///
/// assert_eq!(FieldError::TooShort { min: 2 }.to_string(), "Use at least 2 characters.");
/// assert_eq!(FieldError::from("This name is taken.").to_string(), "This name is taken.");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// Nothing was filled in.
    Required,
    /// No file was chosen.
    NoFile,
    /// The file is larger than `file_size(..=max)` or `MAX_CONTENT_LENGTH` allows.
    FileTooLarge {
        /// The most bytes that are allowed.
        max: u64,
    },
    /// It cannot be read as a whole number of the field's type.
    NotAnInteger,
    /// It cannot be read as a number.
    NotANumber,
    /// It has fewer characters than `length(min..)` allows.
    TooShort {
        /// The fewest that are allowed.
        min: usize,
    },
    /// It has more characters than `length(..=max)` allows.
    TooLong {
        /// The most that are allowed.
        max: usize,
    },
    /// It is below the range.
    TooSmall {
        /// The lower end, as text.
        min: String,
    },
    /// It is above the range.
    TooLarge {
        /// The upper end, as text.
        max: String,
    },
    /// It does not look like an e-mail address.
    NotAnEmail,
    /// It is not in the list.
    NotAChoice,
    /// It differs from the field that it must repeat.
    NotEqual {
        /// The name of that field.
        to: &'static str,
    },
    /// A message from a rule of the program, or from [`Form::add_error`](crate::Form::add_error).
    Message(String),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Required => f.write_str("This field is required."),
            FieldError::NoFile => f.write_str("Choose a file."),
            FieldError::FileTooLarge { max } => write!(f, "Choose a file of at most {}.", ByteSize(*max)),
            FieldError::NotAnInteger => f.write_str("Enter a whole number."),
            FieldError::NotANumber => f.write_str("Enter a number."),
            FieldError::TooShort { min } => write!(f, "Use at least {}.", Characters(*min)),
            FieldError::TooLong { max } => write!(f, "Use at most {}.", Characters(*max)),
            FieldError::TooSmall { min } => write!(f, "This must be at least {min}."),
            FieldError::TooLarge { max } => write!(f, "This must be at most {max}."),
            FieldError::NotAnEmail => f.write_str("Enter a valid e-mail address."),
            FieldError::NotAChoice => f.write_str("Choose one of the options."),
            FieldError::NotEqual { .. } => f.write_str("The two entries do not match."),
            FieldError::Message(message) => f.write_str(message),
        }
    }
}

struct Characters(usize);

impl fmt::Display for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 character"),
            count => write!(f, "{count} characters"),
        }
    }
}

impl From<String> for FieldError {
    fn from(message: String) -> FieldError {
        FieldError::Message(message)
    }
}

impl From<&str> for FieldError {
    fn from(message: &str) -> FieldError {
        FieldError::Message(message.to_owned())
    }
}

/// The wording of one form: how its errors are told to the user of this request.
#[derive(Clone)]
pub(super) struct Words(Arc<dyn Fn(&FieldError) -> String + Send + Sync>);

impl Words {
    /// The application's choice for this request, if it has made one.
    pub(super) fn of(ctx: &Context) -> Option<Words> {
        ctx.state::<Choose>().map(|Choose(choose)| choose(ctx))
    }

    pub(super) fn tell(&self, error: &FieldError) -> String {
        self.0(error)
    }
}

/// The function that was passed to [`App::form_messages`].
struct Choose(Box<dyn Fn(&Context) -> Words + Send + Sync>);

impl App {
    /// Changes the wording of form errors: `choose` looks at the request and returns the function that words its
    /// errors, so that a form can speak the user's language.
    ///
    /// ```
    /// use hipflask::form::FieldError;
    /// use hipflask::prelude::*;
    ///
    /// #[derive(Form)]
    /// struct Name {
    ///     #[field(length(2..))]
    ///     name: String,
    /// }
    ///
    /// fn in_german(error: &FieldError) -> String {
    ///     match error {
    ///         FieldError::Required => "Bitte ausfüllen.".to_owned(),
    ///         FieldError::TooShort { min } => format!("Mindestens {min} Zeichen."),
    ///         other => other.to_string(),
    ///     }
    /// }
    ///
    /// fn words(ctx: &Context) -> fn(&FieldError) -> String {
    ///     if ctx.request().header("accept-language") == Some("de") { in_german } else { FieldError::to_string }
    /// }
    ///
    /// #[post("/")]
    /// async fn save(form: Form<Name>) -> String {
    ///     form.messages().map(|(field, message)| format!("{field}: {message}")).collect()
    /// }
    ///
    /// let app = App::new("doc", ".").config("SECRET_KEY", "only for this example").form_messages(words);
    /// let client = app.routes(routes![save]).test_client();
    /// let send = || client.post("/").form([("name", "A")]);
    /// assert_eq!(send().send_blocking().text(), "name: Use at least 2 characters.");
    /// assert_eq!(send().header("accept-language", "de").send_blocking().text(), "name: Mindestens 2 Zeichen.");
    /// ```
    pub fn form_messages<W>(self, choose: impl Fn(&Context) -> W + Send + Sync + 'static) -> App
    where
        W: Fn(&FieldError) -> String + Send + Sync + 'static,
    {
        self.insert_state(Choose(Box::new(move |ctx| Words(Arc::new(choose(ctx))))))
    }
}
