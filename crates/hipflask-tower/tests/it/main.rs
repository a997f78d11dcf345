//! Layers and services of tower, as an application meets them.

#![allow(clippy::panic, reason = "a service panics here to see what becomes of it")]

mod layers;
mod services;

use hipflask::extension::Handler;
use hipflask::prelude::*;
use std::sync::{Arc, Mutex};

/// What was noted, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }
}

/// An application that notes where its hooks find the request.
fn noting(notes: &Notes) -> App {
    let place = |ctx: &Context| {
        let request = ctx.request();
        format!("{} {} {:?} {:?}", request.method(), request.path(), request.header("x-test"), ctx.endpoint())
    };
    let (after, teardown) = (notes.clone(), notes.clone());
    App::new("test", ".")
        .after_request(move |ctx: &mut Context| after.note(format!("after {}", place(ctx))))
        .teardown_request(move |ctx: &mut Context| teardown.note(format!("teardown {}", place(ctx))))
}

/// A view that never answers.
async fn never() -> &'static str {
    std::future::pending().await
}

/// A view that gives the body back as it comes.
async fn echo(body: hipflask::http::Body) -> hipflask::http::Body {
    body
}

fn is_handler(_: &impl Handler) {}
