//! Forms: typed fields, validation, and rendering again with values and errors kept. WTForms' place.

mod binder;
mod field;
mod rules;
mod sent;
mod shown;
mod types;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::Method;
use serde::ser::{Serialize, Serializer};

use crate::app::freezing::Freezing;
use crate::base::error::Result;
use crate::builtin::form::shown::BoundField;
use crate::context::Context;
use crate::context::extract::{FromContext, needs_secret_key};
use crate::http::upload::FormData;

pub use crate::builtin::form::binder::{Binder, FromField};
pub use crate::builtin::form::field::Field;
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
///     match form.submitted() {
///         Some(signup) => format!("welcome, {} ({})", signup.name, signup.age),
///         None => format!("{:?}", form.errors().collect::<Vec<_>>()),
///     }
/// }
///
/// let app = App::new("doc", ".").config("SECRET_KEY", "only for this example").routes(routes![signup]);
/// let client = app.test_client();
/// let send = |name: &str, age: &str| client.post("/signup").form([("name", name), ("age", age)]).send_blocking().text();
/// assert_eq!(send("Ada", "36"), "welcome, Ada (36)");
/// assert_eq!(send("A", "x"), r#"[("name", "At least 2 characters, please."), ("age", "This must be a whole number.")]"#);
/// ```
pub struct Form<T> {
    /// Made when somebody looks at them: a form that is in order is seldom shown.
    fields: OnceLock<Vec<BoundField>>,
    describe: fn() -> Vec<Field>,
    /// What the binder found; errors that are added later are in `fields` only.
    found: Vec<(&'static str, String)>,
    /// Taken by the first [`submitted`](Form::submitted); a later one binds again.
    value: Mutex<Option<T>>,
    /// What was sent, if the form was submitted.
    data: Option<Arc<FormData>>,
}

/// What `#[derive(Form)]` writes for a struct. To be implemented by hand for forms that are known only at run
/// time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a form",
    label = "put `#[derive(Form)]` above this type",
    note = "`Form<T>` is an argument for a struct `T` with `#[derive(Form)]`"
)]
pub trait FormModel: Sized + Send + 'static {
    /// The fields in the order of the page.
    fn fields() -> Vec<Field>;

    /// Reads the fields through `binder`, which collects what is wrong with them.
    fn bind(binder: &mut Binder<'_>) -> Option<Self>;
}
impl<T: FormModel> Form<T> {
    /// A form that nobody has submitted.
    pub fn empty() -> Form<T> {
        Form::new(None, Vec::new(), None)
    }

    /// A form as it came, validated.
    pub fn from_data(data: FormData) -> Form<T> {
        Form::from_shared(Arc::new(data))
    }

    fn from_shared(data: Arc<FormData>) -> Form<T> {
        let mut binder = Binder { data: &data, errors: Vec::new() };
        let value = T::bind(&mut binder).filter(|_| binder.errors.is_empty());
        let errors = binder.errors;
        Form::new(Some(data), errors, value)
    }

    fn new(data: Option<Arc<FormData>>, found: Vec<(&'static str, String)>, value: Option<T>) -> Form<T> {
        Form { fields: OnceLock::new(), describe: T::fields, found, value: Mutex::new(value), data }
    }

    /// The values, if the form was submitted and nothing is wrong with it. Flask-WTF's `validate_on_submit`.
    pub fn submitted(&self) -> Option<T> {
        let data = self.data.as_ref()?;
        if self.errors().next().is_some() {
            return None;
        }
        let taken = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.or_else(|| T::bind(&mut Binder { data, errors: Vec::new() }))
    }

    /// Whether the client sent it, valid or not.
    pub fn is_submitted(&self) -> bool {
        self.data.is_some()
    }

    /// Every error, with the name of its field.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        // Without an error nobody needs to know what the fields look like.
        let fields = match self.found.is_empty() {
            true => self.fields.get().map_or(&[][..], Vec::as_slice),
            false => self.fields(),
        };
        fields.iter().flat_map(|bound| bound.errors.iter().map(|error| (bound.field.name, error.as_str())))
    }

    /// Puts an error beside the field `name`: for what only the application can know, a name that is taken.
    ///
    /// # Panics
    ///
    /// If the form has no such field.
    #[track_caller]
    pub fn add_error(&mut self, name: &str, error: impl Into<String>) {
        self.field_mut(name).errors.push(error.into());
    }

    /// Shows `value` in the field `name`, unless the client has sent something.
    ///
    /// # Panics
    ///
    /// If the form has no such field.
    #[must_use]
    #[track_caller]
    pub fn prefill(mut self, name: &str, value: impl ToString) -> Form<T> {
        let submitted = self.is_submitted();
        let bound = self.field_mut(name);
        if !submitted {
            bound.values = vec![value.to_string()];
        }
        self
    }

    #[track_caller]
    fn field_mut(&mut self, name: &str) -> &mut BoundField {
        self.fields();
        match self.fields.get_mut().into_iter().flatten().find(|bound| bound.field.name == name) {
            Some(bound) => bound,
            None => crate::base::panics::misuse(format_args!("the form has no field `{name}`")),
        }
    }
}

impl<T> Form<T> {
    fn fields(&self) -> &[BoundField] {
        self.fields.get_or_init(|| (self.describe)().into_iter().map(|field| self.bound(field)).collect())
    }

    fn bound(&self, field: Field) -> BoundField {
        let values = match &self.data {
            // A password is never sent back.
            Some(data) if field.widget != "password" => data.fields.getlist(field.name).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let errors = self.found.iter().filter(|(name, _)| *name == field.name).map(|(_, error)| error.clone());
        BoundField { values, errors: errors.collect(), field }
    }
}

impl<T: FormModel> FromContext for Form<T> {
    async fn from_context(ctx: &mut Context) -> Result<Form<T>> {
        match ctx.request().method() {
            &Method::POST | &Method::PUT | &Method::PATCH | &Method::DELETE => {
                Ok(Form::from_shared(Arc::clone(ctx.shared_form().await?)))
            }
            _ => Ok(Form::empty()),
        }
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        match freezing.config().switch("WTF_CSRF_ENABLED", true) {
            true => needs_secret_key(freezing),
            false => Ok(()),
        }
    }
}

impl<T> std::fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.fields().iter().map(|bound| bound.field.name).collect();
        f.debug_struct("Form").field("fields", &names).field("submitted", &self.data.is_some()).finish()
    }
}

/// In a template a form renders its fields; in JSON it is their names, values and errors.
impl<T> Serialize for Form<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(FORM_MARKER, self.fields())
    }
}
