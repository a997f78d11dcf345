//! Signals: what happens, told to whoever wants to know. Flask's, which are blinker's.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use crate::app::freezing::Freezing;
use crate::base::panics;
use crate::context::Context;
use crate::context::session::Session;

/// Something that happens and is told to every function that is [connected](crate::App::connect) to it. Its type is the signal,
/// its fields are what the functions are told.
///
/// An extension makes its own by implementing this for a type, and sends it with [`Context::send`], or with
/// [`Session::send`](crate::Session::send) where it has only the session.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// use hipflask::Rule;
/// use hipflask::prelude::*;
/// use hipflask::signals::Signal;
///
/// /// A mail was sent.
/// struct MailSent {
///     to: String,
/// }
///
/// impl Signal for MailSent {}
///
/// #[derive(Default)]
/// struct Count(AtomicU32);
///
/// async fn invite(ctx: &mut Context) -> &'static str {
///     ctx.send(|| MailSent { to: "ada@example.org".to_owned() });
///     "invited"
/// }
///
/// let app = App::new("doc", ".")
///     .insert_state(Count::default())
///     .connect(|ctx, sent: &MailSent| {
///         assert_eq!((ctx.request().path(), sent.to.as_str()), ("/invite", "ada@example.org"));
///         ctx.state::<Count>().into_iter().for_each(|count| _ = count.0.fetch_add(1, Relaxed));
///     })
///     .add_url_rule(Rule::new("/invite"), invite);
/// let client = app.test_client();
/// client.get("/invite").send_blocking();
/// assert_eq!(client.app().state::<Count>().map(|count| count.0.load(Relaxed)), Some(1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a signal",
    label = "nothing sends it",
    note = "Flask's signals are in `hipflask::signals`: `|ctx, sent: &RequestFinished| ..`; a type of your own becomes one by `impl Signal for {Self} {{}}`"
)]
pub trait Signal: Send + Sync + 'static {
    /// Reports, when an application with a function for it is frozen, what is missing to send it: an extension that was
    /// not added. A function that nothing calls would go unnoticed.
    ///
    /// # Errors
    ///
    /// Says what is missing and what to do.
    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        let _ = freezing;
        Ok(())
    }
}

type Receiver = Arc<dyn Fn(&Context, &dyn Any) + Send + Sync>;

/// The functions that are connected to signals, in the order in which they were.
#[derive(Clone, Default)]
pub(crate) struct Signals(Vec<(TypeId, Receiver)>);

impl Signals {
    pub(crate) fn connect<S: Signal>(&mut self, receiver: impl Fn(&Context, &S) + Send + Sync + 'static) {
        let receiver = move |ctx: &Context, sent: &dyn Any| {
            if let Some(sent) = sent.downcast_ref() {
                receiver(ctx, sent);
            }
        };
        self.0.push((TypeId::of::<S>(), Arc::new(receiver)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are connected to `S`.
    pub(crate) fn of<S: Signal>(&self) -> impl Iterator<Item = &Receiver> {
        self.0.iter().filter(|(signal, _)| *signal == TypeId::of::<S>()).map(|(_, receiver)| receiver)
    }
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signals({} receivers)", self.0.len())
    }
}

impl Context {
    /// Sends the signal that `make` makes to the functions that are connected to it; if there are none, nothing is made.
    ///
    /// Signals that were sent through the session before come first.
    #[inline]
    pub fn send<S: Signal>(&self, make: impl FnOnce() -> S) {
        if self.hears_signals() {
            self.send_now(make);
        }
    }

    #[cold]
    fn send_now<S: Signal>(&self, make: impl FnOnce() -> S) {
        let waiting = self.opened_session().map(Session::take_signals).unwrap_or_default();
        for waiting in waiting.into_iter().filter_map(|waiting| waiting.downcast::<Waiting>().ok()) {
            waiting(self);
        }
        let observers = self.observers().into_iter().flat_map(|observers| observers.of::<S>());
        let receivers: Vec<&Receiver> = self.app().signals().of::<S>().chain(observers).collect();
        if receivers.is_empty() {
            return;
        }
        let signal = make();
        for receiver in receivers {
            if let Err(panicked) = panics::catch(|| receiver(self, &signal)) {
                let signal = type_name::<S>();
                let request_id = self.request_id();
                tracing::error!(request_id, "a function that is connected to `{signal}` failed: {panicked}");
            }
        }
    }
}

impl Session {
    /// Sends a signal where there is only the session at hand: a function that logs a user in, `flash`. It is told with the
    /// context when that is free again: before the next signal of the request, and at the latest before
    /// [`RequestFinished`](crate::signals::RequestFinished). If nobody is connected to any signal, `make` is not called.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::signals::Signal;
    ///
    /// struct BasketEmptied {
    ///     items: usize,
    /// }
    ///
    /// impl Signal for BasketEmptied {}
    ///
    /// fn empty_basket(session: &Session) {
    ///     let items = session.pop::<Vec<u32>>("basket").unwrap_or_default().len();
    ///     session.send(|| BasketEmptied { items });
    /// }
    /// ```
    pub fn send<S: Signal>(&self, make: impl FnOnce() -> S) {
        if self.state().signals.is_some() {
            let signal = make();
            let waiting: Waiting = Box::new(move |ctx| ctx.send(|| signal));
            self.state().signals.get_or_insert_default().push(Box::new(waiting));
        }
    }
}

/// A signal that was sent where the context was not at hand.
type Waiting = Box<dyn FnOnce(&Context) + Send>;
