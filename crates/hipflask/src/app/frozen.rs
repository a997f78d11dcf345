//! An application that can serve.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::app::below_prefix::BelowPrefix;
use crate::app::course::AfterWork;
use crate::app::finished::OnFinished;
use crate::app::limits::Limits;
use crate::app::scope::{Hook, Scope};
use crate::app::signal::Signals;
use crate::app::traps::Traps;
use crate::app::url_rule::UrlRule;
use crate::base::config::Config;
use crate::base::error::Result;
use crate::base::options::Options;
use crate::base::panics;
use crate::base::type_map::TypeMap;
use crate::context::Context;
use crate::context::session::interface::SessionInterface;
use crate::handler::Handler;
use crate::handler::callback::Callback;
use crate::handler::pool::{Pool, ViewThreads};
use crate::routing::adapter::MapAdapter;
use crate::routing::build::{BuildError, WantedUrl};
use crate::routing::map::Map;
use crate::routing::rule::ViewId;

/// Finds a URL where building one has failed.
pub(crate) type BuildErrorHandler = Arc<dyn Fn(&BuildError, &WantedUrl) -> Option<String> + Send + Sync>;

/// An application that can serve: checked, immutable, cheap to clone. It is a [`Handler`] itself.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::prelude::*;
///
/// let errors = App::new("doc", ".")
///     .add_url_rule(Rule::new("no-slash"), async || "x")
///     .add_url_rule(Rule::new("/<nope:x>"), async || "x")
///     .freeze()
///     .unwrap_err();
/// assert_eq!(errors.iter().count(), 2); // both, each with its line
/// ```
#[derive(Clone)]
pub struct Frozen(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: String,
    pub(super) root_path: PathBuf,
    pub(super) instance_path: PathBuf,
    pub(super) config: Config,
    pub(super) limits: Limits,
    pub(super) traps: Traps,
    pub(super) pool: Pool,
    pub(super) sessions: Box<dyn SessionInterface>,
    pub(super) map: Map,
    /// By the rules' ids.
    pub(super) views: Vec<View>,
    pub(super) view_ids: HashMap<ViewId, Vec<String>>,
    pub(super) scopes: Vec<Scope>,
    /// Whether the end of a context has to be run: there are teardown functions, or signals to be sent.
    pub(super) tears_down: bool,
    /// In the order in which they run.
    pub(super) teardown_appcontext: Vec<Callback<()>>,
    pub(super) signals: Signals,
    /// Those of blueprints.
    pub(super) scopes_by_name: HashMap<String, usize>,
    /// The longest first.
    pub(super) below_prefixes: Vec<BelowPrefix>,
    pub(super) mounts: Vec<MountPoint>,
    /// The application with everything that is wrapped around it, if there is anything.
    pub(super) around: Option<Arc<dyn Handler>>,
    pub(super) build_error_handlers: Vec<BuildErrorHandler>,
    pub(super) state: TypeMap,
    pub(super) on_finished: Vec<OnFinished>,
    /// Its own, and those of the applications mounted in it.
    pub(super) commands: Vec<Command>,
    /// The applications mounted in it, in the order in which they were.
    pub(super) children: Vec<Frozen>,
    pub(super) life: Life,
    pub(super) after_work: AfterWork,
}

impl Frozen {
    /// The name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The application's folder.
    pub fn root_path(&self) -> &Path {
        &self.0.root_path
    }

    /// The folder for what the application writes: its database, uploads. `INSTANCE_PATH`, or `instance`
    /// in the application's folder.
    pub fn instance_path(&self) -> &Path {
        &self.0.instance_path
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The state that an extension has put there.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.0.state.get()
    }

