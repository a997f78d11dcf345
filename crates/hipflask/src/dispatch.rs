//! The life of a request, top to bottom. `docs/lifecycle.md` tells the same for users, and a test compares
//! the two.
//!
//!  1. a context is made; `AppcontextPushed` is sent; what is wrapped around the application runs, from the outside in; the host is checked
//!  2. the rule is matched; a routing error is kept for later
//!  3. a session whose store has to be waited for is opened; `RequestStarted` is sent
//!  4. url value preprocessors
//!  5. before_request functions, the application's first, then the blueprints' from the outside in
//!  6. what step 2 kept is raised; unless it is a redirect, after the mounts have been tried
//!  7. OPTIONS is answered, or the view runs
//!  8. an error is given to its nearest handler
//!  9. after_this_request functions, then after_request functions, in reverse
//! 10. the session is saved; `RequestFinished` is sent
//! 11. the body is made to fit the status and the method; what is wrapped around the application continues
//! 12. teardown functions run, whatever happened, and their signals are sent (`teardown.rs`); where the body has the
//!     context, when that ends
//! 13. the body is sent, or another protocol is spoken; when that has ended, on_finished functions are told, and
//!     after_response work begins

mod after_response;
pub(crate) mod ending;
mod failure;
mod mounts;
mod speaking;
mod teardown;
pub(crate) mod within;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;

use crate::app::below_prefix::scope_of;
use crate::app::frozen::Frozen;
use crate::app::scope::Scope;
use crate::app::signal::Signals;
use crate::app::signals::{AppcontextPushed, GotRequestException, RequestFinished, RequestStarted};
use crate::base::error::{Error, HttpError, Result};
use crate::base::panics;
use crate::builtin::error_page;
use crate::builtin::security::hosts;
use crate::context::Context;
use crate::context::parted::Parted;
use crate::context::stream::hand_over;
use crate::dispatch::ending::Ending;
use crate::dispatch::failure::{log_error, warn_of_cookies};
use crate::handler::redirect::redirect_response;
use crate::handler::respond::Respond;
use crate::handler::{Answer, Handler};
use crate::http::body::Body;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::routing::adapter::{Found, MapAdapter, NoMatch};
use crate::routing::methods::MethodSet;

