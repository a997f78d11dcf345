//! Forms: typed fields, validation, and rendering with the values and errors kept. What WTForms is for Flask.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::Method;
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use crate::app::freezing::Freezing;
use crate::base::error::Result;
use crate::context::Context;
use crate::context::extract::{FromContext, needs_secret_key};
use crate::http::upload::{FormData, Upload};

/// A form of the fields of `T`: empty, or submitted with values and errors.
///
/// As an argument it reads the request's form if the method is POST, PUT, PATCH or DELETE. In a template every
/// field renders itself, `{{ form.title.label }} {{ form.title }}`, and has `errors`.
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
/// assert_eq!(send("A", "x"), r#"[("name", "Use at least 2 characters."), ("age", "Enter a whole number.")]"#);
/// ```
pub struct Form<T> {
    /// Made on demand: a valid form is seldom shown.
    fields: OnceLock<Vec<BoundField>>,
    describe: fn() -> Vec<Field>,
    /// What the binder found. Errors added later are only in `fields`.
    found: Vec<(&'static str, String)>,
    /// Taken by the first [`submitted`](Form::submitted); a later one binds again.
    value: Mutex<Option<T>>,
    /// What was sent, if the form was submitted.
    data: Option<Arc<FormData>>,
}

/// What `#[derive(Form)]` writes for a struct. Implement it by hand for forms that are known only at run time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a form",
    label = "put `#[derive(Form)]` above this type",
    note = "`Form<T>` is an argument for a struct `T` with `#[derive(Form)]`"
)]
pub trait FormModel: Sized + Send + 'static {
    /// The fields in the order of the page.
    fn fields() -> Vec<Field>;

    /// Reads the fields through `binder`, which collects the errors.
    fn bind(binder: &mut Binder<'_>) -> Option<Self>;
}

/// A field of a form: its name, how it looks, and what it requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The name in the form.
    pub name: &'static str,
    /// The text beside it.
    pub label: &'static str,
    /// `text`, `textarea`, `select`, `checkbox`, `file`, or another type of `<input>`.
    pub widget: &'static str,
    /// A text that explains it; may be empty.
    pub description: &'static str,
    /// Whether it must be filled in.
    pub required: bool,
    /// The choices of a `select`: value and label.
    pub choices: Vec<(&'static str, &'static str)>,
    /// Further attributes of its HTML: `maxlength`, `autocomplete`.
    pub attributes: Vec<(&'static str, String)>,
}

/// A field with what the client sent for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct BoundField {
    field: Field,
    values: Vec<String>,
    errors: Vec<String>,
}

impl<T: FormModel> Form<T> {
    /// A form that has not been submitted.
    pub fn empty() -> Form<T> {
        Form::new(None, Vec::new(), None)
    }

    /// A submitted form, validated.
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
        // Without an error there is no need to describe the fields.
        let fields =
            if self.found.is_empty() { self.fields.get().map_or(&[][..], Vec::as_slice) } else { self.fields() };
        fields.iter().flat_map(|bound| bound.errors.iter().map(|error| (bound.field.name, error.as_str())))
    }

    /// Puts an error beside the field `name`, for what only the application can know: that a name is taken.
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
        if freezing.config().switch("WTF_CSRF_ENABLED", true) { needs_secret_key(freezing) } else { Ok(()) }
    }
}

impl<T> std::fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.fields().iter().map(|bound| bound.field.name).collect();
        f.debug_struct("Form").field("fields", &names).field("submitted", &self.data.is_some()).finish()
    }
}

/// The name by which a template recognizes a form.
pub(crate) const FORM_MARKER: &str = "$hipflask::Form";

/// In a template a form renders its fields; in JSON it is their names, values and errors.
impl<T> Serialize for Form<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(FORM_MARKER, self.fields())
    }
}

impl Serialize for BoundField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Field", 9)?;
        out.serialize_field("name", self.field.name)?;
        out.serialize_field("label", self.field.label)?;
        out.serialize_field("widget", self.field.widget)?;
        out.serialize_field("description", self.field.description)?;
        out.serialize_field("required", &self.field.required)?;
        out.serialize_field("choices", &Pairs(&self.field.choices))?;
        out.serialize_field("attributes", &Pairs(&self.field.attributes))?;
        out.serialize_field("values", &self.values)?;
        out.serialize_field("errors", &self.errors)?;
        out.end()
    }
}

