//! What one request carries: request, response, session, `g`, the matched rule.

pub(crate) mod body;
mod copied;
pub(crate) mod extract;
pub(crate) mod g;
mod left;
mod matched;
pub(crate) mod parted;
pub(crate) mod session;
pub(crate) mod stream;
pub(crate) mod url_for;

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::HeaderValue;

use crate::app::frozen::Frozen;
use crate::app::signal::Signals;
use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::context::g::G;
use crate::context::parted::{Hold, Parted, Watch, Work};
use crate::context::session::Session;
use crate::context::session::interface::open_now;
use crate::handler::{Answer, Handler};
use crate::http::request::{Request, next_id};
use crate::http::response::Response;
use crate::http::upload::{FormData, TooLarge};
use crate::routing::view_args::ViewArgs;

/// Everything that belongs to one request. Flask's application context, which has the request in it.
///
/// A view asks for what it needs by type and rarely needs the context itself; a hook that needs several
/// things takes `ctx: &mut Context`.
///
/// ```
/// use hipflask::Context;
/// use hipflask::prelude::*;
///
/// async fn log(ctx: &mut Context) {
///     println!("{} {}", ctx.request().method(), ctx.request().path());
/// }
///
/// let app = App::new("doc", ".").before_request(log);
/// ```
pub struct Context {
    /// Empty only while a template renders, which borrows the context mutably.
    parts: Option<Box<Parts>>,
}

struct Parts {
    app: Frozen,
    request: Box<Request>,
    response: Option<Response>,
    session: OnceLock<Session>,
    g: G,
    rule: Option<usize>,
    /// The mount that the request was left to.
    mount: Option<usize>,
    scope: usize,
    view_args: ViewArgs,
    routing_error: Option<Error>,
    error: Option<Arc<Error>>,
    after_this_request: Vec<Arc<dyn Handler>>,
    /// Receivers of signals for this request alone; nearly always none.
    observers: Option<Arc<Signals>>,
    body: BodyState,
    request_id: OnceLock<String>,
    /// Whether teardown functions have run, or are another context's to run.
    is_torn_down: bool,
    /// Whether a body may want the context when the functions of the request have run.
    has_stream: bool,
    /// What the end of the request has to do; nearly always nothing.
    left: Left,
    /// Where this one was parted from another.
    hold: Option<Hold>,
    /// Whether it is a copy, which takes no part in the answer.
    is_copy: bool,
    /// Whether the application itself has asked for it, within another request.
    is_within: bool,
    /// How many requests it is in.
    depth: u8,
    /// Whether the session is that of the request around this one, which saves it.
    shares_session: bool,
    /// Cookies that requests within this one have set for its client.
    cookies: Vec<HeaderValue>,
}

/// What is left for the end of a request.
#[derive(Default)]
struct Left {
    /// By mounted applications, the innermost first.
    mounted: Vec<Answered>,
    /// The contexts that were parted from that of the request.
    parted: Parted,
    /// The work that begins then. The lock is never taken; it makes a [`Context`] `Sync`.
    work: Mutex<Vec<Work>>,
    /// Leads to what is held until that work is done, where a caller waits for it.
    watched: Option<Watch>,
}

/// What a mounted application that has answered leaves behind, for the end of the request.
pub(crate) struct Answered {
    pub(crate) app: Frozen,
    pub(crate) rule: Option<usize>,
    pub(crate) mount: Option<usize>,
    pub(crate) error: Option<Arc<Error>>,
}

impl Parts {
    fn new(app: Frozen, request: Box<Request>) -> Parts {
        Parts {
            app,
            request,
            response: None,
            session: OnceLock::new(),
            g: G::default(),
            rule: None,
            mount: None,
            scope: 0,
            view_args: ViewArgs::default(),
            routing_error: None,
            error: None,
            after_this_request: Vec::new(),
            observers: None,
            body: BodyState::default(),
            request_id: OnceLock::new(),
            is_torn_down: false,
            has_stream: false,
            left: Left::default(),
            hold: None,
            is_copy: false,
            is_within: false,
            depth: 0,
            shares_session: false,
            cookies: Vec::new(),
        }
    }

    /// The same request without what there can be only one of: its body, its response, `g`.
    fn stand_in(&mut self) -> Parts {
        Parts {
            session: self.session.clone(),
            rule: self.rule,
            mount: self.mount,
            scope: self.scope,
            view_args: self.view_args.clone(),
            error: self.error.clone(),
            after_this_request: self.after_this_request.clone(),
            observers: self.observers.clone(),
            request_id: self.request_id.clone(),
            is_torn_down: self.is_torn_down,
            left: std::mem::take(&mut self.left),
            hold: self.hold.clone(),
            is_copy: self.is_copy,
            is_within: self.is_within,
            depth: self.depth,
            shares_session: self.shares_session,
            cookies: std::mem::take(&mut self.cookies),
            ..Parts::new(self.app.clone(), Box::new(self.request.without_body()))
        }
    }
}