impl Frozen {
    /// Answers one request, and always answers: an error or a panic is a response too.
    ///
    /// The request has ended when the body of the response has, or was dropped: then
    /// [`on_finished`](crate::App::on_finished) functions are told.
    pub fn respond(&self, request: Request) -> impl Future<Output = Response> + Send + 'static {
        let answering = self.respond_unsettled(Box::new(request));
        async move {
            let (mut response, ending) = answering.await;
            response.settle_headers();
            ending.follow(response)
        }
    }

    /// [`respond`](Frozen::respond), with the default headers still apart, for callers that send them as text, and
    /// with the end of the request, for callers that know when it comes.
    pub(crate) fn respond_unsettled(
        &self,
        request: Box<Request>,
    ) -> impl Future<Output = (Response, Ending)> + Send + 'static {
        // The context is made here and not in the future, which would keep room for its ingredients too.
        respond_in(Context::new(self.clone(), request)) // step 1
    }

    /// [`respond`](Frozen::respond) with the end of the request, with receivers for its signals, and with what is gone when
    /// it has ended and the work after it is done.
    pub(crate) async fn respond_observed(
        &self,
        request: Request,
        observers: Arc<Signals>,
    ) -> (Response, Ending, Parted) {
        let mut watching = Parted::default();
        let mut ending = Ending::new(Context::new(self.clone(), Box::new(request)));
        ending.watch(watching.add());
        ending.begin().observe(Some(observers));
        let mut response = self.full_dispatch(ending.ctx()).await;
        response.settle_headers();
        self.end(ending.ctx()).await;
        ending.release(&response);
        (response, ending, watching)
    }

    /// Steps 1 to 11, and what is wrapped around them.
    async fn full_dispatch(&self, ctx: &mut Context) -> Response {
        ctx.send(|| AppcontextPushed);
        match self.around() {
            None => self.answer(ctx).await,
            // On the heap, so that it makes no other application's future larger.
            Some(around) => Box::pin(self.answer_around(ctx, around)).await,
        }
    }

    /// Calls what is wrapped around the application. What fails there is answered like what fails inside.
    async fn answer_around(&self, ctx: &mut Context, around: &dyn Handler) -> Response {
        let answer = catch(pin!(around.call(ctx))).await;
        let error = match answer {
            Ok(Some(response)) => return fit_body(ctx.request().method(), response),
            Ok(None) => HttpError::new(404).into(),
            Err(error) => error,
        };
        let (response, unhandled) = self.answer_error(ctx, error).await;
        ctx.set_error(unhandled);
        ctx.set_response(response);
        self.process_error_page(ctx).await;
        finish_response(ctx)
    }

    /// Steps 1 to 11.
    pub(crate) async fn answer(&self, ctx: &mut Context) -> Response {
        let answer = catch(pin!(self.dispatch(ctx))).await;
        // What happens only to errors is on the heap, so that it makes no other request's future larger.
        let (response, unhandled) = match answer {
            Ok(response) => (response, None),
            Err(error) => Box::pin(self.answer_error(ctx, error)).await,
        };
        ctx.set_error(unhandled);
        ctx.set_response(response);
        let processed = catch(pin!(self.process_response(ctx))).await;
        let late = match processed {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Late::Session(error)),
            Err(error) => Some(Late::Hook(error)),
        };
        if let Some(late) = late {
            Box::pin(self.recover(ctx, late)).await;
        }
        ctx.send(|| RequestFinished);
        let response = finish_response(ctx);
        hand_over(ctx);
        response
    }

    async fn recover(&self, ctx: &mut Context, late: Late) {
        let (response, unhandled) = match late {
            Late::Session(error) => self.answer_error(ctx, error).await,
            Late::Hook(error) => {
                let handled = catch(pin!(async { Ok(self.handle_unhandled(ctx, Arc::new(error)).await) })).await;
                handled.unwrap_or_else(|error| last_resort(ctx, error))
            }
        };
        ctx.set_error(unhandled);
        ctx.set_response(response);
        self.process_error_page(ctx).await;
    }

    /// Steps 1 to 7: everything that can answer.
    async fn dispatch(&self, ctx: &mut Context) -> Result<Response> {
        hosts::check(ctx)?; // step 1
        self.match_request(ctx); // step 2
        if !self.sessions().is_ready() {
            ctx.open_session().await?; // step 3
        }
        ctx.send(|| RequestStarted);
        match self.preprocess(ctx).await? {
            Some(response) => Ok(response),
            None => self.dispatch_request(ctx).await,
        }
    }

    fn match_request(&self, ctx: &mut Context) {
        let request = ctx.request();
        let Some(path) = request.routing_path() else {
            return ctx.set_routing_error(HttpError::new(404).into());
        };
        match MapAdapter::of_request(self.map(), request).find_rule(path, request.method()) {
            Ok(Found { id, args, .. }) => ctx.set_match(id, self.view(id).scope, args),
            Err(no_match) => ctx.set_routing_error(routing_error(no_match)),
        }
    }

    /// Steps 4 and 5.
    async fn preprocess(&self, ctx: &mut Context) -> Result<Option<Response>> {
        let scope = self.scope(ctx.scope());
        for preprocessor in &scope.url_value_preprocessors {
            preprocessor.call(ctx).await?;
        }
        for hook in &scope.before_request {
            let answer = match hook.call(ctx) {
                Answer::Ready(answer) => answer,
                Answer::Later(answer) => answer.await,
            };
            if let Some(response) = answer? {
                return Ok(Some(response));
            }
        }
        Ok(None)
    }

    /// Steps 6 and 7.
    async fn dispatch_request(&self, ctx: &mut Context) -> Result<Response> {
        let view = ctx.rule_id().and_then(|rule| Some((rule, self.view(rule).handler.as_ref()?)));
        if let Some((rule, view)) = view {
            if ctx.request().method() == Method::OPTIONS && self.map().rule(rule).automatic_options {
                return Ok(self.automatic_options(ctx));
            }
            let answer = match view.call(ctx) {
                Answer::Ready(answer) => answer,
                Answer::Later(answer) => answer.await,
            };
            if let Some(response) = answer? {
                return Ok(response);
            }
        }
        // A redirect leads to a rule of this application, so the path does not belong to a mount. A view that passes
        // leaves the request to the mounts, like a path that no rule has.
        let is_redirect = ctx.routing_error().is_some_and(Error::is_reply);
        if !is_redirect && let Some(response) = self.call_mounts(ctx).await? {
            return Ok(response);
        }
        Err(ctx.take_routing_error().unwrap_or_else(|| returned_nothing(ctx)))
    }

    fn automatic_options(&self, ctx: &Context) -> Response {
        let request = ctx.request();
        let adapter = MapAdapter::of_request(self.map(), request);
        let methods = adapter.methods_at(request.routing_path().unwrap_or_default());
        let mut response = Response::default();
        if let Ok(allow) = HeaderValue::from_str(&methods.to_header()) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }

    /// Step 8. The response, and the error if no handler answered it. What handles errors may fail in turn, for instance by an
    /// error whose own text panics; the request is answered all the same.
    async fn answer_error(&self, ctx: &mut Context, error: Error) -> (Response, Option<Arc<Error>>) {
        let handled = catch(pin!(async { Ok(self.handle_error(ctx, error).await) })).await;
        handled.unwrap_or_else(|error| last_resort(ctx, error))
    }

    async fn handle_error(&self, ctx: &mut Context, error: Error) -> (Response, Option<Arc<Error>>) {
        let error = match error.take_reply() {
            None => error,
            Some(reply) => match catch(pin!(reply.respond(ctx))).await {
                Ok(response) => return (response, None),
                Err(error) => error,
            },
        };
        let error = Arc::new(error);
        for handler in self.error_scope(ctx).errors.find(&error) {
            match self.call_error_handler(ctx, &**handler, Arc::clone(&error)).await {
                Ok(Some(response)) => return (response, None),
                Ok(None) => {} // It passed.
                Err(error) => return self.handle_unhandled(ctx, Arc::new(error)).await,
            }
        }
        match error.http().filter(|http| !self.traps().catch(http)) {
            Some(http) => (error_page::http(ctx, http), None),
            None => self.handle_unhandled(ctx, error).await,
        }
    }

    /// The scope whose error handlers are asked: that of the rule, or of a blueprint that wants the errors below its prefix.
    fn error_scope(&self, ctx: &Context) -> &Scope {
        let unmatched = ctx.rule_id().is_none().then(|| ctx.request().routing_path()).flatten();
        let below = unmatched.and_then(|path| scope_of(self.below_prefixes(), path));
        self.scope(below.unwrap_or_else(|| ctx.scope()))
    }

    async fn call_error_handler(
        &self,
        ctx: &mut Context,
        handler: &dyn Handler,
        error: Arc<Error>,
    ) -> Result<Option<Response>> {
        ctx.set_error(Some(error));
        let answer = catch(pin!(handler.call(ctx))).await;
        ctx.set_error(None);
        answer
    }

    /// An error that no handler answers: one log line, and a 500 that a handler for 500 may replace.
    async fn handle_unhandled(&self, ctx: &mut Context, error: Arc<Error>) -> (Response, Option<Arc<Error>>) {
        ctx.send(|| GotRequestException::with(&error));
        log_error(ctx, &error);
        let page = error_page::unhandled(ctx, &error);
        if error_page::shows_details(ctx) || self.traps().propagates {
            // A developer or a test wants to see what happened; Flask's debugger comes before a handler for 500 too.
            return (page, Some(error));
        }
        let internal = Arc::new(Error::from(HttpError::internal(Arc::clone(&error))));
        for handler in self.error_scope(ctx).errors.find(&internal) {
            match self.call_error_handler(ctx, &**handler, Arc::clone(&internal)).await {
                Ok(Some(response)) => return (response, Some(error)),
                Ok(None) => {}
                Err(error) => {
                    log_error(ctx, &error);
                    break;
                }
            }
        }
        (page, Some(error))
    }

    /// Steps 9 and 10. The inner result is the session's.
    async fn process_response(&self, ctx: &mut Context) -> Result<Result<()>> {
        for hook in ctx.take_after_this_request() {
            call_after(ctx, &*hook).await?;
        }
        for hook in &self.scope(ctx.scope()).after_request {
            call_after(ctx, &**hook).await?;
        }
        Ok(self.save_session(ctx).await)
    }

    /// Steps 9 and 10 once more, for the page that reports what failed in them. Every hook runs, because the
    /// last of them adds the security headers; what fails now is only logged.
    async fn process_error_page(&self, ctx: &mut Context) {
        let hooks = self.scope(ctx.scope()).after_request.iter();
        for hook in ctx.take_after_this_request().iter().chain(hooks) {
            let called = catch(pin!(call_after(ctx, &**hook))).await;
            if let Err(error) = called {
                log_error(ctx, &error);
            }
            if ctx.response().is_none() {
                ctx.set_response(error_page::http(ctx, &HttpError::new(500)));
            }
        }
        let saved = catch(pin!(self.save_session(ctx))).await;
        if let Err(error) = saved {
            log_error(ctx, &error);
        }
    }

    async fn save_session(&self, ctx: &mut Context) -> Result<()> {
        for cookie in ctx.take_cookies() {
            ctx.response_mut().headers_mut().append(header::SET_COOKIE, cookie);
        }
        ctx.g_mut().check_kept()?;
        if ctx.shares_session() {
            return Ok(());
        }
        let session = match ctx.opened_session() {
            Some(session) => session.clone(),
            None if self.sessions().may_need_refresh(ctx.request()) => ctx.session().clone(),
            None => return Ok(()),
        };
        if !session.begin_to_save()? {
            return Ok(());
        }
        let saved = match self.sessions().save(&session, ctx.response_mut()) {
            Answer::Ready(saved) => saved,
            Answer::Later(saving) => saving.await,
        };
        if session.is_accessed()
            || ctx.response().is_some_and(|response| response.headers().contains_key(header::SET_COOKIE))
        {
            ctx.response_mut().keep_private();
        }
        saved
    }
}

