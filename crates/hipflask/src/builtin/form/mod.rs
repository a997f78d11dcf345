//! Forms: typed fields, validation, and rendering with the values and errors kept. What WTForms is for Flask.

mod binder;
mod error;
mod field;
mod file_rules;
mod model;
mod nested;
mod prefill;
mod prepare;
mod render;
mod rules;
mod sent;
mod shown;
mod state;
mod text_rules;
mod types;
mod values;

use std::sync::Arc;

use http::Method;
use serde::ser::{Serialize, Serializer};

use crate::app::freezing::Freezing;
use crate::base::error::{HttpError, Result};
use crate::builtin::form::error::{Errors, Words};
use crate::builtin::form::prefill::shown_by;
use crate::builtin::form::sent::{Lookup, is_blank, with_line_feeds};
use crate::builtin::security::csrf;
use crate::context::Context;
use crate::context::extract::FromContext;
use crate::http::upload::{FormData, TooLarge};

pub use crate::base::dates::{Date, Month, Week};
pub use crate::base::times::{LocalDateTime, Time};
pub use crate::builtin::form::binder::{Binder, FromField};
pub use crate::builtin::form::error::FieldError;
pub use crate::builtin::form::field::{Choice, Field, FieldName, FieldPath};
pub use crate::builtin::form::file_rules::{FileSize, FileTypes};
pub use crate::builtin::form::model::FormModel;
pub use crate::builtin::form::prefill::{ToField, field_text};
pub use crate::builtin::form::prepare::PrepareForm;
pub(crate) use crate::builtin::form::render::Attributes;
pub use crate::builtin::form::rules::{
    Check, Disabled, Each, Entries, EqualTo, FieldRule, IfGiven, Length, NoneOf, OneOf, Range, Ticked,
};
pub use crate::builtin::form::sent::Sent;
pub(crate) use crate::builtin::form::shown::{FORM_MARKER, ShownField};
pub use crate::builtin::form::state::Form;
pub use crate::builtin::form::text_rules::{Color, Email, MacAddress, ReadsAs, Url, Uuid};
pub(crate) use crate::builtin::form::types::is_ticked;
pub use crate::builtin::form::values::FieldValues;
pub use hipflask_macros::Choices;

