//! What is wrapped around an application: Flask's `app.wsgi_app = Middleware(app.wsgi_app)`.

use std::panic::Location;
use std::sync::Arc;

use crate::app::scope::Checked;
use crate::context::Context;
use crate::handler::{Answer, Handler};

/// A function from what is inside to what is around it.
type Around = Box<dyn FnOnce(Arc<dyn Handler>) -> Arc<dyn Handler> + Send>;

/// Such a function, and the line that registered it.
pub(crate) struct Wrap {
    pub(super) around: Around,
    pub(super) location: &'static Location<'static>,
}

/// Puts one around the other, the last outermost, and notes each to be checked. `has_first` says whether something is
/// mounted before the application itself, inside all of them.
pub(super) fn compose(wraps: Vec<Wrap>, has_first: bool, checked: &mut Vec<Checked>) -> Option<Arc<dyn Handler>> {
    let mounts: Option<Arc<dyn Handler>> = if has_first { Some(Arc::new(FirstMounts)) } else { None };
    wraps.into_iter().fold(mounts, |inside, Wrap { around, location }| {
        let outer = around(inside.unwrap_or_else(|| Arc::new(Innermost)));
        checked.push((Box::new(Arc::clone(&outer)), "what is wrapped around the application".to_owned(), location));
        Some(outer)
    })
}

/// What is mounted before the application, and then the application itself.
struct FirstMounts;

impl Handler for FirstMounts {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            ctx.restart();
            let app = ctx.app().clone();
            match app.call_first_mounts(ctx).await? {
                Some(response) => Ok(Some(response)),
                None => Innermost.call(ctx).await,
            }
        }))
    }
}

/// The application itself, where something is wrapped around it. It finds itself in the context, because it cannot hold
/// the application that holds it.
struct Innermost;

impl Handler for Innermost {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            // What is around it may call it again, with the request changed.
            ctx.restart();
            let app = ctx.app().clone();
            let mut response = app.answer(ctx).await;
            // What is around it must see all headers.
            response.settle_headers();
            Ok(Some(response))
        }))
    }
}