/// Answers the request of `ctx` and ends its functions: steps 1 to 12.
pub(crate) fn respond_in(ctx: Context) -> impl Future<Output = (Response, Ending)> + Send + 'static {
    let mut ending = Ending::new(ctx);
    async move {
        let app = ending.begin().app().clone();
        let response = app.full_dispatch(ending.ctx()).await;
        if ending.ctx().owes_teardown() {
            app.end(ending.ctx()).await; // step 12
        }
        ending.release(&response);
        (response, ending)
    }
}

/// What failed after the view.
enum Late {
    /// A function that runs after it: a 500, whatever it says, as in Flask.
    Hook(Error),
    /// The session. Its store says what is answered, whether it is opened or saved.
    Session(Error),
}

async fn call_after(ctx: &mut Context, hook: &dyn Handler) -> Result<()> {
    let answer = match hook.call(ctx) {
        Answer::Ready(answer) => answer,
        Answer::Later(answer) => answer.await,
    };
    match answer? {
        Some(response) => {
            ctx.set_response(response);
            Ok(())
        }
        None if ctx.response().is_some() => Ok(()),
        None => Err(Error::msg("an after_request function took the response and did not return it; return it")),
    }
}

/// A view answers, except where it leaves the request to a mount.
fn returned_nothing(ctx: &Context) -> Error {
    match ctx.endpoint() {
        Some(view) => {
            Error::msg(format!("the view `{view}` returned nothing; return a response, or an error like 404"))
        }
        None => HttpError::new(404).into(),
    }
}