/// The fields of the request's forms that are passwords, in `g` during development: the debug page conceals them. Those of a
/// form inside another are here by their own names.
pub(crate) struct PasswordFields(pub(crate) Vec<&'static str>);

fn note_passwords<T: FormModel>(ctx: &mut Context) {
    let mut noted = ctx.g_mut().remove::<PasswordFields>().map(|PasswordFields(names)| names).unwrap_or_default();
    find_passwords(&T::fields(), &mut noted);
    ctx.g_mut().insert(PasswordFields(noted));
}

fn find_passwords(fields: &[Field], found: &mut Vec<&'static str>) {
    for field in fields {
        if field.widget == "password" {
            found.push(field.name);
        }
        find_passwords(&field.fields, found);
    }
}

impl<T: FormModel> Form<T> {
    /// A form that has not been submitted.
    pub fn empty() -> Form<T> {
        Form { data: None, value: None, errors: Vec::new(), prefilled: Vec::new(), choices: Vec::new(), words: None }
    }

    /// A submitted form, validated outside a request.
    pub fn from_data(data: FormData) -> Form<T> {
        Form::read(Arc::new(data), None)
    }

    fn read(data: Arc<FormData>, ctx: Option<&Context>) -> Form<T> {
        let lookup = Lookup::of(&data);
        let mut binder = Binder::new(&lookup, ctx);
        let value = T::bind(&mut binder);
        let errors = in_order::<T>(binder.into_errors());
        Form { data: Some(data), value, errors, ..Form::empty() }
    }

    /// A form of which only the beginning came, because a file of it is too large: what came is kept, and the file's
    /// field says why. `None` if that field is not one of this form.
    fn cut_off(self, too_large: &TooLarge) -> Option<Form<T>> {
        let fields = T::fields();
        let at = fields.iter().position(|field| is_of(too_large.field(), field.name))?;
        let came = |name: &str| fields[..=at].iter().any(|field| is_of(name, field.name));
        let mut errors: Errors = self.errors.into_iter().filter(|(name, _)| came(name)).collect();
        // A limit of the field's own comes first: it is the smaller one.
        if errors.iter().all(|(name, _)| name != too_large.field()) {
            errors.push((too_large.field().to_owned().into(), FieldError::FileTooLarge { max: too_large.limit() }));
        }
        Some(Form { value: None, errors, ..self })
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
    pub fn errors(&self) -> impl Iterator<Item = (&str, &FieldError)> {
        self.errors.iter().map(|(name, error)| (&**name, error))
    }

    /// Every error as a message for the user, with the name of its field: in English, or worded by
    /// [`App::form_messages`](crate::App::form_messages).
    pub fn messages(&self) -> impl Iterator<Item = (&str, String)> {
        self.errors().map(|(name, error)| (name, self.message(error)))
    }

    fn message(&self, error: &FieldError) -> String {
        self.words.as_ref().map_or_else(|| error.to_string(), |words| words.tell(error))
    }

    /// Puts an error beside a field, for what only the application can know: that a name is taken. The form is
    /// then no longer [`valid`](Form::valid). The derive writes the names as constants: `Signup::NAME`.
    pub fn add_error(&mut self, field: FieldName<T>, error: impl Into<FieldError>) {
        self.add_error_at(field.into(), error);
    }

    /// Puts an error beside a field of a form inside the form:
    /// `form.add_error_at(Order::LINES.entry(0, Line::AMOUNT), "Sold out.")`.
    pub fn add_error_at(&mut self, field: FieldPath<T>, error: impl Into<FieldError>) {
        self.errors.push((field.name, error.into()));
        self.errors = in_order::<T>(std::mem::take(&mut self.errors));
    }

    /// Shows `value` in a field, unless the form was submitted. The derive writes the names as constants:
    /// `Signup::NAME`.
    ///
    /// A field with `#[field(readonly)]` takes nothing else, even if the form was submitted. [`fill`](Form::fill) says
    /// the same for all fields.
    #[must_use]
    pub fn prefill<V: ToField + ?Sized>(mut self, field: FieldName<T>, value: &V) -> Form<T> {
        let name = field.as_str();
        self.prefilled.retain(|(known, _)| !is_of(known, name));
        self.prefilled.extend(shown_by(name, value));
        self.confirm_read_only();
        self
    }

    /// What was sent for a field that is only shown is no error if it is what the field shows.
    fn confirm_read_only(&mut self) {
        let Some(data) = &self.data else { return };
        let shown = |name: &str| {
            let pairs = self.prefilled.iter().filter(move |(known, _)| known == name);
            pairs.map(|(_, text)| with_line_feeds(text)).collect::<Vec<_>>()
        };
        let is_as_shown = |name: &str| shown(name).into_iter().eq(data.fields.getlist(name).map(with_line_feeds));
        self.errors.retain(|(name, error)| !(*error == FieldError::ReadOnly && is_as_shown(name)));
    }

    /// Shows values in all fields, unless the form was submitted: a form to edit something with. Flask-WTF's
    /// `Form(obj=post)`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[derive(Form)]
    /// struct EditPost {
    ///     title: String,
    ///     public: bool,
    /// }
    ///
    /// #[route("/edit", methods = [GET, POST])]
    /// async fn edit(form: Form<EditPost>) -> Result<Reply> {
    ///     let form = form.fill(&EditPost { title: "First".to_owned(), public: true });
    ///     match form.valid() {
    ///         Some(post) => Ok(format!("{} {}", post.title, post.public).into_reply()),
    ///         None => Ok(Template::from_string("{{ form.title }} {{ form.public }}").with("form", &form).into_reply()),
    ///     }
    /// }
    ///
    /// let app = App::new("doc", ".").config("SECRET_KEY", "only for this example").routes(routes![edit]);
    /// let page = app.test_client().get("/edit").send_blocking().text();
    /// assert!(page.contains(r#"value="First""#) && page.contains("<input checked"), "{page}");
    /// ```
    #[must_use]
    pub fn fill(mut self, values: &T) -> Form<T> {
        let mut shown = FieldValues::default();
        values.write(&mut shown);
        self.prefilled = shown.into_pairs();
        self.confirm_read_only();
        self
    }

    /// Tells the choices of a field, where they are known only at run time: those of a field with `#[field(choices)]`, or
    /// others than its type or its list says. What was sent is checked against them.
    pub fn set_choices<C: Into<Choice>>(&mut self, field: FieldName<T>, choices: impl IntoIterator<Item = C>) {
        let name = field.as_str();
        let choices: Vec<Choice> = choices.into_iter().map(Into::into).collect();
        self.errors.retain(|(known, error)| !(known == name && *error == FieldError::NoChoices));
        let is_known = |text: &str| is_blank(text) || choices.iter().any(|choice| choice.value == text);
        let sent = self.data.as_ref().is_none_or(|data| data.fields.getlist(name).all(is_known));
        if !sent && self.errors().all(|(known, _)| known != name) {
            self.add_error(field, FieldError::NotAChoice);
        }
        self.choices.push((name, choices));
    }
}

/// Whether a name is that of the field, or of one in the form that the field is.
fn is_of(name: &str, field: &str) -> bool {
    name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The errors in the order of the fields.
fn in_order<T: FormModel>(mut errors: Errors) -> Errors {
    if errors.len() > 1 {
        let fields = T::fields();
        let place = |name: &str| {
            let own = fields.iter().position(|field| field.name == name);
            own.or_else(|| fields.iter().position(|field| is_of(name, field.name))).unwrap_or(fields.len())
        };
        errors.sort_by_key(|(name, _)| place(name));
    }
    errors
}

impl<T: FormModel> FromContext for Form<T> {
    async fn from_context(ctx: &mut Context) -> Result<Form<T>> {
        let form = match ctx.request().method() {
            &Method::POST | &Method::PUT | &Method::PATCH | &Method::DELETE => {
                if ctx.config().debug() {
                    note_passwords::<T>(ctx);
                }
                let (data, too_large) = ctx.form_so_far().await?;
                let form = Form::read(data, Some(ctx));
                match too_large {
                    None => form,
                    Some(too_large) => match form.cut_off(&too_large) {
                        Some(form) => form,
                        None => return Err(ctx.form().await.err().unwrap_or_else(|| HttpError::new(413).into())),
                    },
                }
            }
            _ => Form::empty(),
        };
        T::prepare(Form { words: Words::of(ctx), ..form }, ctx).await
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        T::check(freezing)?;
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
        serializer.serialize_newtype_struct(FORM_MARKER, &self.shown())
    }
}