struct Pairs<'a, V>(&'a [(&'static str, V)]);

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|pair| out.serialize_element(pair))?;
        out.end()
    }
}

/// Reads the fields of one form and collects the errors.
#[derive(Debug)]
pub struct Binder<'a> {
    data: &'a FormData,
    errors: Vec<(&'static str, String)>,
}

impl Binder<'_> {
    /// The field `name` as a `V`, if it is one and keeps every rule. Otherwise the first error is noted.
    pub fn field<V: FromField>(&mut self, name: &'static str, rules: &[&dyn FieldRule<V>]) -> Option<V> {
        let sent = Sent { name, data: self.data };
        let value = match V::from_field(&sent) {
            Ok(value) => value,
            Err(error) => {
                self.error(name, error);
                return None;
            }
        };
        for rule in rules {
            if let Err(error) = rule.check(&value, &sent) {
                self.error(name, error);
                return None;
            }
        }
        Some(value)
    }

    /// Notes an error of the field `name`.
    pub fn error(&mut self, name: &'static str, error: impl Into<String>) {
        self.errors.push((name, error.into()));
    }
}

/// What the client sent for one field.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    name: &'static str,
    data: &'a FormData,
}

impl<'a> Sent<'a> {
    /// The first value.
    pub fn text(&self) -> Option<&'a str> {
        self.data.get(self.name)
    }

    /// Every value.
    pub fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.data.fields.getlist(self.name)
    }

    /// The file, if one was chosen.
    pub fn file(&self) -> Option<&'a Upload> {
        self.data.file(self.name)
    }

    /// The first value of another field.
    pub fn other(&self, name: &str) -> Option<&'a str> {
        self.data.get(name)
    }
}

const REQUIRED: &str = "This field is required.";

/// A type that a field of a form can have. Implement it for your own types.
///
/// ```
/// use hipflask::form::{FromField, Sent};
///
/// struct Slug(String);
///
/// impl FromField for Slug {
///     fn from_field(sent: &Sent<'_>) -> Result<Slug, String> {
///         let text = String::from_field(sent)?;
///         if text.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
///             Ok(Slug(text))
///         } else {
///             Err("Use only lower-case letters and hyphens.".into())
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a form",
    label = "not a form field",
    note = "a field is a `String`, a number, `bool`, `Upload`, `Vec<String>`, an `Option` of these, or a type that implements `hipflask::form::FromField`"
)]
pub trait FromField: Sized {
    /// The widget that suits it.
    const WIDGET: &'static str = "text";
    /// Whether it must be filled in.
    const REQUIRED: bool = true;

    /// The value.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    fn from_field(sent: &Sent<'_>) -> Result<Self, String>;

    /// [`Binder::field`], under a name that makes the compiler report a type that is not a field as it does for
    /// [`WIDGET`](FromField::WIDGET).
    #[doc(hidden)]
    fn bind(binder: &mut Binder<'_>, name: &'static str, rules: &[&dyn FieldRule<Self>]) -> Option<Self> {
        binder.field(name, rules)
    }
}

#[diagnostic::do_not_recommend]
impl FromField for String {
    fn from_field(sent: &Sent<'_>) -> Result<String, String> {
        match sent.text() {
            Some(text) if !is_blank(text) => Ok(with_line_feeds(text)),
            _ => Err(REQUIRED.to_owned()),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// A browser sends line breaks as CR LF (HTML, 4.10.21.4).
fn with_line_feeds(text: &str) -> String {
    // Most fields have one line.
    if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}

macro_rules! number_fields {
    ($($number:ty)*; $wanted:literal, |$value:ident| $valid:expr) => {
        $(#[diagnostic::do_not_recommend] impl FromField for $number {
            const WIDGET: &'static str = "number";

            fn from_field(sent: &Sent<'_>) -> Result<$number, String> {
                let text = sent.text().unwrap_or_default().trim();
                if text.is_empty() {
                    return Err(REQUIRED.to_owned());
                }
                text.parse().ok().filter(|$value: &$number| $valid).ok_or_else(|| $wanted.to_owned())
            }
        })*
    };
}

number_fields!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize; "Enter a whole number.", |_number| true);
// NaN is neither below nor above any bound, so no range would exclude it.
number_fields!(f32 f64; "Enter a number.", |number| number.is_finite());

/// A checkbox: ticked or not.
#[diagnostic::do_not_recommend]
impl FromField for bool {
    const WIDGET: &'static str = "checkbox";
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<bool, String> {
        Ok(sent.text().is_some_and(|text| !matches!(text, "" | "false" | "False" | "0" | "off")))
    }
}

#[diagnostic::do_not_recommend]
impl FromField for Upload {
    const WIDGET: &'static str = "file";

