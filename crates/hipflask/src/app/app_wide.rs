//! What a blueprint adds to the application that it is registered in: Flask's `before_app_request` and the others.

use std::panic::Location;
use std::sync::Arc;

use crate::app::App;
use crate::app::blueprint::{Blueprint, BlueprintSetupState};
use crate::app::frozen::Command;
use crate::app::scaffold::Scaffold;
use crate::app::scope::Hook;
use crate::context::Context;
use crate::handler::into_callback::IntoCallback;
use crate::handler::into_error_handler::IntoErrorHandler;
use crate::handler::into_handler::IntoHandler;

/// For the whole application. A blueprint that is registered several times adds these once.
impl Blueprint {
    /// Runs `f` before every view of the application. See [`Scaffold::before_request`], for which its place among the
    /// application's own functions is that of [`register_blueprint`](App::register_blueprint).
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn closed(ctx: &mut Context) -> Option<(Status, &'static str)> {
    ///     ctx.request().args().get("late").map(|_| (Status::SERVICE_UNAVAILABLE, "closed"))
    /// }
    ///
    /// let hours = Blueprint::new("hours").before_app_request(closed);
    /// let app = App::new("doc", ".").register_blueprint(hours).add_url_rule(Rule::new("/"), async || "open");
    /// assert_eq!(app.test_client().get("/?late").send_blocking().text(), "closed");
    /// ```
    #[track_caller]
    pub fn before_app_request<M>(self, f: impl IntoHandler<M>) -> Blueprint {
        let hook = Hook { handler: f.into_handler(), location: Location::caller() };
        self.add_once(|app| app.scaffold().before_request.push(hook))
    }

    /// Runs `f` after every view of the application. See [`Scaffold::after_request`].
    #[track_caller]
    pub fn after_app_request<M>(self, f: impl IntoHandler<M>) -> Blueprint {
        let hook = Hook { handler: f.into_handler(), location: Location::caller() };
        self.add_once(|app| app.scaffold().after_request.push(hook))
    }

    /// Runs `f` at the end of every request of the application. See [`Scaffold::teardown_request`].
    #[track_caller]
    pub fn teardown_app_request<M>(self, f: impl IntoCallback<(), M>) -> Blueprint {
        let teardown = f.into_callback();
        self.add_once(|app| app.scaffold().teardown_request.push(teardown))
    }

    /// Runs `f` right after the rule of any request has matched. See [`Scaffold::url_value_preprocessor`].
    #[track_caller]
    pub fn app_url_value_preprocessor<M>(self, f: impl IntoHandler<M>) -> Blueprint {
        let hook = Hook { handler: f.into_handler(), location: Location::caller() };
        self.add_once(|app| app.scaffold().url_value_preprocessors.push(hook))
    }

    /// Lets `f` add values to every URL of the application. See [`Scaffold::url_defaults`].
    pub fn app_url_defaults(
        self,
        f: impl Fn(&Context, &str, &mut Vec<(String, String)>) + Send + Sync + 'static,
    ) -> Blueprint {
        self.add_once(|app| app.scaffold().url_defaults.push(Arc::new(f)))
    }

    /// Adds an error handler for the whole application, for requests of which no rule is known too. See
    /// [`Scaffold::errorhandler`].
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[errorhandler(404)]
    /// async fn missing() -> (Status, &'static str) {
    ///     (Status::NOT_FOUND, "no such page")
    /// }
    ///
    /// let pages = Blueprint::new("pages").app_errorhandler(missing);
    /// let client = App::new("doc", ".").register_blueprint(pages).test_client();
    /// assert_eq!(client.get("/nowhere").send_blocking().text(), "no such page");
    /// ```
    #[track_caller]
    pub fn app_errorhandler<M>(self, handler: impl IntoErrorHandler<M>) -> Blueprint {
        let handler = handler.into_error_handler();
        self.add_once(|app| app.scaffold().error_handlers.push(handler))
    }

    fn add_once(self, add: impl FnOnce(&mut App) + Send + 'static) -> Blueprint {
        self.record_once(|mut app, _| {
            add(&mut app);
            app
        })
    }

    /// Runs `f` each time this blueprint is registered, with the application and where in it that is. Whatever an extension
    /// can do it can do too.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// fn news() -> Blueprint {
    ///     Blueprint::new("news").record(|app, state| {
    ///         let prefix = state.url_prefix().to_owned();
    ///         app.template_global(format!("prefix_of_{}", state.name()), move || prefix.clone())
    ///     })
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .register_blueprint(news().url_prefix("/news"))
    ///     .register_blueprint(news().named("old").url_prefix("/old"));
    /// # app.freeze().unwrap();
    /// ```
    pub fn record(mut self, f: impl FnOnce(App, &BlueprintSetupState) -> App + Send + 'static) -> Blueprint {
        self.recorded.push(Box::new(f));
        self
    }

    /// Runs `f` when this blueprint is registered for the first time. The same blueprint is one that was
    /// [made](Blueprint::new) in the same line, and under the same name, whatever it was [named](Blueprint::named) later.
    pub fn record_once(self, f: impl FnOnce(App, &BlueprintSetupState) -> App + Send + 'static) -> Blueprint {
        self.record(|app, state| if state.is_first_registration() { f(app, state) } else { app })
    }

    /// Adds a command to the application's binary, under the name of this blueprint: `blog.seed`. See
    /// [`App::command`]; [`cli_group`](Blueprint::cli_group) says another name.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// let blog = Blueprint::new("blog").command("seed", "Writes some posts.", async || "three posts");
    /// let app = App::new("doc", ".").register_blueprint(blog).freeze()?;
    /// assert_eq!(hipflask::block_on(app.run_command("blog.seed", [""; 0]))?, "three posts");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn command<M>(self, name: impl Into<String>, about: impl Into<String>, f: impl IntoHandler<M>) -> Blueprint {
        let (name, about, handler) = (name.into(), about.into(), f.into_handler());
        let location = Location::caller();
        self.record(move |mut app, state| {
            let name = state.cli_group().map_or_else(|| name.clone(), |group| format!("{group}.{name}"));
            app.checked.push((Box::new(Arc::clone(&handler)), format!("the command `{name}`"), location));
            app.commands.push(Command { name, about, handler, starts: true, app: None });
            app
        })
    }
}
