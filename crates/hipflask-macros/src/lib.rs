//! The macros of Hipflask. Each only writes what a user could type; what it writes stands in its
//! documentation. `hipflask` re-exports them and documents them with examples that run.

mod app;
mod arguments;
mod entry;
mod error_handler;
mod form;
mod handler;
mod html;
mod named;
mod render;
mod route;
mod url_for;
mod view;

use proc_macro::TokenStream;

/// The result of a macro: code, or an error at the place that caused it.
type Expanded = syn::Result<proc_macro2::TokenStream>;

/// Gives the code, or the error together with `item`, so that one mistake does not bring a second message
/// about a missing function.
fn finish(expanded: Expanded, item: proc_macro2::TokenStream) -> TokenStream {
    match expanded {
        Ok(code) => code.into(),
        Err(error) => {
            let error = error.into_compile_error();
            quote::quote!(#error #item).into()
        }
    }
}

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident $method:expr;)*) => {
        $($(#[$doc])*
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            let item = proc_macro2::TokenStream::from(item);
            let routed = route::expand($method, arguments.into(), item.clone());
            finish(routed, route::standing_in(item))
        })*
    };
}

routes! {
    /// Makes a function the view of a rule, for the methods that are listed; GET without a list.
    ///
    /// Arguments named like a variable of the rule get its value, all others are found by their type
    /// ([`FromContext`](trait.FromContext.html)); `ctx: &mut Context` may be the first.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[route("/posts/<int:id>", methods = [GET, PUT])]
    /// async fn post(ctx: &mut Context, id: i64) -> String {
    ///     format!("{} {id}", ctx.request().method())
    /// }
    /// ```
    ///
    /// The function stays as it is. Beside it the attribute writes, in the namespace of types, where a function
    /// of the same name is not in the way:
    ///
    /// ```text
    /// struct post { id: i64 }                    // what `url_for!(post, id = 7)` fills in
    /// impl From<post> for UrlFor { ... }
    /// impl post { fn _routes() -> Vec<Route> }   // what `routes![post]` calls
    /// ```
    ///
    /// Options after the rule: `methods = [GET, POST]`, `endpoint = "name"`, `defaults(page = 1)`,
    /// `strict_slashes = false`, `merge_slashes = false`, `provide_automatic_options = false`, `csrf = false`.
    /// Several of these attributes on one function give it several rules.
    route None;
    /// [`route`](macro@route) for GET.
    get Some("GET");
    /// [`route`](macro@route) for POST.
    post Some("POST");
    /// [`route`](macro@route) for PUT.
    put Some("PUT");
    /// [`route`](macro@route) for PATCH.
    patch Some("PATCH");
    /// [`route`](macro@route) for DELETE.
    delete Some("DELETE");
}

/// Makes a function an error handler: for a status (`#[errorhandler(404)]`) or a type
/// (`#[errorhandler(sqlx::Error)]`). It takes the error as `error: HttpError`, as `error: &TheType`, or not at
/// all, and anything else that a view can ask for.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[errorhandler(404)]
/// async fn missing(error: HttpError) -> (Status, Html) {
///     (Status::NOT_FOUND, html!("<h1>{}</h1>", error.name()))
/// }
///
/// let client = App::new("doc", ".").errorhandler(missing).test_client();
/// assert_eq!(client.get("/nowhere").send_blocking().text(), "<h1>Not Found</h1>");
/// ```
///
/// It writes a function of the same name that makes the [`ErrorHandler`](struct.ErrorHandler.html), with yours
/// inside:
///
/// ```text
/// fn missing() -> ErrorHandler {
///     async fn missing(error: HttpError) -> Template { ... }
///     struct __View;                         // a `Handler` that calls it with what it asks for
///     ErrorHandler::new(Catches::status(404), __View)
/// }
/// ```
///
/// `HttpError` as the type stands for every HTTP error, `Error` for every error.
#[proc_macro_attribute]
pub fn errorhandler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    finish(error_handler::expand(arguments.into(), item.clone()), error_handler::standing_in(item))
}

