//! Forms: typed fields, validation, and rendering with the values and errors kept. What WTForms is for Flask.

mod binder;
mod error;
mod field;
mod rules;
mod sent;
mod shown;
mod types;

use std::sync::Arc;

use http::Method;
use serde::ser::{Serialize, Serializer};

use crate::app::freezing::Freezing;
use crate::base::error::Result;
use crate::builtin::form::error::Words;
use crate::builtin::form::shown::BoundField;
use crate::builtin::security::csrf;
use crate::context::Context;
use crate::context::extract::FromContext;
use crate::http::upload::FormData;

pub use crate::builtin::form::binder::{Binder, FromField};
pub use crate::builtin::form::error::FieldError;
pub use crate::builtin::form::field::{Field, FieldName};
pub use crate::builtin::form::rules::{Check, Email, EqualTo, FieldRule, IfGiven, Length, OneOf, Range};
pub use crate::builtin::form::sent::Sent;
pub(crate) use crate::builtin::form::shown::FORM_MARKER;

/// A form of the fields of `T`: empty, or submitted with values and errors.
///
/// As an argument it reads the request's form if the method is POST, PUT, PATCH or DELETE. In a template
/// every field renders itself: `{{ form.title.label }} {{ form.title }}`, and has `errors`.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[derive(Form)]
/// struct Signup {
///     #[field(label = "Name", length(2..=40))]
///     name: String,
///     #[field(range(18..=130))]
///     age: u8,
///     newsletter: bool,
/// }
///
/// #[route("/signup", methods = [GET, POST])]
/// async fn signup(form: Form<Signup>) -> String {
///     match form.valid() {
///         Some(signup) => format!("welcome, {} ({})", signup.name, signup.age),
///         None => format!("{:?}", form.messages().collect::<Vec<_>>()),
///     }
/// }
///
/// let app = App::new("doc", ".").config("SECRET_KEY", "only for this example").routes(routes![signup]);
/// let client = app.test_client();
/// let send = |name: &str, age: &str| client.post("/signup").form([("name", name), ("age", age)]).send_blocking().text();
/// assert_eq!(send("Ada", "36"), "welcome, Ada (36)");
/// assert_eq!(send("A", "x"), r#"[("name", "Use at least 2 characters."), ("age", "Enter a whole number.")]"#);
/// ```
pub struct Form<T> {
    /// What was sent, if the form was submitted.
    data: Option<Arc<FormData>>,
    /// The values, if every field could be read.
    value: Option<T>,
    /// The errors by the names of the fields, in the order of the fields.
    errors: Vec<(&'static str, FieldError)>,
    /// The values that the fields show unless the form was submitted.
    prefilled: Vec<(&'static str, String)>,
    /// The wording of errors, if the application has its own.
    words: Option<Words>,
}

/// What `#[derive(Form)]` writes for a struct. Implement it by hand for forms that are known only at run time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a form",
    label = "put `#[derive(Form)]` above this type",
    note = "`Form<T>` is an argument for a struct `T` with `#[derive(Form)]`"
)]
pub trait FormModel: Sized + Send + Sync + 'static {
    /// The fields in the order of the page.
    fn fields() -> Vec<Field>;

    /// Reads the fields through `binder`, which collects the errors.
    fn bind(binder: &mut Binder<'_>) -> Option<Self>;
}

impl<T: FormModel> Form<T> {
    /// A form that has not been submitted.
    pub fn empty() -> Form<T> {
        Form { data: None, value: None, errors: Vec::new(), prefilled: Vec::new(), words: None }
    }

    /// A submitted form, validated outside a request.
    pub fn from_data(data: FormData) -> Form<T> {
        Form::read(Arc::new(data), None)
    }

    fn read(data: Arc<FormData>, ctx: Option<&Context>) -> Form<T> {
        let mut binder = Binder::new(&data, ctx);
        let value = T::bind(&mut binder);
        let errors = in_order::<T>(binder.into_errors());
        Form { data: Some(data), value, errors, ..Form::empty() }
    }