    fn from_field(sent: &Sent<'_>) -> Result<Upload, String> {
        sent.file().cloned().ok_or_else(|| "Choose a file.".to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl FromField for Vec<String> {
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Vec<String>, String> {
        Ok(sent.texts().map(str::to_owned).collect())
    }
}

/// May be left empty.
#[diagnostic::do_not_recommend]
impl<V: FromField> FromField for Option<V> {
    const WIDGET: &'static str = V::WIDGET;
    const REQUIRED: bool = false;

    fn from_field(sent: &Sent<'_>) -> Result<Option<V>, String> {
        let empty = sent.text().is_none_or(is_blank) && sent.file().is_none();
        if empty { Ok(None) } else { V::from_field(sent).map(Some) }
    }
}

/// A rule that a field's value must keep.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rule for a field of type `{V}`",
    label = "not for `{V}`",
    note = "`length`, `email`, `one_of`, `choices` and `equal_to` are for `String`; `range` is for numbers, and its ends have the field's type (`range(0.0..=1.0)` for `f64`)",
    note = "`check` names a function: `fn(&{V}) -> Result<(), String>`"
)]
pub trait FieldRule<V> {
    /// Checks the value.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    fn check(&self, value: &V, sent: &Sent<'_>) -> Result<(), String>;
}

/// A rule of your own: `#[field(check = not_a_weekend)]`, for a `fn(&V) -> Result<(), String>`.
#[derive(Clone, Copy, Debug)]
pub struct Check<F>(pub F);

#[diagnostic::do_not_recommend]
impl<V, F: Fn(&V) -> Result<(), String>> FieldRule<V> for Check<F> {
    fn check(&self, value: &V, _: &Sent<'_>) -> Result<(), String> {
        self.0(value)
    }
}

/// A rule for a field that may be left empty: an empty one keeps every rule.
#[derive(Clone, Copy, Debug)]
pub struct IfGiven<R>(pub R);

#[diagnostic::do_not_recommend]
impl<V, R: FieldRule<V>> FieldRule<Option<V>> for IfGiven<R> {
    fn check(&self, value: &Option<V>, sent: &Sent<'_>) -> Result<(), String> {
        value.as_ref().map_or(Ok(()), |value| self.0.check(value, sent))
    }
}

/// Inclusive bounds for the number of characters: what the macro writes for `length(..)`.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

impl FieldRule<String> for Length {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), String> {
        match value.chars().count() {
            length if length < self.min => Err(format!("Use at least {}.", characters(self.min))),
            length if length > self.max => Err(format!("Use at most {}.", characters(self.max))),
            _ => Ok(()),
        }
    }
}

fn characters(count: usize) -> String {
    match count {
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}

/// Inclusive bounds for a number: what the macro writes for `range(..)`.
#[derive(Clone, Copy, Debug)]
pub struct Range<N> {
    /// At least.
    pub min: Option<N>,
    /// At most.
    pub max: Option<N>,
}

impl<N: PartialOrd + std::fmt::Display> FieldRule<N> for Range<N> {
    fn check(&self, value: &N, _: &Sent<'_>) -> Result<(), String> {
        match (&self.min, &self.max) {
            (Some(min), _) if value < min => Err(format!("Enter {min} or more.")),
            (_, Some(max)) if value > max => Err(format!("Enter {max} or less.")),
            _ => Ok(()),
        }
    }
}

/// A text that looks like an e-mail address: one `@`, a name before it, a host with a dot after it.
#[derive(Clone, Copy, Debug)]
pub struct Email;

impl FieldRule<String> for Email {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), String> {
        let valid = value.split_once('@').is_some_and(|(name, host)| {
            let labels = host.split('.');
            let label = |l: &str| {
                !l.is_empty()
                    && l.len() <= 63
                    && l.chars().all(|c| c.is_alphanumeric() || c == '-')
                    && !l.starts_with('-')
                    && !l.ends_with('-')
            };
            !name.is_empty()
                && name.len() <= 64
                // Nothing that a mail program could take for the end of the address, or for a second address.
                && name.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c))
                && host.contains('.')
                && labels.into_iter().all(label)
        });
        if valid { Ok(()) } else { Err("Enter a valid e-mail address.".to_owned()) }
    }
}

