//! What an application and a blueprint have in common: routes, hooks, error handlers.

use std::any::TypeId;
use std::panic::Location;
use std::sync::Arc;

use crate::app::endpoints::Endpoint;
use crate::app::scope::{Checked, Hook, UrlDefaults};
use crate::base::catches::Catches;
use crate::base::options::Options;
use crate::base::status::IntoStatus;
use crate::context::Context;
use crate::handler::Handler;
use crate::handler::callback::Callback;
use crate::handler::error_handler::ErrorHandler;
use crate::handler::into_callback::IntoCallback;
use crate::handler::into_error_handler::IntoErrorHandler;
use crate::handler::into_handler::IntoHandler;
use crate::routing::rule::Rule;
use crate::routing::rule::ViewId;

/// A rule and the view behind it: what [`routes!`](crate::routes) lists.
#[derive(Clone)]
pub struct Route {
    pub(crate) rule: Rule,
    pub(crate) view: Option<Arc<dyn Handler>>,
    pub(crate) name: String,
    pub(crate) id: Option<ViewId>,
    /// The view's type: every function has its own.
    pub(crate) view_type: Option<TypeId>,
    /// What is inside of what was wrapped around the view, to be checked with it.
    pub(crate) inside: Vec<Arc<dyn Handler>>,
}

impl Route {
    /// A route from `rule` to `view`.
    pub fn new<M, V: IntoHandler<M> + 'static>(rule: Rule, view: V) -> Route {
        let name = rule.endpoint.clone().unwrap_or_default();
        let (view, view_type) = (Some(view.into_handler()), Some(TypeId::of::<V>()));
        Route { name, rule, view, id: None, view_type, inside: Vec::new() }
    }

    /// The same, known to [`url_for!`](crate::url_for) as `id`; its name is the endpoint's unless the rule has
    /// one.
    #[must_use]
    pub fn with_id(mut self, id: ViewId) -> Route {
        if self.name.is_empty() {
            id.name.clone_into(&mut self.name);
        }
        self.id = Some(id);
        self
    }

    /// Puts what `around` returns around the view: it is given the view, to call it or not; the last one that is added is
    /// the outermost. What [`App::wrap`](crate::App::wrap) does for an application, and a decorator for a view of Flask. In
    /// a route attribute it is the option `wrap = around`.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use hipflask::extension::Handler;
    /// use hipflask::prelude::*;
    ///
    /// /// Tells caches that an answer is fresh for a minute.
    /// fn cached(view: Arc<dyn Handler>) -> impl Fn(&mut Context) -> hipflask::extension::BoxFuture<'_, Result<Option<Response>>> {
    ///     move |ctx| {
    ///         let view = Arc::clone(&view);
    ///         Box::pin(async move {
    ///             let answer = view.call(ctx).await?;
    ///             answer.map(|response| response.with_header("cache-control", "max-age=60")).transpose()
    ///         })
    ///     }
    /// }
    ///
    /// #[get("/", wrap = cached)]
    /// async fn index() -> &'static str {
    ///     "Hello!"
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![index]).test_client();
    /// assert_eq!(client.get("/").send_blocking().header("cache-control"), Some("max-age=60"));
    /// ```
    #[must_use]
    pub fn wrap<M, H: IntoHandler<M>>(mut self, around: impl FnOnce(Arc<dyn Handler>) -> H) -> Route {
        if let Some(view) = self.view.take() {
            self.inside.push(Arc::clone(&view));
            self.view = Some(around(view).into_handler());
        }
        self
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("rule", &self.rule.text).field("name", &self.name).finish()
    }
}

/// What was registered on an application or a blueprint.
#[derive(Default)]
pub struct ScaffoldParts {
    pub(crate) routes: Vec<Route>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) before_request: Vec<Hook>,
    pub(crate) after_request: Vec<Hook>,
    pub(crate) teardown_request: Vec<Callback<()>>,
    pub(crate) url_value_preprocessors: Vec<Hook>,
    pub(crate) url_defaults: Vec<UrlDefaults>,
    pub(crate) error_handlers: Vec<ErrorHandler>,
    pub(crate) options: Options,
    /// Callbacks that are registered as options.
    pub(crate) checked: Vec<Checked>,
}

impl std::fmt::Debug for ScaffoldParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScaffoldParts").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// The setup methods that an [`App`](crate::App) and a [`Blueprint`](crate::Blueprint) share. Flask's class of
/// that name.
///
/// On a blueprint they are for the requests that one of its rules, or one of its children's, matches.
pub trait Scaffold: Sized {
    #[doc(hidden)]
    fn scaffold(&mut self) -> &mut ScaffoldParts;

