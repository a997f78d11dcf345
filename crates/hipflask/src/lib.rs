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
//! An [`App`] is set up by its methods and by those of [`Scaffold`], which a [`Blueprint`] has too. It cannot
//! serve; [`App::freeze`] checks everything and makes a [`Frozen`], which can.
//!
//! A view is a plain function, async or not. What it needs it asks for: values of the path by name, everything
//! else by type ([`FromContext`]). What it returns becomes a response ([`IntoResponse`]). `?` turns any error
//! into an [`Error`]; [`abort!`] and [`or_404`](OrNotFound::or_404) leave with an [`HttpError`].
//!
//! Everything that can answer is a [`Handler`]: it answers, fails or passes. Views, hooks, error handlers and
//! mounted applications are handlers, and so is a `Frozen`. An [`Extension`] is a function from app to app.
//!
//! [`render_template!`], [`url_for!`] and [`redirect`] only describe; the dispatcher resolves them when the
//! request is known. So most views need no [`Context`].
//!
//! [`TestClient`] calls an application in memory. [`cli::main`] makes a binary of it.

#![warn(missing_docs)]

// 1 vocabulary: plain values
mod clock;
mod config;
mod datetime;
mod decimal;
mod error;
mod html;
mod http;
mod panics;
mod signing;
mod type_map;
// 2 routing: pure
mod routing;
// 3 heart: what an app is, what a request carries
mod app;
mod blocking;
mod blueprint;
mod context;
mod error_handler;
mod extension;
mod extract;
mod flash;
pub mod form;
mod form_parser;
mod function;
mod handler;
mod scaffold;
mod session;
mod url_for;
mod view_args;
// 4 lifecycle
mod defaults;
mod dispatch;
mod error_page;
mod log;
mod security;
mod static_files;
mod templating;
// 5 edges
pub mod cli;
mod server;
mod testing;

pub use crate::app::{App, Frozen, IntoMount};
pub use crate::blocking::Pace;
pub use crate::blueprint::Blueprint;
pub use crate::cli::CliArgs;
pub use crate::config::Config;
pub use crate::context::{Context, G};
pub use crate::datetime::{DateTime, DateTimeError};
pub use crate::error::{Error, ErrorKind, HttpError, IntoStatus, OrNotFound, Result};
pub use crate::error_handler::{Catches, ErrorHandler, IntoErrorHandler};
pub use crate::extension::{EmbeddedFile, Extension, Freezing, SetupError, SetupErrors};
pub use crate::extract::{Catchable, Caught, FromContext, Query};
pub use crate::form::Form;
pub use crate::form_parser::{FormData, Upload, secure_filename};
pub use crate::function::Function;
pub use crate::handler::{Answer, BoxFuture, Handler, IntoHandler, Outcome};
pub use crate::html::{Html, ToHtml};
pub use crate::http::accept::Accept;
pub use crate::http::body::{Body, BodySender, BodyTooLarge};
pub use crate::http::cookie::{Cookie, SameSite};
pub use crate::http::headers::HeaderOptions;
pub use crate::http::json::Json;
pub use crate::http::multi_dict::MultiDict;
pub use crate::http::request::{Request, Scheme};
pub use crate::http::response::{IntoBody, IntoResponse, Response};
pub use crate::http::url::is_safe_redirect;
pub use crate::panics::Panicked;
pub use crate::routing::build::BuildError;
pub use crate::routing::converter::Converter;
pub use crate::routing::rule::Rule;
pub use crate::scaffold::{Route, Scaffold};
pub use crate::server::{serve, serve_on};
pub use crate::session::Session;
pub use crate::signing::{KeyDerivation, Serializer, Verified};
pub use crate::static_files::{File, safe_join, send_file, send_from_directory};
pub use crate::templating::{Template, TemplateError, TemplateFunction, Values};
pub use crate::testing::{TestClient, TestRequest, TestResponse};
pub use crate::url_for::{Location, Redirect, UrlFor, ViewId, redirect};
pub use crate::view_args::{FromPath, PathValue, ViewArgs};

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode as Status};
pub use bytes::Bytes;
pub use hipflask_macros::{Form, delete, errorhandler, get, main, patch, post, put, route, test};
pub use hipflask_rule::{Arguments, Literal};

/// What a program of Hipflask types: `use hipflask::prelude::*`.
pub mod prelude {
    pub use crate::{
        App, Blueprint, Config, Context, DateTime, Error, Extension, Form, FormData, FromContext, Html, HttpError,
        IntoResponse, Json, MultiDict, OrNotFound, Query, Request, Response, Result, Rule, Scaffold, Session, Status,
        Template, Upload, ViewArgs, abort, app, context, delete, errorhandler, get, html, patch, post, put, redirect,
        render_template, route, routes, send_file, send_from_directory, url_for,
    };
    pub use crate::{Cookie, File};

    /// The method GET, for [`Rule::methods`].
    pub const GET: crate::Method = crate::Method::GET;
    /// The method POST.
    pub const POST: crate::Method = crate::Method::POST;
    /// The method PUT.
    pub const PUT: crate::Method = crate::Method::PUT;
    /// The method PATCH.
    pub const PATCH: crate::Method = crate::Method::PATCH;
    /// The method DELETE.
    pub const DELETE: crate::Method = crate::Method::DELETE;
}

// Each hands `$crate` on, so that what it writes finds this crate under whatever name the program has it.

/// The application of this crate: it knows the crate's name and folder. While developing, the folders
/// `templates`, `static` and `migrations` are read; in a release build they are inside of the binary. (cargo
/// notices a changed file by itself; for a new one, touch a source file.)
#[macro_export]
macro_rules! app {
    ($($input:tt)*) => { $crate::__private::app! { $crate; $($input)* } };
}

/// Lists views for [`routes`](Scaffold::routes): `routes![index, blog::show]`. A view that no list names is the
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
/// It writes `Template::new("blog/show.html").with("post", &post).with("title", &"Post")`.
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
        $crate::Values::new()$(.with(::core::stringify!($name), $crate::context!(@value $name $(=> $value)?)))*
    };
    (@value $name:ident => $value:expr) => { &$value };
    (@value $name:ident) => { &$name };
}

/// Runs a future to its end on a runtime of its own: what `#[hipflask::test]` makes of an async test.
///
/// # Panics
///
/// Inside of another runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime on this thread needs nothing that could be missing").block_on(future)
}

/// Ends the program's setup, or a test, over a mistake in the program itself.
#[cold]
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a mistake of the programmer's, reported with its own line; every caller documents it"
)]
pub(crate) fn misuse(message: std::fmt::Arguments<'_>) -> ! {
    panic!("{message}")
}

#[doc(hidden)]
pub mod __private {
    pub use hipflask_macros::{app, html, render_template, routes, url_for};

    /// A method that a macro has checked.
    pub fn method(name: &str) -> crate::Method {
        name.parse().unwrap_or(crate::Method::GET)
    }
}
