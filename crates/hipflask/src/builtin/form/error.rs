//! The errors of fields, and their wording.

use std::borrow::Cow;
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
    /// The file is smaller than `file_size(min..)` allows.
    FileTooSmall {
        /// The fewest bytes that are allowed.
        min: u64,
    },
    /// The file's name ends in none of what `file_types` lists.
    FileType {
        /// The endings.
        allowed: &'static [&'static str],
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
    /// It does not look like the address of a page.
    NotAUrl,
    /// It is not the address of a host, `192.0.2.1` or `2001:db8::1`.
    NotAnIpAddress,
    /// It is not the address of a network card.
    NotAMacAddress,
    /// It is not a UUID.
    NotAUuid,
    /// It is not a colour.
    NotAColor,
    /// It is not a date.
    NotADate,
    /// It is not a time.
    NotATime,
    /// It is not a date and time.
    NotADateTime,
    /// It is not a month.
    NotAMonth,
    /// It is not a week.
    NotAWeek,
    /// It is not in the list.
    NotAChoice,
    /// The list of choices was not told with [`Form::set_choices`](crate::Form::set_choices).
    NoChoices,
    /// It is one of the values that `none_of` excludes.
    NotAllowed,
    /// The box is not ticked.
    NotTicked,
    /// There are fewer values than `entries(min..)` allows.
    TooFew {
        /// The fewest that are allowed.
        min: usize,
    },
    /// There are more values than `entries(..=max)` allows.
    TooMany {
        /// The most that are allowed.
        max: usize,
    },
    /// Something else was sent for a field that is only shown than what it shows.
    ReadOnly,
    /// Something was sent for a field that is disabled.
    Disabled,
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
            FieldError::FileTooSmall { min } => write!(f, "Choose a file of at least {}.", ByteSize(*min)),
            FieldError::FileType { allowed } => write!(f, "Choose a file of the type {}.", allowed.join(", ")),
            FieldError::NotAnInteger => f.write_str("Enter a whole number."),
            FieldError::NotANumber => f.write_str("Enter a number."),
            FieldError::TooShort { min } => write!(f, "Use at least {}.", Characters(*min)),
            FieldError::TooLong { max } => write!(f, "Use at most {}.", Characters(*max)),
            FieldError::TooSmall { min } => write!(f, "This must be at least {min}."),
            FieldError::TooLarge { max } => write!(f, "This must be at most {max}."),
            FieldError::NotAnEmail => f.write_str("Enter a valid e-mail address."),
            FieldError::NotAUrl => f.write_str("Enter an address that begins with http:// or https://."),
            FieldError::NotAnIpAddress => f.write_str("Enter an IP address."),
            FieldError::NotAMacAddress => f.write_str("Enter a MAC address like 00:1b:44:11:3a:b7."),
            FieldError::NotAUuid => f.write_str("Enter a UUID."),
            FieldError::NotAColor => f.write_str("Choose a colour."),
            FieldError::NotADate => f.write_str("Enter a date like 2026-11-21."),
            FieldError::NotATime => f.write_str("Enter a time like 08:30."),
            FieldError::NotADateTime => f.write_str("Enter a date and time like 2026-11-21 08:30."),
            FieldError::NotAMonth => f.write_str("Enter a month like 2026-11."),
            FieldError::NotAWeek => f.write_str("Enter a week like 2026-W47."),
            FieldError::NotAChoice => f.write_str("Choose one of the options."),
            FieldError::NoChoices => f.write_str("There is nothing to choose from."),
            FieldError::NotAllowed => f.write_str("This value is not allowed."),
            FieldError::NotTicked => f.write_str("This box must be ticked."),
            FieldError::TooFew { min } => write!(f, "Give at least {min}."),
            FieldError::TooMany { max } => write!(f, "Give at most {max}."),
            FieldError::ReadOnly | FieldError::Disabled => f.write_str("This cannot be changed."),
            FieldError::NotEqual { .. } => f.write_str("The two entries do not match."),
            FieldError::Message(message) => f.write_str(message),
        }
    }
}

/// The errors of fields, by their names.
pub(super) type Errors = Vec<(Cow<'static, str>, FieldError)>;

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