/// Makes the binary serve the application that a function builds: the binary has the commands `run`, `routes`,
/// `check` and those of the application.
///
/// ```no_run
/// use hipflask::prelude::*;
///
/// #[get("/")]
/// async fn hello() -> &'static str {
///     "Hello, World!"
/// }
///
/// #[hipflask::main]
/// fn app() -> App {
///     app!().routes(routes![hello])
/// }
/// ```
///
/// It writes `fn main() -> std::process::ExitCode { hipflask::cli::main(app) }` beside the function, which tests
/// still can call.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    finish(entry::main(&arguments.into(), item.clone()), entry::standing_in(item))
}

/// Makes a function a test; it may be async, and runs on a runtime of its own then.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[hipflask::test]
/// async fn nothing_is_there() {
///     assert_eq!(App::new("test", ".").test_client().get("/").send().await.status(), 404);
/// }
/// ```
///
/// It writes `#[test] fn it_says_hello() { hipflask::block_on(async { ... }) }`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    finish(entry::test(&arguments.into(), item.clone()), item)
}

/// Lists views for [`routes`](trait.Scaffold.html#method.routes): `routes![index, blog::show]`. A view that no
/// list names is the compiler's own "never used".
///
/// It writes the concatenation of what each view's attribute made. "Expected type, found function" means that the
/// function has no such attribute: put `#[get("/path")]` above it.
#[proc_macro]
pub fn routes(input: TokenStream) -> TokenStream {
    finish(route::list(input.into()), proc_macro2::TokenStream::new())
}

/// The URL of a view: `url_for!(blog::show, id = 5)`, `url_for!(show, id)`, or of an endpoint by name:
/// `url_for!("static", filename = "style.css")`.
///
/// Underneath it is a struct literal, `UrlFor::from(blog::show { id: 5 })`, so a missing, misspelt or mistyped
/// value is the compiler's own error.
#[proc_macro]
pub fn url_for(input: TokenStream) -> TokenStream {
    finish(url_for::expand(input.into()), proc_macro2::TokenStream::new())
}

/// A template and its values: `render_template!("blog/show.html", post, title = "Post")`.
///
/// It writes `Template::new("blog/show.html").with("post", &post).with("title", &"Post")`.
#[proc_macro]
pub fn render_template(input: TokenStream) -> TokenStream {
    finish(render::expand(input.into()), proc_macro2::TokenStream::new())
}

/// HTML with what it interpolates escaped: `html!("<h1>Hello, {name}!</h1>")`. It takes what `format!` takes.
#[proc_macro]
pub fn html(input: TokenStream) -> TokenStream {
    finish(html::expand(input.into()), proc_macro2::TokenStream::new())
}

/// The application of this crate: it knows the crate's name and folder. While developing, the folders
/// `templates`, `static` and `migrations` are read; in a release build they are inside of the binary. (cargo
/// notices a changed file by itself; for a new one, touch a source file.)
#[proc_macro]
pub fn app(input: TokenStream) -> TokenStream {
    finish(app::expand(&input.into()), proc_macro2::TokenStream::new())
}

/// Makes a struct a form: every field is a field of the form.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[derive(Form)]
/// struct NewPost {
///     #[field(label = "Title", length(1..=80))]
///     title: String,
///     #[field(label = "Body", widget = "textarea")]
///     body: String,
/// }
/// ```
///
/// In `#[field(..)]`: `label`, `widget`, `description`, `name`; the rules `length(1..=80)`, `range(18..)`,
/// `email`, `one_of("a", "b")`, `choices("a" = "First", "b" = "Second")`, `equal_to = "other"`,
/// `check = function`; any other `key = "value"` becomes an attribute of the HTML. An `Option` may be left
/// empty.
#[proc_macro_derive(Form, attributes(field))]
pub fn form(input: TokenStream) -> TokenStream {
    let input = proc_macro2::TokenStream::from(input);
    finish(form::expand(input.clone()), form::standing_in(input))
}
