//! How functions are connected to signals, and those of a request's life: Flask's, by their names.

use std::any::type_name;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use crate::app::App;
use crate::app::freezing::Freezing;
use crate::app::scope::Check;
use crate::app::signal::Signal;
use crate::base::error::Error;
use crate::context::Context;

impl App {
    /// Calls `receiver` each time the signal is sent in this application; the signal is the type that it takes. Flask's
    /// `signal.connect(receiver, app)`.
    ///
    /// Receivers look and do not touch: they are told with the context at hand, one after the other in the order of their
    /// registration, in the middle of what sends the signal. So they must be quick, and cannot be async. One that panics
    /// is logged, and takes nothing away from the request.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::signals::{GotRequestException, RequestFinished};
    ///
    /// let app = App::new("doc", ".")
    ///     .connect(|ctx, _: &RequestFinished| {
    ///         let status = ctx.response().map(Response::status);
    ///         println!("{} {status:?}", ctx.request().path());
    ///     })
    ///     .connect(|_, sent: &GotRequestException| eprintln!("to be reported: {:?}", sent.error()));
    /// # assert_eq!(app.test_client().get("/").send_blocking().status(), 404);
    /// ```
    #[track_caller]
    pub fn connect<S: Signal>(mut self, receiver: impl Fn(&Context, &S) + Send + Sync + 'static) -> App {
        self.signals.connect(receiver);
        let what = format!("the function that is connected to `{}`", type_name::<S>());
        self.checked.push((Box::new(Sent::<S>(PhantomData)), what, Location::caller()));
        self
    }
}

/// Whether a signal is sent at all.
struct Sent<S>(PhantomData<fn() -> S>);

impl<S: Signal> Check for Sent<S> {
    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        S::check(freezing)
    }
}

macro_rules! moments {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub struct $name;

        impl Signal for $name {})*
    };
}

moments! {
    /// A context has begun: for a request, before anything else of the application runs; for a command; for a function of
    /// the start or the end. Flask's `appcontext_pushed`.
    AppcontextPushed;
    /// The rule is matched, and no function of the request has run yet. Flask's `request_started`.
    RequestStarted;
    /// The response is complete, and the session is saved: [`Context::response`](crate::Context::response) has it. Of a
    /// body that is still to be produced nothing is known yet; [`on_finished`](crate::App::on_finished) is told when that
    /// has ended. Flask's `request_finished`.
    RequestFinished;
    /// A context has ended. It is the last that is told of it. Flask's `appcontext_popped`.
    AppcontextPopped;
}

macro_rules! endings {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            error: Option<Arc<Error>>,
        }

        impl $name {
            pub(crate) fn with(error: Option<&Arc<Error>>) -> $name {
                $name { error: error.cloned() }
            }

            /// The error that no handler answered, if there was one.
            pub fn error(&self) -> Option<&Error> {
                self.error.as_deref()
            }
        }

        impl Signal for $name {})*
    };
}

endings! {
    /// The functions of [`teardown_request`](crate::extension::Scaffold::teardown_request) have run. Flask's
    /// `request_tearing_down`.
    RequestTearingDown;
    /// The functions of [`teardown_appcontext`](crate::App::teardown_appcontext) have run. Flask's
    /// `appcontext_tearing_down`.
    AppcontextTearingDown;
}

/// An error that no error handler answers: it becomes a 500. An HTTP error is an answer and sends nothing. Flask's
/// `got_request_exception`.
#[derive(Clone, Debug)]
pub struct GotRequestException {
    error: Arc<Error>,
}

impl GotRequestException {
    pub(crate) fn with(error: &Arc<Error>) -> GotRequestException {
        GotRequestException { error: Arc::clone(error) }
    }

    /// The error.
    pub fn error(&self) -> &Error {
        &self.error
    }

    pub(crate) fn shared(&self) -> &Arc<Error> {
        &self.error
    }
}

impl Signal for GotRequestException {}