    /// Every rule, in the order in which they were registered. Flask's `url_map.iter_rules()`.
    pub fn rules(&self) -> impl Iterator<Item = UrlRule<'_>> {
        url_rules(&self.0.map, &self.0.views, &self.0.scopes)
    }

    /// The names of its blueprints, those in others too, in the order of their registration: `site`, `site.blog`. Flask's
    /// `app.blueprints`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// let site = Blueprint::new("site").register_blueprint(Blueprint::new("blog"));
    /// let app = App::new("doc", ".").register_blueprint(site).freeze()?;
    /// assert_eq!(app.blueprints().collect::<Vec<_>>(), ["site", "site.blog"]);
    /// # Ok::<(), hipflask::errors::SetupErrors>(())
    /// ```
    pub fn blueprints(&self) -> impl Iterator<Item = &str> {
        self.0.scopes.iter().filter_map(|scope| scope.name.as_deref())
    }

    /// Whether a rule of `endpoint` has a variable or a default of this name. Flask's
    /// `url_map.is_endpoint_expecting`, for [`url_defaults`](crate::extension::Scaffold::url_defaults).
    pub fn is_endpoint_expecting(&self, endpoint: &str, name: &str) -> bool {
        self.0.map.is_endpoint_expecting(endpoint, name)
    }

    /// The rules as a request to `server_name` sees them: `example.org`, `localhost:5000`. Werkzeug's
    /// `app.url_map.bind("example.org")`.
    pub fn bind(&self, server_name: &str) -> MapAdapter<'_> {
        MapAdapter::bind(&self.0.map, server_name.to_ascii_lowercase().into())
    }

    /// What the threads for synchronous views are doing at the moment: for metrics, and to tell a load balancer.
    ///
    /// ```
    /// let app = hipflask::App::new("doc", ".").freeze()?;
    /// assert_eq!(app.view_threads().waiting, 0);
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    pub fn view_threads(&self) -> ViewThreads {
        self.0.pool.view_threads()
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn traps(&self) -> Traps {
        self.0.traps
    }

    pub(crate) fn sessions(&self) -> &dyn SessionInterface {
        &*self.0.sessions
    }

    pub(crate) fn map(&self) -> &Map {
        &self.0.map
    }

    pub(crate) fn rule(&self, id: usize) -> &str {
        &self.0.map.rule(id).text
    }

    pub(crate) fn endpoint(&self, id: usize) -> &str {
        &self.0.map.rule(id).endpoint
    }

    pub(crate) fn view(&self, id: usize) -> &View {
        &self.0.views[id]
    }

    pub(crate) fn scope(&self, scope: usize) -> &Scope {
        &self.0.scopes[scope]
    }

    pub(crate) fn tears_down(&self) -> bool {
        self.0.tears_down
    }

    pub(crate) fn teardown_appcontext(&self) -> &[Callback<()>] {
        &self.0.teardown_appcontext
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.0.signals
    }

    pub(crate) fn blueprint(&self, scope: usize) -> Option<&str> {
        self.0.scopes[scope].name.as_deref()
    }

    pub(crate) fn below_prefixes(&self) -> &[BelowPrefix] {
        &self.0.below_prefixes
    }

    pub(crate) fn mounts(&self) -> &[MountPoint] {
        &self.0.mounts
    }

    pub(crate) fn around(&self) -> Option<&dyn Handler> {
        self.0.around.as_deref()
    }

    pub(crate) fn on_finished(&self) -> &[OnFinished] {
        &self.0.on_finished
    }

    pub(crate) fn state_map(&self) -> &TypeMap {
        &self.0.state
    }

    pub(super) fn children(&self) -> &[Frozen] {
        &self.0.children
    }

    pub(crate) fn after_work(&self) -> &AfterWork {
        &self.0.after_work
    }

    pub(super) fn life(&self) -> &Life {
        &self.0.life
    }

    pub(crate) fn commands(&self) -> &[Command] {
        &self.0.commands
    }

    /// The endpoint of a view: one in the current blueprint, or around it, before any other.
    pub(crate) fn endpoint_of_view(&self, view: &ViewId, blueprint: Option<&str>) -> Option<&str> {
        let endpoints = self.0.view_ids.get(view)?;
        let near = |endpoint: &&String| {
            let owner = endpoint.rsplit_once('.').map_or("", |(owner, _)| owner);
            let inside = |rest: &str| rest.is_empty() || rest.starts_with('.');
            blueprint.is_some_and(|blueprint| blueprint.strip_prefix(owner).is_some_and(inside))
        };
        endpoints.iter().find(near).or_else(|| endpoints.first()).map(String::as_str)
    }

    /// Adds what [`url_defaults`](crate::extension::Scaffold::url_defaults) functions say for `endpoint`.
    pub(crate) fn inject_url_defaults(
        &self,
        ctx: &Context,
        endpoint: &str,
        values: &mut Vec<(String, String)>,
    ) -> Result<()> {
        let owner = endpoint.rsplit_once('.').map(|(owner, _)| owner);
        let scope = owner.and_then(|owner| self.0.scopes_by_name.get(owner)).copied().unwrap_or_default();
        for f in &self.0.scopes[scope].url_defaults {
            panics::catch(|| f(ctx, endpoint, values))?;
        }
        Ok(())
    }

    pub(crate) fn handle_url_build_error(&self, error: BuildError, wanted: &WantedUrl) -> Result<String> {
        for f in &self.0.build_error_handlers {
            if let Some(url) = panics::catch(|| f(&error, wanted))? {
                return Ok(url);
            }
        }
        Err(error.into())
    }

    /// A context outside any request, for commands and for what runs at the start. Flask's
    /// `app.app_context()`.
    pub fn context(&self) -> Context {
        let mut head = http::Request::new(()).into_parts().0;
        head.uri = http::Uri::from_static("/");
        let request = crate::http::request::Request::from_parts(head, crate::http::body::Body::empty());
        Context::new(self.clone(), Box::new(request))
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").field("name", &self.0.name).field("rules", &self.0.views.len()).finish_non_exhaustive()
    }
}

