//! What one request carries: request, response, session, `g`, the matched rule.

pub(crate) mod body;
pub(crate) mod extract;
pub(crate) mod g;
pub(crate) mod session;
pub(crate) mod stream;
pub(crate) mod url_for;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::app::frozen::Frozen;
use crate::base::config::Config;
use crate::base::error::Error;
use crate::context::g::G;
use crate::context::session::Session;
use crate::handler::Handler;
use crate::http::body::Body;
use crate::http::request::{Request, next_id};
use crate::http::response::Response;
use crate::http::upload::FormData;
use crate::routing::view_args::ViewArgs;

/// Everything that belongs to one request. Flask's application context, which has the request in it.
///
/// A view asks for what it needs by type and rarely needs the context itself; a hook that needs several
/// things takes `ctx: &mut Context`.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::Context;
///
/// async fn log(ctx: &mut Context) {
///     println!("{} {}", ctx.request().method(), ctx.request().path());
/// }
///
/// let app = App::new("doc", ".").before_request(log);
/// ```
pub struct Context {
    /// Lent out while a template renders or a synchronous function runs on another thread; nobody else has
    /// the context then, because both borrow it mutably.
    parts: Option<Box<Parts>>,
}

struct Parts {
    app: Frozen,
    request: Box<Request>,
    response: Option<Response>,
    session: OnceLock<Session>,
    g: G,
    rule: Option<usize>,
    scope: usize,
    view_args: ViewArgs,
    routing_error: Option<Error>,
    error: Option<Arc<Error>>,
    after_this_request: Vec<Arc<dyn Handler>>,
    body: BodyState,
    request_id: OnceLock<String>,
    /// Whether teardown functions have run, or are another context's to run.
    is_torn_down: bool,
    /// Whether a body may want the context when the functions of the request have run.
    has_stream: bool,
    /// What mounted applications left behind, the innermost first; nearly always nothing.
    mounted: Vec<Answered>,
}

/// What a mounted application that has answered leaves behind, for the end of the request.
pub(crate) struct Answered {
    pub(crate) app: Frozen,
    pub(crate) rule: Option<usize>,
    pub(crate) error: Option<Arc<Error>>,
}

/// What was read of the body so far.
#[derive(Default)]
pub(crate) struct BodyState {
    pub(crate) data: Option<Bytes>,
    pub(crate) form: Option<Arc<FormData>>,
    /// Differs from the configuration where a view or a hook said so.
    pub(crate) max_content_length: Option<Option<u64>>,
}

impl Context {
    /// A context for a request that `app` is to answer.
    pub(crate) fn new(app: Frozen, request: Box<Request>) -> Context {
        Context {
            parts: Some(Box::new(Parts {
                app,
                request,
                response: None,
                session: OnceLock::new(),
                g: G::default(),
                rule: None,
                scope: 0,
                view_args: ViewArgs::default(),
                routing_error: None,
                error: None,
                after_this_request: Vec::new(),
                body: BodyState::default(),
                request_id: OnceLock::new(),
                is_torn_down: false,
                has_stream: false,
                mounted: Vec::new(),
            })),
        }
    }

    /// Hands the context over to somebody who cannot borrow it, and who gives it back.
    pub(crate) fn lend(&mut self) -> Context {
        Context { parts: self.parts.take() }
    }

