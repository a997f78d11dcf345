//! What can be mounted into an application.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::handler::Handler;
use crate::handler::into_handler::IntoHandler;

impl App {
    /// Offers `handler` every request under `prefix` that no rule of the application has: another application, a
    /// function, anything that is a [`Handler`]. A path that is a slash away from a rule's is the application's own,
    /// and redirects; a method that no rule of a path has goes to the mount. The longest prefix is tried first; a
    /// handler that passes leaves the request to the next.
    ///
    /// The hooks of this application run before it and after it, so its answers have the headers of this one that they do
    /// not set themselves. [`mount_first`](App::mount_first) gives it every path, and leaves its answers as they are.
    ///
    /// A mounted application starts and stops with this one, and its commands are this one's under its name: the command
    /// `seed` of an application `shop` is `shop.seed`.
    #[track_caller]
    pub fn mount<M>(self, prefix: impl Into<String>, handler: impl IntoMount<M>) -> App {
        self.add_mount(prefix.into(), handler.into_mount().0, false)
    }

    /// Gives `handler` every request under `prefix`, before the rules and the hooks of this application: no check, no
    /// session, no header of this one is added to what it answers. Werkzeug's `DispatcherMiddleware`. Where it passes, the
    /// request is this application's.
    ///
    /// An application that is mounted so checks its requests itself. Anything else is called after this one's check of the
    /// host (`TRUSTED_HOSTS`), and what it fails with is answered by this one's error handlers. What is
    /// [wrapped](App::wrap) around this application is around it too; otherwise it is mounted as by [`mount`](App::mount).
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn closed() -> Result<()> {
    ///     abort!(503, "The shop is closed.")
    /// }
    ///
    /// let api = App::new("api", ".").add_url_rule(Rule::new("/users"), async || "users");
    /// let shop = App::new("shop", ".")
    ///     .add_url_rule(Rule::new("/<path:page>"), async || "a page")
    ///     .before_request(closed)
    ///     .mount_first("/api", api);
    /// let client = shop.test_client();
    /// assert_eq!(client.get("/api/users").send_blocking().text(), "users");
    /// assert_eq!(client.get("/about").send_blocking().status(), 503);
    /// ```
    #[track_caller]
    pub fn mount_first<M>(self, prefix: impl Into<String>, handler: impl IntoMount<M>) -> App {
        self.add_mount(prefix.into(), handler.into_mount().0, true)
    }

    #[track_caller]
    fn add_mount(mut self, prefix: String, mounted: Mounted, is_first: bool) -> App {
        if let Mounted::Handler(handler) = &mounted {
            self.check_handler(handler, format!("the function mounted at `{prefix}`"));
        }
        self.mounts.push(Mounting { prefix, mounted, is_first, location: Location::caller() });
        self
    }
}

/// What is mounted where, and the line that said so.
pub(crate) struct Mounting {
    pub(super) prefix: String,
    pub(super) mounted: Mounted,
    /// Whether it comes before the application's own rules and hooks.
    pub(super) is_first: bool,
    pub(super) location: &'static Location<'static>,
}

pub(crate) enum Mounted {
    Handler(Arc<dyn Handler>),
    App(Box<App>),
    /// One that was frozen separately.
    Frozen(Frozen),
}

/// What can be mounted: another [`App`], or anything that can be a handler, for instance a plain function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be mounted",
    label = "neither an application nor a handler",
    note = "mount another `App`, something that is a `Handler`, or a function whose arguments are `FromContext`"
)]
pub trait IntoMount<Marker> {
    #[doc(hidden)]
    fn into_mount(self) -> Mount;
}

/// Something to be mounted.
#[doc(hidden)]
pub struct Mount(pub(crate) Mounted);

impl std::fmt::Debug for Mount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mount")
    }
}

#[diagnostic::do_not_recommend]
impl IntoMount<App> for App {
    fn into_mount(self) -> Mount {
        Mount(Mounted::App(Box::new(self)))
    }
}

#[diagnostic::do_not_recommend]
impl<M, H: IntoHandler<M> + 'static> IntoMount<(M,)> for H {
    fn into_mount(self) -> Mount {
        // An application is a handler like others, but it has to be started and stopped.
        match (&self as &dyn Any).downcast_ref::<Frozen>() {
            Some(frozen) => Mount(Mounted::Frozen(frozen.clone())),
            None => Mount(Mounted::Handler(self.into_handler())),
        }
    }
}