/// What was read of the body so far.
#[derive(Default)]
pub(crate) struct BodyState {
    pub(crate) data: Option<Bytes>,
    pub(crate) form: Option<Arc<FormData>>,
    /// Set if the form is only its beginning.
    pub(crate) too_large: Option<TooLarge>,
    /// Differs from the configuration where a view or a hook said so.
    pub(crate) max_content_length: Option<Option<u64>>,
    pub(crate) max_form_memory_size: Option<u64>,
    pub(crate) max_form_parts: Option<usize>,
}

impl Context {
    /// A context for a request that `app` is to answer.
    pub(crate) fn new(app: Frozen, request: Box<Request>) -> Context {
        Context { parts: Some(Box::new(Parts::new(app, request))) }
    }

    /// Lends the context to a template that renders here and now; the caller gives it back before anything else
    /// can use it.
    pub(crate) fn lend_here(&mut self) -> Context {
        Context { parts: self.parts.take() }
    }

    /// Lends the context to a call that may outlive the wish for its result. Until it comes back, and if it never does,
    /// a stand-in is here: enough to answer the request, to log it and to end it.
    pub(crate) fn lend(&mut self) -> Context {
        let stand_in = self.parts_mut().stand_in();
        let mut lent = Context { parts: self.parts.replace(Box::new(stand_in)) };
        lent.watch_as(self);
        lent
    }

    /// Takes back what was [lent](Context::lend), if it comes back.
    pub(crate) fn take_back(&mut self, lent: Option<Context>) {
        if let Some(mut lent) = lent {
            let (own, parts) = (self.parts_mut(), lent.parts_mut());
            own.left.append(&mut parts.left);
            own.cookies.append(&mut parts.cookies);
            (parts.left, parts.cookies) = (std::mem::take(&mut own.left), std::mem::take(&mut own.cookies));
            *self = lent;
        }
    }

    fn parts(&self) -> &Parts {
        self.parts.as_deref().expect("what renders a template gives the context back")
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.parts.as_deref_mut().expect("what renders a template gives the context back")
    }

    /// The running application. Flask's `current_app`.
    pub fn app(&self) -> &Frozen {
        &self.parts().app
    }

    /// The application's configuration.
    pub fn config(&self) -> &Config {
        self.app().config()
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.parts().request
    }

    /// The request, for changing it: in what is wrapped [around](crate::App::wrap) an application, before it calls that.
    ///
    /// After it, a change is still seen by everything that reads the request, but it does not lead to another rule: the
    /// path and the method were matched before the hooks. Headers, the address of the client, scheme and host may be
    /// changed by a hook before the view as well.
    pub fn request_mut(&mut self) -> &mut Request {
        &mut self.parts_mut().request
    }

    /// Whether it is the context of a request, and not one of a command or of the start. Flask's
    /// `has_request_context()`.
    pub fn has_request(&self) -> bool {
        !self.request().is_absent()
    }

    /// The response, once a view or a hook has answered.
    pub fn response(&self) -> Option<&Response> {
        self.parts().response.as_ref()
    }

    /// The response, to be changed by a hook after the view; where nothing has answered yet, an empty one is begun.
    pub fn response_mut(&mut self) -> &mut Response {
        self.parts_mut().response.get_or_insert_default()
    }

    pub(crate) fn set_response(&mut self, response: Response) {
        self.parts_mut().response = Some(response);
    }

    /// Parts with everything, for what needs the context longer than the functions of the request. What stays knows what
    /// was asked and who has answered.
    pub(crate) fn part(&mut self) -> Context {
        let mut stays = Context::new(self.app().clone(), Box::new(self.request().without_body()));
        let (own, parts) = (self.parts_mut(), stays.parts_mut());
        (parts.rule, parts.mount, parts.scope, parts.error) = (own.rule, own.mount, own.scope, own.error.clone());
        parts.request_id = own.request_id.clone();
        parts.observers = own.observers.clone();
        (parts.is_torn_down, parts.is_within, parts.depth) = (true, own.is_within, own.depth);
        (parts.left, parts.hold) = (std::mem::take(&mut own.left), own.hold.take());
        own.hold = Some(parts.left.parted.add());
        std::mem::replace(self, stays)
    }

    /// Lets go of what only the functions of the request need, before its body is sent.
    pub(crate) fn release(&mut self) {
        let parts = self.parts_mut();
        (parts.g, parts.session, parts.body) = (G::default(), OnceLock::new(), BodyState::default());
        parts.response = None;
        parts.after_this_request.clear();
    }