    /// Adds the views that [`routes!`](crate::routes) lists.
    fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.scaffold().routes.extend(routes);
        self
    }

    /// Adds one rule for one view, without macros. The endpoint is the rule's; without one it is the rule's
    /// text.
    fn add_url_rule<M>(mut self, rule: Rule, view: impl IntoHandler<M> + 'static) -> Self {
        let mut route = Route::new(rule, view);
        if route.name.is_empty() {
            route.rule.text.clone_into(&mut route.name);
        }
        self.scaffold().routes.push(route);
        self
    }

    /// Adds a rule apart from a view: one that redirects, or only builds URLs, or whose endpoint has its view from
    /// another rule or by [`endpoint`](Scaffold::endpoint). Without a view, the application does not start.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".")
    ///     .add_rule(Rule::new("/about").endpoint("about"))
    ///     .add_rule(Rule::new("/info").redirect_to("/about"))
    ///     .add_rule(Rule::new("/cdn/<path:file>").endpoint("cdn").build_only(true))
    ///     .endpoint("about", async || "about us");
    /// assert_eq!(app.test_client().get("/about").send_blocking().text(), "about us");
    /// ```
    fn add_rule(mut self, rule: Rule) -> Self {
        let name = rule.endpoint.clone().unwrap_or_else(|| rule.text.clone());
        self.scaffold().routes.push(Route { rule, view: None, name, id: None, view_type: None, inside: Vec::new() });
        self
    }

    /// Gives the rules with this endpoint that have no view of their own a view. Flask's `@app.endpoint("name")`. See
    /// [`add_rule`](Scaffold::add_rule).
    #[track_caller]
    fn endpoint<M, V: IntoHandler<M> + 'static>(mut self, endpoint: impl Into<String>, view: V) -> Self {
        let location = Location::caller();
        let endpoint =
            Endpoint { name: endpoint.into(), view: view.into_handler(), view_type: TypeId::of::<V>(), location };
        self.scaffold().endpoints.push(endpoint);
        self
    }

    /// Runs `f` before the view. If it answers, neither the functions after it nor the view run.
    #[track_caller]
    fn before_request<M>(mut self, f: impl IntoHandler<M>) -> Self {
        let hook = Hook { handler: f.into_handler(), location: Location::caller() };
        self.scaffold().before_request.push(hook);
        self
    }

    /// Runs `f` after the view, the last registered first. It changes the response in place
    /// ([`Context::response_mut`]), or takes a [`Response`](crate::Response) and gives one back.
    #[track_caller]
    fn after_request<M>(mut self, f: impl IntoHandler<M>) -> Self {
        let hook = Hook { handler: f.into_handler(), location: Location::caller() };
        self.scaffold().after_request.push(hook);
        self
    }

    /// Runs `f` at the very end, whatever happened. It can no longer answer; if it fails or panics, that is logged, and
    /// the others run all the same. The error that no handler answered is an argument, `Option<Caught<Error>>`.
    ///
    /// ```
    /// use hipflask::errors::Caught;
    /// use hipflask::prelude::*;
    ///
    /// async fn report(config: Config, error: Option<Caught<Error>>) -> Result<()> {
    ///     if let Some(error) = error {
    ///         println!("{} failed: {}", config.get::<String>("SITE")?, error.chain().count());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let app = App::new("doc", ".").config("SITE", "the site").teardown_request(report);
    /// # assert_eq!(app.test_client().get("/").send_blocking().status(), 404);
    /// ```
    #[track_caller]
    fn teardown_request<M>(mut self, f: impl IntoCallback<(), M>) -> Self {
        self.scaffold().teardown_request.push(f.into_callback());
        self
    }

    /// Has the arguments of `callback` checked when the application is frozen, as those of a hook are; `what` is its name
    /// in messages. For an extension that keeps functions of the program and calls them itself.
    fn check_callback<T: 'static>(&mut self, callback: &Callback<T>, what: impl Into<String>) {
        self.scaffold().checked.push((Box::new(callback.clone()), what.into(), callback.location()));
    }

    /// Runs `f` right after a rule has matched, before the hooks, to take values out of
    /// [`Context::view_args_mut`], for instance a language.
    #[track_caller]
    fn url_value_preprocessor<M>(mut self, f: impl IntoHandler<M>) -> Self {
        let hook = Hook { handler: f.into_handler(), location: Location::caller() };
        self.scaffold().url_value_preprocessors.push(hook);
        self
    }

    /// Lets `f` add values to every URL that is built: it gets the endpoint and the values so far. URLs are built in the
    /// middle of a view or a page, so it runs in place, must not block, and cannot be async; if it panics, the URL is not
    /// built.
    fn url_defaults(mut self, f: impl Fn(&Context, &str, &mut Vec<(String, String)>) + Send + Sync + 'static) -> Self {
        self.scaffold().url_defaults.push(Arc::new(f));
        self
    }

    /// Adds an error handler that `#[errorhandler]` has made.
    #[track_caller]
    fn errorhandler<M>(mut self, handler: impl IntoErrorHandler<M>) -> Self {
        let handler = handler.into_error_handler();
        self.scaffold().error_handlers.push(handler);
        self
    }

    /// Answers errors of a status with `f`, without a macro. The answer's status is 200 unless `f` says so: put
    /// the error's own beside it.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// async fn missing(error: HttpError) -> (Status, String) {
    ///     (error.status(), format!("no luck: {}", error.name()))
    /// }
    ///
    /// let client = App::new("doc", ".").register_error_handler(404, missing).test_client();
    /// assert_eq!(client.get("/x").send_blocking().text(), "no luck: Not Found");
    /// ```
    ///
    /// # Panics
    ///
    /// If `status` is not the status of an error.
    #[track_caller]
    fn register_error_handler<M>(mut self, status: impl IntoStatus, f: impl IntoHandler<M>) -> Self {
        let handler = ErrorHandler::new(Catches::status(status), f);
        self.scaffold().error_handlers.push(handler);
        self
    }

    /// Gives every rule of it an option: a value that an extension reads before the view runs, by its type
    /// ([`Context::option`]). One that a rule or an inner blueprint has itself is further inside, and comes first.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::security::CsrfExempt;
    ///
    /// let api = Blueprint::new("api").url_prefix("/api").with(CsrfExempt);
    /// ```
    #[track_caller]
    fn with<T: Send + Sync + 'static>(mut self, option: T) -> Self {
        self.scaffold().options.push(option);
        self
    }
}
