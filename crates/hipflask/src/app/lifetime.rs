//! What runs around the requests of an application: at the start, at the end, and when each has ended.

use std::panic::Location;
use std::sync::Arc;

use crate::app::App;
use crate::app::finished::Finished;
use crate::app::frozen::Shutdown;
use crate::app::scaffold::Scaffold;
use crate::app::scope::Hook;
use crate::handler::into_callback::IntoCallback;
use crate::handler::into_handler::IntoHandler;

impl App {
    /// Calls `f` for every request that has ended: its body was sent, or its client has gone. For metrics and
    /// logs; the access log is one. It runs on the thread of the connection, so it must be quick.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// #[derive(Default)]
    /// struct Sent(AtomicU64);
    ///
    /// let app = App::new("doc", ".")
    ///     .add_url_rule(Rule::new("/"), async || "Hello!")
    ///     .insert_state(Sent::default())
    ///     .on_finished(|finished| {
    ///         if let Some(sent) = finished.state::<Sent>() {
    ///             sent.0.fetch_add(finished.bytes(), Relaxed);
    ///         }
    ///     });
    /// let client = app.test_client();
    /// client.get("/").send_blocking();
    /// assert_eq!(client.app().state::<Sent>().map(|sent| sent.0.load(Relaxed)), Some(6));
    /// ```
    pub fn on_finished(mut self, f: impl Fn(&Finished<'_>) + Send + Sync + 'static) -> App {
        self.on_finished.push(Arc::new(f));
        self
    }

    /// Runs `f` at the end of every context: of a request, after its `teardown_request` functions; of a command; of a
    /// function of the start or the end. The last registered runs first, and if one fails or panics, that is logged, and
    /// the others run all the same. The error that no handler answered is an argument, `Option<Caught<Error>>`. Flask's
    /// `teardown_appcontext`.
    ///
    /// What a value in [`g`](crate::Context::g) closes when it is dropped needs no such function.
    ///
    /// ```
    /// use hipflask::errors::Caught;
    /// use hipflask::prelude::*;
    ///
    /// async fn close(ctx: &mut Context, error: Option<Caught<Error>>) {
    ///     let of = if ctx.has_request() { "a request" } else { "a command" };
    ///     println!("{of} has ended, and {}", if error.is_some() { "failed" } else { "all is well" });
    /// }
    ///
    /// let app = App::new("doc", ".").teardown_appcontext(close);
    /// # assert_eq!(app.test_client().get("/").send_blocking().status(), 404);
    /// ```
    #[track_caller]
    pub fn teardown_appcontext<M>(mut self, f: impl IntoCallback<(), M>) -> App {
        let callback = f.into_callback();
        self.check_callback(&callback, "the teardown_appcontext function");
        self.teardown_appcontext.push(callback);
        self
    }

    /// Runs `f` before the first request is served: to connect, to migrate. The functions run one after the other, in the
    /// order of their registration. If one fails, or takes longer than `STARTUP_TIMEOUT`, nothing is served, and what had
    /// started is stopped.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// async fn connect(config: Config) -> Result<()> {
    ///     let server: String = config.get("MAIL_SERVER")?;
    ///     println!("connected to {server}");
    ///     Ok(())
    /// }
    ///
    /// let app = App::new("doc", ".").config("MAIL_SERVER", "mail.example").on_startup(connect).on_shutdown(|| println!("bye"));
    /// # let app = app.freeze().unwrap();
    /// # hipflask::block_on(async { app.start().await.unwrap(); app.stop().await.unwrap(); });
    /// ```
    #[track_caller]
    pub fn on_startup<M>(mut self, f: impl IntoHandler<M>) -> App {
        let handler = f.into_handler();
        self.check_handler(&handler, "the on_startup function");
        self.on_startup.push(Hook { handler, location: Location::caller() });
        self
    }

    /// Runs `f` after the last request was served, the last registered first, whatever else fails. It does not run if a
    /// function that was registered [`on_startup`](App::on_startup) before it has not. One that takes longer than
    /// `SHUTDOWN_TIMEOUT` is given up, and reported like one that fails.
    #[track_caller]
    pub fn on_shutdown<M>(mut self, f: impl IntoHandler<M>) -> App {
        let handler = f.into_handler();
        self.check_handler(&handler, "the on_shutdown function");
        let hook = Hook { handler, location: Location::caller() };
        self.on_shutdown.push(Shutdown { hook, after: self.on_startup.len() });
        self
    }
}