    /// Whether teardown functions have to run.
    pub(crate) fn owes_teardown(&self) -> bool {
        self.parts
            .as_ref()
            .is_some_and(|parts| !parts.is_torn_down && (parts.app.tears_down() || parts.observers.is_some()))
    }

    /// Whether teardown functions have to run. They run once, so it is asked once.
    pub(crate) fn take_teardown(&mut self) -> bool {
        let owes = self.owes_teardown();
        self.parts_mut().is_torn_down = true;
        owes
    }

    /// Notes that a body may want the context when the functions of the request have run.
    pub(crate) fn expect_stream(&mut self) {
        self.parts_mut().has_stream = true;
    }

    /// Whether a body may want the context. It is asked once.
    pub(crate) fn take_stream(&mut self) -> bool {
        std::mem::take(&mut self.parts_mut().has_stream)
    }

    pub(crate) fn take_response(&mut self) -> Option<Response> {
        self.parts_mut().response.take()
    }

    /// The session, opened when it is first asked for; one whose store has to be waited for was opened before the hooks.
    /// If it could not be opened it is empty, and the request fails when it would be saved.
    pub fn session(&self) -> &Session {
        let parts = self.parts();
        parts.session.get_or_init(|| {
            let session = self.heard(open_now(parts.app.sessions(), &parts.request));
            if parts.is_copy {
                session.never_saved();
            }
            session
        })
    }

    /// Opens the session, if nothing has opened it yet.
    pub(crate) async fn open_session(&mut self) -> Result<&Session> {
        if self.opened_session().is_none() {
            let opened = match self.app().sessions().open(self.request()) {
                Answer::Ready(opened) => opened,
                Answer::Later(opening) => opening.await,
            };
            let slot = &self.parts().session;
            match opened {
                Ok(session) => {
                    let session = self.heard(session);
                    if self.is_copy() {
                        session.never_saved();
                    }
                    let _ = slot.set(session);
                }
                Err(error) => {
                    // The page that tells of it must not take the visitor's cookie away.
                    let _ = slot.set(Session::null("it could not be opened"));
                    return Err(error);
                }
            }
        }
        Ok(self.session())
    }

    /// The session, which keeps the signals that are sent through it if anyone may want them.
    fn heard(&self, session: Session) -> Session {
        if self.hears_signals() {
            session.keep_signals();
        }
        session
    }

    /// Whether a signal may have a receiver.
    pub(crate) fn hears_signals(&self) -> bool {
        let parts = self.parts();
        !parts.app.signals().is_empty() || parts.observers.is_some()
    }

    /// Receivers of signals for this request alone.
    pub(crate) fn observers(&self) -> Option<&Arc<Signals>> {
        self.parts().observers.as_ref()
    }

    /// Tells `observers` of the signals of this request, and of the applications mounted where it goes.
    pub(crate) fn observe(&mut self, observers: Option<Arc<Signals>>) {
        self.parts_mut().observers = observers;
    }

    /// The session, if anything has asked for it: to look at it without opening it.
    pub fn opened_session(&self) -> Option<&Session> {
        self.parts().session.get()
    }

    /// Values that live as long as the request. Flask's `g`.
    pub fn g(&self) -> &G {
        &self.parts().g
    }

    /// The same, to put values in and to take them out.
    pub fn g_mut(&mut self) -> &mut G {
        &mut self.parts_mut().g
    }

    /// The error that an error handler is handling.
    pub(crate) fn error(&self) -> Option<&Arc<Error>> {
        self.parts().error.as_ref()
    }

    pub(crate) fn set_error(&mut self, error: Option<Arc<Error>>) {
        self.parts_mut().error = error;
    }

    pub(crate) fn push_after_this_request(&mut self, handler: Arc<dyn Handler>) {
        self.parts_mut().after_this_request.push(handler);
    }

    pub(crate) fn take_after_this_request(&mut self) -> Vec<Arc<dyn Handler>> {
        std::mem::take(&mut self.parts_mut().after_this_request)
    }

    pub(crate) fn body_state(&mut self) -> &mut BodyState {
        &mut self.parts_mut().body
    }

    /// The form, if anything has asked for it: to look at it without reading the body.
    pub fn parsed_form(&self) -> Option<&FormData> {
        self.parts().body.form.as_deref()
    }

    /// A name for this request in logs and error pages, 16 characters, the same for its whole life.
    pub fn request_id(&self) -> &str {
        let parts = self.parts();
        parts.request_id.get_or_init(|| {
            let id = if parts.request.id() == 0 { next_id() } else { parts.request.id() };
            format!("{id:016x}")
        })
    }

    /// The state that an extension put into the application.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.app().state()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.parts {
            Some(parts) => write!(f, "Context({} {})", parts.request.method(), parts.request.uri().path()),
            None => f.write_str("Context(lent)"),
        }
    }
}
