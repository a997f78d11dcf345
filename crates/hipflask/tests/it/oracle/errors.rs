//! Errors: see `apps/errors.py`.

use std::fmt;

use hipflask::Rule;
use hipflask::errors::{Catches, ErrorHandler};
use hipflask::extension::Scaffold;
use hipflask::http::{MultiDict, WwwAuthenticate};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use serde_json::Value;

use super::{production, text};

/// The application's own error.
#[derive(Debug)]
struct Own;

/// One that is caused by it: what a derived class is in Python.
#[derive(Debug)]
struct Derived(Own);

/// One that nobody handles.
#[derive(Debug)]
struct Other(&'static str);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("on purpose")
    }
}

impl fmt::Display for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("on purpose")
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Own {}
impl std::error::Error for Other {}

impl std::error::Error for Derived {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

async fn leave(args: ViewArgs) -> Result<String> {
    Err(HttpError::new(args.get::<u16>("code")?).into())
}

async fn described(args: ViewArgs, query: MultiDict) -> Result<String> {
    let why = query.get("why").unwrap_or("because");
    Err(HttpError::new(args.get::<u16>("code")?).description(why).into())
}

async fn fail(args: ViewArgs) -> Result<String> {
    match args.get::<String>("kind")?.as_str() {
        "own" => Err(Own.into()),
        "derived" => Err(Derived(Own).into()),
        "key" => Err(Other("KeyError").into()),
        _ => Err(Other("ZeroDivisionError").into()),
    }
}

async fn unavailable() -> Result<String> {
    Err(HttpError::new(503).header("retry-after", "60").into())
}

async fn unauthorized() -> Result<String> {
    let wanted = WwwAuthenticate::basic("here").to_string();
    Err(HttpError::new(401).header("www-authenticate", wanted).into())
}

async fn unsatisfiable() -> Result<String> {
    Err(HttpError::new(416).header("content-range", "bytes */100").into())
}

fn views<S: Scaffold>(scaffold: S) -> S {
    scaffold
        .add_url_rule(Rule::new("/leave/<int:code>").endpoint("leave"), leave)
        .add_url_rule(Rule::new("/described/<int:code>").endpoint("described"), described)
        .add_url_rule(Rule::new("/fail/<kind>").endpoint("fail"), fail)
}

fn own(said: (u16, &'static str)) -> ErrorHandler {
    ErrorHandler::new(Catches::error::<Own>(), move || said.1.into_reply().with_status(said.0))
}

fn bare(app: App) -> App {
    views(app)
        .add_url_rule(Rule::new("/unavailable"), unavailable)
        .add_url_rule(Rule::new("/unauthorized"), unauthorized)
        .add_url_rule(Rule::new("/unsatisfiable"), unsatisfiable)
        .add_url_rule(Rule::new("/post").methods([POST]), async || "")
}

async fn app_500(error: HttpError) -> (Status, String) {
    let original = error.original().map_or_else(|| "NoneType".to_owned(), ToString::to_string);
    (Status::INTERNAL_SERVER_ERROR, format!("app 500 {original}"))
}

fn handled(app: App) -> App {
    let said = |status: u16, text: &'static str| move || text.into_reply().with_status(status);
    let inner = views(Blueprint::new("inner").url_prefix("/inner"))
        .register_error_handler(404, said(404, "inner 404"))
        .errorhandler(ErrorHandler::new(Catches::error::<Derived>(), said(422, "inner derived")));
    let outer = views(Blueprint::new("outer").url_prefix("/outer"))
        .register_error_handler(404, said(404, "outer 404"))
        .register_error_handler(403, said(403, "outer 403"))
        .errorhandler(own((400, "outer own")))
        .register_blueprint(inner);
    views(app)
        .register_error_handler(404, async |error: HttpError| (error.status(), format!("app 404 {}", error.name())))
        .register_error_handler(405, said(405, "app 405"))
        .register_error_handler(410, said(200, "app 410"))
        .register_error_handler(500, app_500)
        .errorhandler(own((409, "app own")))
        .register_error_handler(418, async || (html!(""), 204))
        .register_blueprint(outer)
}

fn general(app: App) -> App {
    let http = async |error: HttpError| (error.status(), format!("http {} {}", error.status().as_u16(), error.name()));
    views(app).errorhandler(ErrorHandler::new(Catches::error::<HttpError>(), http)).errorhandler(own((400, "own")))
}

fn everything(app: App) -> App {
    let all = async |error: hipflask::errors::Caught<Error>| {
        let code = error.http().map_or("other".to_owned(), |error| error.status().as_u16().to_string());
        (Status::INTERNAL_SERVER_ERROR, format!("all {code}"))
    };
    views(app).errorhandler(ErrorHandler::new(Catches::error::<Error>(), all))
}

fn failing(app: App) -> App {
    let worse = async || -> Result<String> { Err(Error::msg("in the handler")) };
    let other = async || -> Result<String> { abort!(403) };
    views(app)
        .register_error_handler(404, worse)
        .register_error_handler(410, other)
        .register_error_handler(403, async || ("never", 403))
}

pub(super) fn app(declared: &Value) -> App {
    let app = production(declared).without_static_files();
    match text(declared, "app") {
        "bare" => bare(app),
        "handled" => handled(app),
        "general" => general(app),
        "everything" => everything(app),
        _ => failing(app),
    }
}