/// One of the listed values.
#[derive(Clone, Copy, Debug)]
pub struct OneOf(pub &'static [&'static str]);

impl FieldRule<String> for OneOf {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), String> {
        if self.0.contains(&value.as_str()) { Ok(()) } else { Err("Choose one of the options.".to_owned()) }
    }
}

/// Any number of the listed values.
impl FieldRule<Vec<String>> for OneOf {
    fn check(&self, values: &Vec<String>, sent: &Sent<'_>) -> Result<(), String> {
        values.iter().try_for_each(|value| self.check(value, sent))
    }
}

/// Equal to another field, for a password that is typed twice.
#[derive(Clone, Copy, Debug)]
pub struct EqualTo(pub &'static str);

impl FieldRule<String> for EqualTo {
    fn check(&self, value: &String, sent: &Sent<'_>) -> Result<(), String> {
        let other = sent.other(self.0).map(with_line_feeds);
        if other.as_ref() == Some(value) { Ok(()) } else { Err("The two entries do not match.".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> FormData {
        FormData { fields: pairs.iter().copied().collect(), files: Vec::new() }
    }

    fn bind<V: FromField>(pairs: &[(&str, &str)], rules: &[&dyn FieldRule<V>]) -> Result<V, String> {
        let data = data(pairs);
        let mut binder = Binder { data: &data, errors: Vec::new() };
        let value = binder.field("x", rules);
        value.ok_or_else(|| binder.errors.remove(0).1)
    }

    #[test]
    fn types_say_what_they_want() {
        assert_eq!(bind::<String>(&[("x", "a\r\nb")], &[]).as_deref(), Ok("a\nb"));
        assert_eq!(bind::<String>(&[("x", "  ")], &[]).expect_err("blank"), REQUIRED);
        assert_eq!(bind::<Option<u8>>(&[("x", "")], &[]), Ok(None));
        assert_eq!(bind::<Option<u8>>(&[("x", "300")], &[]).expect_err("large"), "Enter a whole number.");
        assert_eq!(bind::<bool>(&[("x", "on")], &[]), Ok(true));
        assert_eq!(bind::<bool>(&[], &[]), Ok(false));
        assert_eq!(bind::<Vec<String>>(&[("x", "a"), ("x", "b")], &[]), Ok(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn rules_are_checked_in_order() {
        let length = Length { min: 1, max: 3 };
        assert_eq!(bind::<String>(&[("x", "four")], &[&length]).expect_err("long"), "Use at most 3 characters.");
        assert_eq!(bind::<Option<String>>(&[("x", "")], &[&IfGiven(length)]), Ok(None));
        let range = Range { min: Some(1), max: None };
        assert_eq!(bind::<i64>(&[("x", "0")], &[&range]).expect_err("small"), "Enter 1 or more.");
        assert!(bind::<String>(&[("x", "a"), ("y", "b")], &[&EqualTo("y")]).is_err());
        for (address, valid) in [
            ("a@b.example", true),
            ("a.b+c@d-e.f", true),
            ("a@b", false),
            ("@b.c", false),
            ("a b@c.d", false),
            ("a@.c", false),
            ("a@b@c.d", false),
        ] {
            assert_eq!(bind::<String>(&[("x", address)], &[&Email]).is_ok(), valid, "{address}");
        }
    }
}
