//! The macros of Hipflask. Each only writes what a user could type; what it writes is in its
//! documentation. `hipflask` re-exports them and documents them with examples that run.

mod app;
mod arguments;
mod class;
mod entry;
mod error_handler;
mod form;
mod handler;
mod html;
mod named;
mod render;
mod root;
mod route;
mod url_for;
mod view;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;

use crate::root::Root;

/// The result of a macro: code, or an error at the place that caused it.
type Expanded = syn::Result<Tokens>;

/// Gives the code, or the error together with `instead`, so that one mistake does not bring a second message
/// about a missing function.
fn finish(
    root: syn::Result<Root>,
    expand: impl FnOnce(&Root) -> Expanded,
    instead: impl FnOnce() -> Tokens,
) -> TokenStream {
    let (root, wrong) = root.map_or_else(|error| (Root::default(), Some(error)), |root| (root, None));
    let code = wrong.map_or_else(|| expand(&root), Err).unwrap_or_else(|error| {
        let (error, instead) = (error.into_compile_error(), instead());
        quote::quote!(#error #instead)
    });
    root.put_into(code).into()
}

/// An attribute: what it makes of its arguments and the item below it, or what takes the item's place.
fn attribute(
    arguments: TokenStream,
    item: TokenStream,
    expand: impl FnOnce(&Root, Tokens, Tokens) -> Expanded,
    instead: fn(Tokens) -> Tokens,
) -> TokenStream {
    let (mut arguments, item) = (Tokens::from(arguments), Tokens::from(item));
    let root = Root::take(&mut arguments);
    finish(root, |root| expand(root, arguments, item.clone()), || instead(item.clone()))
}

/// A macro that is called like a function, by way of the `macro_rules!` of its name in `hipflask`, which knows the path.
fn function(input: TokenStream, expand: fn(Tokens) -> Expanded) -> TokenStream {
    let (root, input) = Root::before(input.into());
    finish(Ok(root), |_| expand(input), Tokens::new)
}

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident $method:expr;)*) => {
        $($(#[$doc])*
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            attribute(arguments, item, |_, arguments, item| route::expand($method, arguments, item), route::standing_in)
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
    /// of the same name is not in the way, but a module is (`mod post;` beside it is E0428; give one of them another
    /// name):
    ///
    /// ```text
    /// struct post { id: i64 }                    // what `url_for!(post, id = 7)` fills in
    /// impl From<post> for UrlFor { ... }
    /// impl post { fn _routes() -> Vec<Route> }   // what `routes![post]` calls
    /// ```
    ///
    /// Options after the rule: `methods = [GET, POST]`, `endpoint = "name"`, `defaults(page = 1)`,
    /// `subdomain = "api"`, `host = "<user>.example.org"`, `strict_slashes = false`, `merge_slashes = false`,
    /// `provide_automatic_options = false`, `build_only = true`, `alias = true`, `redirect_to = "/new/<id>"`,
    /// `websocket = true`, each a method of [`Rule`](struct.Rule.html); and `with = value` for each option that an
    /// extension reads; `wrap = f` for a function from handler to handler, which puts something around the view
    /// ([`Route::wrap`](extension/struct.Route.html#method.wrap)), the last one outermost; `inline` for a plain `fn` that promises not to block. Several of these attributes on one function
    /// give it several rules.
    ///
    /// Above an `impl` block it makes a class-based view, Flask's `MethodView`: the functions that are named for methods,
    /// `get`, `post` and the others, answer these; HEAD is `get`'s unless there is `head`. A function that is named
    /// `dispatch_request` answers every method, as in Flask's `View`. `as_view` makes the routes of one instance, under a
    /// name. With `&self` all requests share the instance; with `self` each has its own, which its type makes by
    /// `FromContext`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// struct Posts {
    ///     title: &'static str,
    /// }
    ///
    /// #[route("/posts/<int:id>")]
    /// impl Posts {
    ///     async fn get(&self, id: i64) -> String {
    ///         format!("{} {id}", self.title)
    ///     }
    ///
    ///     async fn delete(&self, _id: i64) -> Status {
    ///         Status::NO_CONTENT
    ///     }
    /// }
    ///
    /// let client = App::new("doc", ".").routes(Posts { title: "Post" }.as_view("posts")).test_client();
    /// assert_eq!(client.get("/posts/7").send_blocking().text(), "Post 7");
    /// assert_eq!(client.delete("/posts/7").send_blocking().status(), 204);
    /// assert_eq!(client.put("/posts/7").send_blocking().header("allow"), Some("DELETE, GET, HEAD, OPTIONS"));
    /// ```
    ///
    /// Beside the `impl` it writes
    ///
    /// ```text
    /// struct __View<T>(Arc<T>);                  // a `Handler` that calls the function of the request's method
    /// impl Posts { pub fn as_view(self, name: impl Into<String>) -> Vec<Route> }
    /// ```
    ///
    /// `crate = path` says where Hipflask is, if it is not `::hipflask`. The other attributes have this option too.
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
/// As the type, `HttpError` means every HTTP error, and `Error` every error.
#[proc_macro_attribute]
pub fn errorhandler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute(arguments, item, error_handler::expand, error_handler::standing_in)
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
    attribute(arguments, item, |_, arguments, item| entry::main(&arguments, item), entry::standing_in)
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
    attribute(arguments, item, |_, arguments, item| entry::test(&arguments, item), |item| item)
}

/// `routes![]`
#[proc_macro]
pub fn routes(input: TokenStream) -> TokenStream {
    function(input, route::list)
}

/// `url_for!`
#[proc_macro]
pub fn url_for(input: TokenStream) -> TokenStream {
    function(input, url_for::expand)
}

/// `render_template!`
#[proc_macro]
pub fn render_template(input: TokenStream) -> TokenStream {
    function(input, render::expand)
}

/// `html!`
#[proc_macro]
pub fn html(input: TokenStream) -> TokenStream {
    function(input, html::expand)
}

/// `app!`
#[proc_macro]
pub fn app(input: TokenStream) -> TokenStream {
    function(input, |input| app::expand(&input))
}

/// `folder!`
#[proc_macro]
pub fn folder(input: TokenStream) -> TokenStream {
    function(input, app::folder)
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
/// In `#[field(..)]`:
///
/// - how it looks: `label`, `description`, `widget`, `name`; `choices("a" = "First", "b" = "Second")`, or `choices` for
///   those that are told at run time; `empty`, the label of the empty choice;
/// - how it is read: `trim` leaves out the white space around it, `readonly` and `disabled` show a value and take none;
/// - what it must be: `length(1..=80)`, `range(18..)`, `email`, `url`, `uuid`, `mac_address`, `one_of("a", "b")`,
///   `none_of("a", "b")`, `equal_to = "other"`, `ticked`, `entries(1..=3)`, `file_size(..=2_000_000)`,
///   `file_types("png", "jpg")`, `check = function`, `rule = value`.
///
/// Any other `key = "value"` becomes an attribute of the HTML. The widget follows from the type of the field. An `Option`
/// may be left empty, a `Vec` has several values, and another form is a form inside the form.
///
/// Beside the form it writes the fields' names as constants, for `form.add_error(NewPost::TITLE, "…")`:
///
/// ```
/// # struct NewPost;
/// # use hipflask::form::FieldName;
/// impl NewPost {
///     const TITLE: FieldName<NewPost> = FieldName::new("title");
///     const BODY: FieldName<NewPost> = FieldName::new("body");
/// }
/// ```
///
/// `#[form(prepare = function)]` above the struct names an async function that prepares the form of each request.
/// `#[form(crate = path)]` says where Hipflask is, if it is not `::hipflask`.
#[proc_macro_derive(Form, attributes(field, form))]
pub fn form(input: TokenStream) -> TokenStream {
    let input = Tokens::from(input);
    let root = Root::of_derive(&input, "form");
    finish(root, |_| form::expand(input.clone()), || form::standing_in(input.clone()))
}

/// Makes the variants of an enum the choices of a field.
///
/// ```
/// use hipflask::form::Choices;
/// use hipflask::prelude::*;
///
/// #[derive(Choices)]
/// enum Size {
///     Small,
///     #[choice(value = "xl", label = "As large as possible")]
///     ExtraLarge,
/// }
///
/// #[derive(Form)]
/// struct Order {
///     size: Size,
///     others: Vec<Size>,
/// }
/// ```
///
/// It is sent as `small`, and shown as `Small`, unless `#[choice(value = "…", label = "…")]` says otherwise; `group` is the
/// heading that it is shown under. `#[choices(crate = path)]` above the enum says where Hipflask is, if it is not
/// `::hipflask`.
#[proc_macro_derive(Choices, attributes(choice, choices))]
pub fn choices(input: TokenStream) -> TokenStream {
    let input = Tokens::from(input);
    let root = Root::of_derive(&input, "choices");
    finish(root, |_| form::choices::expand(input.clone()), || form::choices::standing_in(input.clone()))
}
