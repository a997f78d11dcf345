//! Flask's idea in Rust: a small core with Flask's words and Flask's behaviour, secure by default, and fast.
//!
//! ```
//! use hipflask::prelude::*;
//!
//! #[get("/hello/<name>")]
//! async fn hello(name: String) -> Html {
//!     html!("<h1>Hello, {name}!</h1>")
//! }
//!
//! fn app() -> App {
//!     app!().routes(routes![hello])
//! }
//!
//! #[hipflask::test]
//! async fn it_says_hello() {
//!     let client = app().test_client();
//!     assert_eq!(client.get("/hello/Ada").send().await.text(), "<h1>Hello, Ada!</h1>");
//! }
//! # hipflask::block_on(async { assert_eq!(app().test_client().get("/hello/Ada").send().await.text(), "<h1>Hello, Ada!</h1>"); });
//! ```
//!
//! # A tour
//!
//! An [`App`] is set up by its methods and by those of [`Scaffold`](extension::Scaffold), which a [`Blueprint`] has too. It cannot
//! serve; [`App::freeze`] checks everything and makes a [`Frozen`], which can.
//!
//! A view is a plain function, async or not. It asks for what it needs: values of the path by name, everything
//! else by type ([`FromContext`]). What it returns becomes a response ([`Respond`](helpers::Respond)). `?` turns any error into
//! an [`Error`]; [`abort!`] and [`or_404`](errors::OrNotFound::or_404) leave with an [`HttpError`].
//!
//! Everything that can answer is a [`Handler`](extension::Handler): it answers, fails or passes. Views, hooks, error handlers and
//! mounted applications are handlers, and so is a `Frozen`. An [`Extension`] is a function from app to app.
//!
//! [`render_template!`], [`url_for!`] and [`redirect`] only describe a result; the dispatcher resolves it with the
//! request. So most views need no [`Context`].
//!
//! [`TestClient`](testing::TestClient) calls an application in memory. [`cli::main`] turns it into a binary.
//!
//! # Where things are
//!
//! What programs name all the time is at the root, most of it in the [`prelude`]. The rest is in modules:
//!
//! | module | what for |
//! |---|---|
//! | [`http`] | requests, responses, and what they are made of: headers, bodies, cookies, uploads |
//! | [`routing`] | rules, converters, values of the path |
//! | [`form`] | forms: fields, rules, errors |
//! | [`templating`] | templates, and functions for them |
//! | [`sessions`] | where sessions are kept |
//! | [`helpers`] | redirects, URLs, files |
//! | [`errors`] | errors and their handlers |
//! | [`signals`] | what happens, told to functions of yours |
//! | [`signing`] | signed texts, random tokens |
//! | [`security`] | what keeps an application safe |
//! | [`extension`] | what extensions and handlers of your own are made of |
//! | [`testing`] | the test client |
//! | [`server`], [`cli`] | serving, and the commands of the binary |

#![warn(missing_docs)]

// 1 vocabulary: plain values
mod base;
pub mod http;
pub mod signing;
// 2 routing: pure
pub mod routing;
// 3 heart: what an app is, what a request carries
mod app;
mod context;
mod handler;
// 4 what every application comes with
mod builtin;
// 5 the life of a request
mod dispatch;
// 6 edges
pub mod cli;
pub mod server;
pub mod testing;

pub use crate::app::App;
pub use crate::app::blueprint::Blueprint;
pub use crate::app::extension::Extension;
pub use crate::app::frozen::Frozen;
pub use crate::base::config::Config;
pub use crate::base::datetime::DateTime;
pub use crate::base::error::{Error, HttpError, Result};
pub use crate::base::html::Html;
pub use crate::base::runtime::block_on;
pub use crate::builtin::form::{self, Form};
pub use crate::builtin::templating::Template;
pub use crate::context::Context;
pub use crate::context::extract::{FromContext, Query};
pub use crate::context::session::Session;
pub use crate::handler::redirect::redirect;
pub use crate::handler::respond::Reply;
pub use crate::http::json::Json;
pub use crate::http::response::Response;
pub use crate::routing::rule::Rule;
pub use crate::server::serve;

pub use ::http::StatusCode as Status;
pub use hipflask_macros::{Form, delete, errorhandler, get, main, patch, post, put, route, test};

