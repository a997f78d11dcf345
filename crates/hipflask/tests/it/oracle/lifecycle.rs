//! The order of hooks: see `apps/lifecycle.py`.

use std::sync::{Arc, Mutex};

use hipflask::Rule;
use hipflask::errors::{Catches, Caught, ErrorHandler};
use hipflask::extension::{Answer, Handler, Scaffold};
use hipflask::http::HeaderValue;
use hipflask::prelude::*;
use serde_json::Value;

use super::production;

/// What was noted, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("nothing panics while it notes").push(what.into());
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().expect("nothing panics while it notes")).join("\n")
    }
}

/// Answers `/notes` before any hook.
struct Telling {
    inside: Arc<dyn Handler>,
    notes: Notes,
}

impl Handler for Telling {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        if ctx.request().path() != "/notes" {
            return self.inside.call(ctx);
        }
        Answer::Ready(Ok(Some(Response::new(self.notes.take()))))
    }
}

fn hooks<S: Scaffold>(scaffold: S, name: &'static str, notes: &Notes) -> S {
    let (values, before, after, teardown) = (notes.clone(), notes.clone(), notes.clone(), notes.clone());
    scaffold
        .url_value_preprocessor(move || values.note(format!("values {name}")))
        .before_request(move |ctx: &mut Context| -> Result<Option<String>> {
            before.note(format!("before {name}"));
            if ctx.request().header("x-fail") == Some(name) {
                abort!(418);
            }
            Ok((ctx.request().header("x-stop") == Some(name)).then(|| format!("stopped by {name}")))
        })
        .after_request(move |ctx: &mut Context| {
            after.note(format!("after {name}"));
            ctx.response_mut().headers_mut().append("x-after", HeaderValue::from_static(name));
        })
        .teardown_request(move |ctx: &mut Context, error: Option<Caught<Error>>| {
            // Listed: a WSGI middleware that answers runs no teardown function.
            if ctx.request().path() == "/notes" {
                return;
            }
            let error = error.map_or("nothing".to_owned(), |error| error.to_string());
            teardown.note(format!("teardown {name} {error}"));
        })
}

fn views<S: Scaffold>(scaffold: S, notes: &Notes) -> S {
    let rule = |name: &str| Rule::new(format!("/{name}")).endpoint(name).methods([GET, POST]);
    let [view, this, remembering, abortive, failing] = std::array::from_fn(|_| notes.clone());
    scaffold
        .add_url_rule(rule("view"), move || {
            view.note("view");
            "view"
        })
        .add_url_rule(rule("this"), move |ctx: &mut Context| {
            let noted = this.clone();
            ctx.after_this_request(move |ctx: &mut Context| {
                noted.note("this");
                ctx.response_mut().headers_mut().insert("x-this", HeaderValue::from_static("1"));
            });
            this.note("view");
            "view"
        })
        .add_url_rule(rule("remembering"), move |ctx: &mut Context| {
            ctx.session().set("a", 1);
            remembering.note("view");
            "view"
        })
        .add_url_rule(rule("abort"), move || -> Result<String> {
            abortive.note("view");
            abort!(404)
        })
        .add_url_rule(rule("fail"), move || -> Result<String> {
            failing.note("view");
            Err(Failure.into())
        })
}

#[derive(Debug)]
struct Failure;

impl std::fmt::Display for Failure {
    /// As Python calls it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueError")
    }
}

impl std::error::Error for Failure {}

pub(super) fn app(declared: &Value) -> App {
    let notes = Notes::default();
    let mut app = views(hooks(production(declared).without_static_files(), "app", &notes), &notes);
    let slash = notes.clone();
    app = app.add_url_rule(Rule::new("/slash/"), move || {
        slash.note("view");
        "view"
    });
    let mut inner = views(hooks(Blueprint::new("inner").url_prefix("/inner"), "inner", &notes), &notes);
    let outer = views(hooks(Blueprint::new("outer").url_prefix("/outer"), "outer", &notes), &notes);
    if declared["handlers"] == true {
        let handler = |notes: Notes| {
            move || {
                notes.note("handler");
                ("handled", 404)
            }
        };
        app = app.register_error_handler(404, handler(notes.clone()));
        inner = inner.errorhandler(ErrorHandler::new(Catches::error::<Failure>(), handler(notes.clone())));
    }
    app.register_blueprint(outer.register_blueprint(inner)).wrap(move |inside| Telling { inside, notes })
}