    /// The values, if the form was submitted and is valid. Flask-WTF's `validate_on_submit`.
    pub fn valid(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.errors.is_empty())
    }

    /// The values themselves, if the form was submitted and is valid.
    ///
    /// # Errors
    ///
    /// The form, to be shown again.
    ///
    /// ```
    /// # use hipflask::prelude::*;
    /// # #[derive(Form)]
    /// # struct Note { text: String }
    /// # fn keep(_: Note) {}
    /// #[route("/", methods = [GET, POST])]
    /// async fn create(form: Form<Note>) -> Result<Reply> {
    ///     match form.into_valid() {
    ///         Ok(note) => {
    ///             keep(note);
    ///             Ok(redirect("/notes").into_reply())
    ///         }
    ///         Err(form) => Ok(render_template!("create.html", form).into_reply()),
    ///     }
    /// }
    /// ```
    pub fn into_valid(self) -> Result<T, Form<T>> {
        match self.value {
            Some(value) if self.errors.is_empty() => Ok(value),
            value => Err(Form { value, ..self }),
        }
    }

    /// Whether the client sent it, valid or not.
    pub fn is_submitted(&self) -> bool {
        self.data.is_some()
    }

    /// Every error, with the name of its field.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, &FieldError)> {
        self.errors.iter().map(|(name, error)| (*name, error))
    }

    /// Every error as a message for the user, with the name of its field: in English, or worded by
    /// [`App::form_messages`](crate::App::form_messages).
    pub fn messages(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.errors().map(|(name, error)| (name, self.message(error)))
    }

    fn message(&self, error: &FieldError) -> String {
        self.words.as_ref().map_or_else(|| error.to_string(), |words| words.tell(error))
    }

    /// Puts an error beside a field, for what only the application can know: that a name is taken. The form is
    /// then no longer [`valid`](Form::valid). The derive writes the names as constants: `Signup::NAME`.
    pub fn add_error(&mut self, field: FieldName<T>, error: impl Into<FieldError>) {
        self.errors.push((field.as_str(), error.into()));
        self.errors = in_order::<T>(std::mem::take(&mut self.errors));
    }

    /// Shows `value` in a field, unless the form was submitted. The derive writes the names as constants:
    /// `Signup::NAME`.
    #[must_use]
    pub fn prefill(mut self, field: FieldName<T>, value: impl ToString) -> Form<T> {
        self.prefilled.push((field.as_str(), value.to_string()));
        self
    }

    fn bound(&self, field: Field) -> BoundField<'_> {
        let values = match &self.data {
            // A password is never sent back.
            Some(_) if field.widget == "password" => Vec::new(),
            Some(data) => data.fields.getlist(field.name).collect(),
            None => {
                let last = self.prefilled.iter().rfind(|(name, _)| *name == field.name);
                last.map(|(_, value)| value.as_str()).into_iter().collect()
            }
        };
        let errors = self.errors().filter(|(name, _)| *name == field.name).map(|(_, error)| self.message(error));
        BoundField { values, errors: errors.collect(), field }
    }
}

/// The errors in the order of the fields.
fn in_order<T: FormModel>(mut errors: Vec<(&'static str, FieldError)>) -> Vec<(&'static str, FieldError)> {
    if errors.len() > 1 {
        let fields = T::fields();
        errors.sort_by_key(|(name, _)| fields.iter().position(|field| field.name == *name).unwrap_or(fields.len()));
    }
    errors
}

impl<T: FormModel> FromContext for Form<T> {
    async fn from_context(ctx: &mut Context) -> Result<Form<T>> {
        let form = match ctx.request().method() {
            &Method::POST | &Method::PUT | &Method::PATCH | &Method::DELETE => {
                let data = Arc::clone(ctx.shared_form().await?);
                Form::read(data, Some(ctx))
            }
            _ => Form::empty(),
        };
        Ok(Form { words: Words::of(ctx), ..form })
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        if freezing.config().switch("WTF_CSRF_ENABLED", true) { csrf::check(freezing) } else { Ok(()) }
    }
}

impl<T: FormModel> std::fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = T::fields().iter().map(|field| field.name).collect();
        f.debug_struct("Form").field("fields", &names).field("submitted", &self.is_submitted()).finish()
    }
}

/// In a template a form renders its fields; in JSON it is their names, values and errors.
impl<T: FormModel> Serialize for Form<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields: Vec<BoundField<'_>> = T::fields().into_iter().map(|field| self.bound(field)).collect();
        serializer.serialize_newtype_struct(FORM_MARKER, &fields)
    }
}