/// Why no rule matched, or to where another URL leads. A redirect is kept like an error, and answered with 308, so that
/// a form keeps its method; no error handler sees it.
fn routing_error(no_match: NoMatch) -> Error {
    match no_match {
        NoMatch::NotFound => HttpError::new(404).into(),
        NoMatch::MethodNotAllowed(methods) => {
            let methods: MethodSet = methods.into_iter().collect();
            HttpError::new(405).header("allow", methods.to_header()).into()
        }
        NoMatch::WebSocketMismatch => HttpError::new(400)
            .description("This address is for WebSockets alone, or not for them; the request is of the other kind.")
            .into(),
        NoMatch::Redirect(address) => match redirect_response(&address, StatusCode::PERMANENT_REDIRECT) {
            Ok(response) => response.into(),
            Err(error) => error,
        },
    }
}

/// Awaits `future`; a panic in it is an error.
async fn catch<T>(future: Pin<&mut impl Future<Output = Result<T>>>) -> Result<T> {
    panics::catch_in(future).await?
}

/// The answer where even the handling of an error failed. No code of the application takes part in it.
#[cold]
fn last_resort(ctx: &Context, error: Error) -> (Response, Option<Arc<Error>>) {
    let error = Arc::new(error);
    ctx.send(|| GotRequestException::with(&error));
    log_error(ctx, &error);
    (error_page::http(ctx, &HttpError::new(500)), Some(error))
}

/// Step 11.
fn finish_response(ctx: &mut Context) -> Response {
    let response = ctx.take_response().unwrap_or_else(|| Response::default().with_status(500));
    if response.longest_cookie() > ctx.app().limits().max_cookie_size {
        warn_of_cookies(ctx, &response);
    }
    fit_body(ctx.request().method(), response)
}

/// HEAD has the headers of GET and no body; 1xx, 204 and 304 have none at all (RFC 9110 §6.4.1).
fn fit_body(method: &Method, mut response: Response) -> Response {
    let status = response.status();
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::empty();
    } else if status == StatusCode::NOT_MODIFIED {
        remove_entity_headers(response.headers_mut());
        *response.body_mut() = Body::empty();
    } else if method == Method::HEAD {
        let length = response.body().size_hint().exact();
        if let Some(length) = length.filter(|_| !response.headers().contains_key(header::CONTENT_LENGTH)) {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        *response.body_mut() = Body::empty();
    }
    response
}

/// What describes a body that is not sent, except where it is and how long it is fresh.
fn remove_entity_headers(headers: &mut HeaderMap) {
    const ENTITY: [HeaderName; 7] = [
        header::ALLOW,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::LAST_MODIFIED,
    ];
    for name in ENTITY {
        headers.remove(name);
    }
}
