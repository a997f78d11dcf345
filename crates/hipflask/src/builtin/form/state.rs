//! A form with what was sent for it.

use std::sync::Arc;

use crate::builtin::form::error::{Errors, Words};
use crate::builtin::form::field::Choice;
use crate::http::upload::FormData;

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
    pub(super) data: Option<Arc<FormData>>,
    /// The values, if every field could be read.
    pub(super) value: Option<T>,
    /// The errors by the names of the fields, in the order of the fields.
    pub(super) errors: Errors,
    /// The values that the fields show unless the form was submitted.
    pub(super) prefilled: Vec<(String, String)>,
    /// The choices that were found at run time.
    pub(super) choices: Vec<(&'static str, Vec<Choice>)>,
    /// The wording of errors, if the application has its own.
    pub(super) words: Option<Words>,
}