/// The names that nearly every program uses: `use hipflask::prelude::*`.
///
/// It brings the methods of three traits too, without their names:
/// [`into_reply`](helpers::Respond::into_reply), [`or_404`](errors::OrNotFound::or_404), and what an [`App`] and
/// a [`Blueprint`] share ([`Scaffold`](extension::Scaffold)).
pub mod prelude {
    pub use crate::errors::OrNotFound as _;
    pub use crate::extension::Scaffold as _;
    pub use crate::helpers::Respond as _;
    pub use crate::{
        App, Blueprint, Config, Context, Error, Form, Html, HttpError, Json, Query, Reply, Response, Result, Session,
        Status, Template, abort, app, delete, errorhandler, get, html, patch, post, put, redirect, render_template,
        route, routes, url_for,
    };

    use ::http::Method;

    /// The method GET, for [`Rule::methods`](crate::Rule::methods).
    pub const GET: Method = Method::GET;
    /// The method POST.
    pub const POST: Method = Method::POST;
    /// The method PUT.
    pub const PUT: Method = Method::PUT;
    /// The method PATCH.
    pub const PATCH: Method = Method::PATCH;
    /// The method DELETE.
    pub const DELETE: Method = Method::DELETE;
}

/// What a view can return, and what helps it: replies, redirects, URLs and files. Flask's `flask.helpers`.
pub mod helpers {
    pub use crate::builtin::send_file::{File, send_data, send_file, send_from_directory};
    pub use crate::context::url_for::{PathValue, UrlFor};
    pub use crate::dispatch::within::InnerRequest;
    pub use crate::handler::event_stream::EventStream;
    pub use crate::handler::redirect::{Location, Redirect, redirect};
    pub use crate::handler::respond::{Reply, Respond};
    pub use crate::http::event::{Event, EventSender};
}

/// Templates and the values for them. Flask's `flask.templating`.
pub mod templating {
    pub use crate::base::html::{Html, ToHtml};
    pub use crate::builtin::templating::functions::TemplateFunction;
    pub use crate::builtin::templating::iterated::ITERATED;
    pub use crate::builtin::templating::{Template, TemplateError, Values};
}

/// Errors, what can be done with them, and their handlers.
pub mod errors {
    pub use crate::app::setup_error::{SetupError, SetupErrors};
    pub use crate::base::catches::{Catchable, Catches};
    pub use crate::base::datetime::DateTimeError;
    pub use crate::base::error::{Error, ErrorKind, HttpError, OrNotFound, Result};
    pub use crate::base::panics::{Panicked, catch};
    pub use crate::base::status::IntoStatus;
    pub use crate::context::extract::Caught;
    pub use crate::handler::error_handler::ErrorHandler;
    pub use crate::handler::into_error_handler::IntoErrorHandler;
}

/// What extensions, arguments and handlers of your own are made of.
///
/// An [`Extension`] is a function from app to app. What it checks at the start it finds in
/// [`Freezing`](extension::Freezing); what it runs is a [`Handler`](extension::Handler), which a plain function becomes by
/// [`IntoHandler`](extension::IntoHandler); what views ask it for is a [`FromContext`].
pub mod extension {
    /// A folder of the crate that this is written in, for [`Blueprint::root_path`](crate::Blueprint::root_path):
    /// `folder!("src/blog")`. During development it is read where it is; in a release build its folders `templates` and
    /// `static` are inside the binary. Others are named after it: `folder!("src/blog", "pages", "files")`.
    #[doc(inline)]
    pub use crate::__folder as folder;
    pub use crate::app::blueprint::BlueprintSetupState;
    pub use crate::app::extension::Extension;
    pub use crate::app::finished::Finished;
    pub use crate::app::folder::{EmbeddedFile, Folder, RootFolder};
    pub use crate::app::freezing::Freezing;
    pub use crate::app::mount::IntoMount;
    pub use crate::app::scaffold::{Route, Scaffold};
    pub use crate::app::url_rule::UrlRule;
    pub use crate::context::extract::{FromContext, State};
    pub use crate::context::g::G;
    pub use crate::context::stream::StreamContext;
    pub use crate::handler::before::{Before, before};
    pub use crate::handler::callback::Callback;
    pub use crate::handler::inline::{Inline, inline};
    pub use crate::handler::into_callback::IntoCallback;
    pub use crate::handler::into_handler::IntoHandler;
    pub use crate::handler::outcome::Outcome;
    pub use crate::handler::pool::ViewThreads;
    pub use crate::handler::{Answer, BoxFuture, Handler};
}