/// What runs at the start and at the end of an application, and how far it has come.
#[derive(Default)]
pub(super) struct Life {
    pub(super) on_startup: Vec<Hook>,
    pub(super) on_shutdown: Vec<Shutdown>,
    pub(super) timeouts: Timeouts,
    /// Held while the application starts or stops, so that it does one of them, once.
    pub(super) stage: Mutex<Stage>,
    /// A copy of what `stage` says, to be read without the lock.
    pub(super) is_started: AtomicBool,
}

/// How long one of these functions may take; `None` is as long as it likes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timeouts {
    pub(super) startup: Option<Duration>,
    pub(super) shutdown: Option<Duration>,
}

/// A function that runs at the end.
#[derive(Clone)]
pub(crate) struct Shutdown {
    pub(super) hook: Hook,
    /// How many functions of the start were registered before it: without them there is nothing for it to end.
    pub(super) after: usize,
}

#[derive(Default)]
pub(super) struct Stage {
    pub(super) is_started: bool,
    /// How many functions of the start have run.
    pub(super) ran: usize,
}

/// The view of a rule.
pub(crate) struct View {
    /// `None` for a rule that only builds URLs.
    pub(crate) handler: Option<Arc<dyn Handler>>,
    pub(crate) scope: usize,
    pub(crate) options: Options,
}

/// The rules of `map` with what their blueprints add.
pub(super) fn url_rules<'a>(map: &'a Map, views: &'a [View], scopes: &'a [Scope]) -> impl Iterator<Item = UrlRule<'a>> {
    map.rules().zip(views).map(|(rule, view)| UrlRule {
        rule,
        blueprint: scopes[view.scope].name.as_deref(),
        options: &view.options,
    })
}

/// Something mounted under a prefix without a slash at its end.
pub(crate) struct MountPoint {
    pub(crate) prefix: String,
    pub(crate) handler: Arc<dyn Handler>,
    /// Whether it comes before the application's own rules and hooks.
    pub(crate) is_first: bool,
    /// Whether it is an application, which checks its requests itself.
    pub(crate) is_app: bool,
}

/// A command of the application's own, beside `run`, `routes` and `check`.
#[derive(Clone)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) handler: Arc<dyn Handler>,
    /// Whether what `on_startup` gives has to run before it.
    pub(crate) starts: bool,
    /// The mounted application that it belongs to, if it belongs to one.
    pub(crate) app: Option<Frozen>,
}