    fn parts(&self) -> &Parts {
        self.parts.as_deref().expect("a context is used by one at a time, and given back")
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.parts.as_deref_mut().expect("a context is used by one at a time, and given back")
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

    /// The request, to be changed: by what stands [around](crate::App::wrap) an application before it calls that.
    ///
    /// After it, a change is still seen by everything that reads the request, but it does not lead to another rule: the
    /// path and the method were matched before the hooks. Headers, the address of the client, scheme and host may be
    /// changed by a hook before the view as well.
    pub fn request_mut(&mut self) -> &mut Request {
        &mut self.parts_mut().request
    }

    /// The response; before a view has answered, an empty one. For hooks after the view.
    pub fn response(&mut self) -> &Response {
        self.response_mut()
    }

    /// The response, to be changed.
    pub fn response_mut(&mut self) -> &mut Response {
        self.parts_mut().response.get_or_insert_default()
    }

    pub(crate) fn set_response(&mut self, response: Response) {
        self.parts_mut().response = Some(response);
    }

    pub(crate) fn has_response(&self) -> bool {
        self.parts().response.is_some()
    }

    /// Parts with everything, for what needs the context longer than the functions of the request. What stays knows what
    /// was asked and who has answered.
    pub(crate) fn part(&mut self) -> Context {
        let mut stays = Context::new(self.app().clone(), Box::new(self.request().without_body()));
        let (own, parts) = (self.parts_mut(), stays.parts_mut());
        (parts.rule, parts.scope, parts.error) = (own.rule, own.scope, own.error.clone());
        parts.request_id = own.request_id.clone();
        parts.is_torn_down = true;
        parts.mounted = std::mem::take(&mut own.mounted);
        own.g.record_in(&mut parts.g);
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
        self.parts.as_ref().is_some_and(|parts| !parts.is_torn_down && parts.app.tears_down())
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

    /// What mounted applications left behind, the innermost first.
    pub(crate) fn mounted(&self) -> &[Answered] {
        &self.parts().mounted
    }

    /// Takes the request out, for a mounted application; it comes back by `leave_to`.
    pub(crate) fn take_request(&mut self) -> Box<Request> {
        let vacant = Request::from_parts(http::Request::new(()).into_parts().0, Body::empty());
        std::mem::replace(&mut self.parts_mut().request, Box::new(vacant))
    }

    /// Gives the request back to the context around this one, and what is to be told of it in the end.
    pub(crate) fn leave_to(&mut self, outer: &mut Context) {
        if let (Some(own), Some(outer)) = (&mut self.parts, &mut outer.parts) {
            std::mem::swap(&mut own.request, &mut outer.request);
            outer.mounted.append(&mut own.mounted);
            if !own.app.on_finished().is_empty() {
                outer.mounted.push(Answered { app: own.app.clone(), rule: own.rule, error: own.error.clone() });
            }
        }
    }

    pub(crate) fn take_response(&mut self) -> Option<Response> {
        self.parts_mut().response.take()
    }

    /// The session, opened when it is first asked for.
    pub fn session(&self) -> &Session {
        let parts = self.parts();
        parts.session.get_or_init(|| parts.app.sessions().open(&parts.request))
    }

    /// The session, if anything has asked for it.
    pub(crate) fn opened_session(&self) -> Option<&Session> {
        self.parts().session.get()
    }

    /// Values that live as long as the request. Flask's `g`.
    pub fn g(&mut self) -> &mut G {
        &mut self.parts_mut().g
    }

    pub(crate) fn g_ref(&self) -> &G {
        &self.parts().g
    }

    /// The values that the matched rule took from the path, and its defaults. Flask's `request.view_args`.
    pub fn view_args(&self) -> &ViewArgs {
        &self.parts().view_args
    }

    /// The values, to be changed: for [`url_value_preprocessor`](crate::Scaffold::url_value_preprocessor).
    pub fn view_args_mut(&mut self) -> &mut ViewArgs {
        &mut self.parts_mut().view_args
    }

    /// The text of the matched rule: `/user/<int:id>`. Flask's `request.url_rule`.
    pub fn rule(&self) -> Option<&str> {
        let parts = self.parts();
        Some(parts.app.rule(parts.rule?))
    }

    /// The name of the matched rule: `blog.show`.
    pub fn endpoint(&self) -> Option<&str> {
        let parts = self.parts();
        Some(parts.app.endpoint(parts.rule?))
    }

    /// The name of the blueprint that the matched rule belongs to, with those around it: `site.blog`.
    pub fn blueprint(&self) -> Option<&str> {
        self.parts().app.blueprint(self.parts().scope)
    }

    pub(crate) fn set_match(&mut self, rule: usize, scope: usize, view_args: ViewArgs) {
        let parts = self.parts_mut();
        (parts.rule, parts.scope, parts.view_args) = (Some(rule), scope, view_args);
    }

    /// Forgets what was found out about the request, so that it can be answered anew.
    pub(crate) fn restart(&mut self) {
        let parts = self.parts_mut();
        (parts.rule, parts.scope, parts.view_args) = (None, 0, ViewArgs::default());
        (parts.routing_error, parts.error, parts.response) = (None, None, None);
        parts.after_this_request.clear();
    }

    pub(crate) fn rule_id(&self) -> Option<usize> {
        self.parts().rule
    }

    pub(crate) fn scope(&self) -> usize {
        self.parts().scope
    }

    /// Why no rule matched: a 404, a 405. It is raised after the hooks before the request, which may look at
    /// it here and answer instead.
    pub fn routing_error(&self) -> Option<&Error> {
        self.parts().routing_error.as_ref()
    }

    pub(crate) fn set_routing_error(&mut self, error: Error) {
        self.parts_mut().routing_error = Some(error);
    }

    pub(crate) fn take_routing_error(&mut self) -> Option<Error> {
        self.parts_mut().routing_error.take()
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

    pub(crate) fn parsed_form(&self) -> Option<&FormData> {
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

    /// The state of an extension and `g` to read, beside the response to write.
    pub(crate) fn state_and_response<T: 'static>(&mut self) -> (Option<&T>, &G, &mut Response) {
        let parts = self.parts_mut();
        (parts.app.state(), &parts.g, parts.response.get_or_insert_default())
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