/// What happens in an application, told to the functions that are [connected](App::connect) to it. Flask's
/// `flask.signals`, by their names.
pub mod signals {
    pub use crate::app::signal::Signal;
    pub use crate::app::signals::{
        AppcontextPopped, AppcontextPushed, AppcontextTearingDown, GotRequestException, RequestFinished,
        RequestStarted, RequestTearingDown,
    };
    pub use crate::builtin::templating::rendered::{BeforeRenderTemplate, TemplateRendered};
    pub use crate::context::session::flash::MessageFlashed;
}

/// What keeps an application safe, and how a part of it is exempted.
pub mod security {
    pub use crate::builtin::proxy_fix::ProxyFix;
    pub use crate::builtin::security::csrf::CsrfExempt;
    pub use crate::builtin::security::talisman::{Policy, Talisman};
}

/// Where sessions are kept. Flask's `flask.sessions`.
pub mod sessions {
    pub use crate::context::session::Session;
    pub use crate::context::session::cookie::SessionCookie;
    pub use crate::context::session::flashed::FlashedMessage;
    pub use crate::context::session::interface::SessionInterface;
    pub use crate::context::session::memory::MemoryStore;
    pub use crate::context::session::secure_cookie::SecureCookieSessions;
    pub use crate::context::session::server_side::{ServerSideSessions, SessionStore};
    pub use crate::signing::tagged_json::SessionValue;
}

// Each passes `$crate` on, so that its code finds this crate under whatever name the program gives it.

/// The application of this crate: it knows the crate's name and folder. During development, the folders
/// `templates`, `static` and `migrations` are read; in a release build they are inside the binary. (cargo
/// notices a changed file automatically; for a new one, touch a source file.)
#[macro_export]
macro_rules! app {
    ($($input:tt)*) => { $crate::__private::app! { $crate; $($input)* } };
}

// It is `extension::folder`; a macro that passes `$crate` on is at the root as well.
#[doc(hidden)]
#[macro_export]
macro_rules! __folder {
    ($($input:tt)*) => { $crate::__private::folder! { $crate; $($input)* } };
}

/// Lists views for [`routes`](extension::Scaffold::routes): `routes![index, blog::show]`. A view that no list names is the
/// compiler's own "never used".
///
/// It writes the concatenation of what each view's attribute made. "Expected type, found function" means that the
/// function has no such attribute: put `#[get("/path")]` above it.
#[macro_export]
macro_rules! routes {
    ($($input:tt)*) => { $crate::__private::routes! { $crate; $($input)* } };
}

/// The URL of a view: `url_for!(blog::show, id = 5)`, `url_for!(show, id)`, or of an endpoint by name:
/// `url_for!("static", filename = "style.css")`.
///
/// Underneath it is a struct literal, `UrlFor::from(blog::show { id: 5 })`, so a missing, misspelt or mistyped
/// value is the compiler's own error.
#[macro_export]
macro_rules! url_for {
    ($($input:tt)*) => { $crate::__private::url_for! { $crate; $($input)* } };
}

/// A template and its values: `render_template!("blog/show.html", post, title = "Post")`.
///
/// It writes `Template::new("blog/show.html").with("post", &post).with("title", &"Post")`. In a view or an error handler
/// under its attribute, a template that is named by a string and does not exist is found when the application starts;
/// for one that may be missing write `Template::new` yourself.
#[macro_export]
macro_rules! render_template {
    ($($input:tt)*) => { $crate::__private::render_template! { $crate; $($input)* } };
}

/// HTML with what it interpolates escaped: `html!("<h1>Hello, {name}!</h1>")`. It takes what `format!` takes.
#[macro_export]
macro_rules! html {
    ($($input:tt)*) => { $crate::__private::html! { $crate; $($input)* } };
}

/// Names and values for a template: `context! { year => 2026, name }`.
///
/// ```
/// let name = "Ada";
/// let values = hipflask::context! { year => 2026, name };
/// ```
#[macro_export]
macro_rules! context {
    ($($name:ident $(=> $value:expr)?),* $(,)?) => {
        $crate::templating::Values::new()$(.with(::core::stringify!($name), $crate::context!(@value $name $(=> $value)?)))*
    };
    (@value $name:ident => $value:expr) => { &$value };
    (@value $name:ident) => { &$name };
}

/// What macros write, which must be found whatever names the program uses.
#[doc(hidden)]
pub mod __private {
    pub use crate::handler::inline::watched;
    pub use hipflask_macros::{app, folder, html, render_template, routes, url_for};

    /// A method that a macro has checked.
    pub fn method(name: &str) -> ::http::Method {
        name.parse().unwrap_or(::http::Method::GET)
    }
}
