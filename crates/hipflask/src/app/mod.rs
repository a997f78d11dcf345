//! An application under construction, and frozen: setup and serving are two types.

pub(crate) mod blueprint;
pub(crate) mod extension;
pub(crate) mod scaffold;

use std::any::TypeId;
use std::collections::HashMap;
use std::ffi::OsString;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map as JsonMap, Value};
use tokio::sync::OnceCell;

use crate::app::blueprint::Blueprint;
use crate::app::extension::{EmbeddedFile, Extension, Freezing, SetupError, SetupErrors};
use crate::app::scaffold::{Hook, Route, Scaffold, ScaffoldParts, Teardown, UrlDefaults};
use crate::base::config::{Config, ConfigBuilder};
use crate::base::error::{Error, Result};
use crate::base::type_map::TypeMap;
use crate::context::Context;
use crate::context::session::SessionCookies;
use crate::context::url_for::ViewId;
use crate::handler::error_handler::ErrorHandlers;
use crate::handler::{Handler, IntoHandler};
use crate::http::url::ENCODED_SLASH;
use crate::routing::build::BuildError;
use crate::routing::converter::{Converter, Factory};
use crate::routing::map::Map;
use crate::routing::view_args::ViewArgs;
use crate::signing::random_bytes;

type OnFreeze = Box<dyn FnOnce(&mut Freezing<'_>) + Send>;
type BuildErrorHandler = Arc<dyn Fn(&BuildError, &str, &[(String, String)]) -> Option<String> + Send + Sync>;

/// An application under construction. It cannot serve; [`freeze`](App::freeze) checks everything and makes
/// the application that can.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[get("/hello/<name>")]
/// async fn hello(name: String) -> Html {
///     html!("<h1>Hello, {name}!</h1>")
/// }
///
/// let app = App::new("doc", ".").routes(routes![hello]);
/// assert_eq!(app.test_client().get("/hello/<x>").send_blocking().text(), "<h1>Hello, &lt;x&gt;!</h1>");
/// ```
#[must_use = "an application does nothing until it is served, tested or frozen"]
pub struct App {
    name: String,
    root_path: PathBuf,
    config: ConfigBuilder,
    parts: ScaffoldParts,
    blueprints: Vec<Blueprint>,
    mounts: Vec<(String, Mounted, &'static Location<'static>)>,
    converters: Vec<(String, Factory)>,
    build_error_handlers: Vec<BuildErrorHandler>,
    embedded: Vec<(&'static str, &'static [EmbeddedFile])>,
    state: TypeMap,
    last: Vec<Box<dyn FnOnce(App) -> App + Send>>,
    on_freeze: Vec<OnFreeze>,
    before_render: Vec<Arc<dyn Handler>>,
    on_startup: Vec<Arc<dyn Handler>>,
    on_shutdown: Vec<Arc<dyn Handler>>,
    commands: Vec<Command>,
    /// What these four and the mounts run, to be checked like hooks.
    checked: Vec<Checked>,
    problems: Vec<SetupError>,
}

/// A handler, what it is for messages, and the line that registered it.
type Checked = (Arc<dyn Handler>, String, &'static Location<'static>);

/// A command of the application's own, beside `run`, `routes` and `check`.
#[derive(Clone)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) handler: Arc<dyn Handler>,
    /// Whether what `on_startup` gives has to run before it.
    pub(crate) starts: bool,
}

enum Mounted {
    Handler(Arc<dyn Handler>),
    App(Box<App>),
}

/// What can be mounted: another [`App`], or whatever can be a handler, a plain function for instance.
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
pub struct Mount(Mounted);

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
impl<M, H: IntoHandler<M>> IntoMount<(M,)> for H {
    fn into_mount(self) -> Mount {
        Mount(Mounted::Handler(self.into_handler()))
    }
}

impl App {
    /// An application with nothing in it, not even what [`App::new`] adds.
    pub(crate) fn bare(name: impl Into<String>, root_path: impl Into<PathBuf>) -> App {
        App {
            name: name.into(),
            root_path: root_path.into(),
            config: ConfigBuilder::default(),
            parts: ScaffoldParts::default(),
            blueprints: Vec::new(),
            mounts: Vec::new(),
            converters: Vec::new(),
            build_error_handlers: Vec::new(),
            embedded: Vec::new(),
            state: TypeMap::default(),
            last: Vec::new(),
            on_freeze: Vec::new(),
            before_render: Vec::new(),
            on_startup: Vec::new(),
            on_shutdown: Vec::new(),
            commands: Vec::new(),
            checked: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that `templates`, `static` and `instance` are in.
    pub fn root_path(&self) -> &Path {
        &self.root_path
    }

    #[track_caller]
    fn note(mut self, result: Result<(), String>) -> App {
        let location = Location::caller();
        self.problems.extend(result.err().map(|message| SetupError::new(message, Some(location))));
        self
    }

    /// Sets a key of the configuration.
    #[track_caller]
    pub fn config(mut self, key: &str, value: impl Serialize) -> App {
        let result = self.config.set(key, &value);
        self.note(result)
    }

    /// Gives a key a default, for when nothing sets it. An extension declares its keys so.
    #[track_caller]
    pub fn config_default(mut self, key: &str, value: impl Serialize) -> App {
        let result = self.config.set_default(key, &value);
        self.note(result)
    }

    /// Sets every upper-case key of a table. Flask's `config.from_mapping`.
    #[track_caller]
    pub fn config_from_mapping(mut self, mapping: impl Serialize) -> App {
        let result = match serde_json::to_value(mapping) {
            Ok(Value::Object(table)) => {
                self.config.extend(table);
                Ok(())
            }
            Ok(_) => Err("a configuration must be a table of keys and values".to_owned()),
            Err(error) => Err(format!("the configuration cannot be kept: {error}")),
        };
        self.note(result)
    }

    /// Sets every upper-case key of a file that `load` reads, relative to the application's folder. Flask's
    /// `config.from_file`.
    ///
    /// ```no_run
    /// # use hipflask::prelude::*;
    /// let app = App::new("doc", ".").config_from_file("config.json", |text| serde_json::from_str::<serde_json::Value>(text));
    /// ```
    #[track_caller]
    pub fn config_from_file<T: Serialize, E: std::fmt::Display>(
        mut self,
        path: impl AsRef<Path>,
        load: impl FnOnce(&str) -> Result<T, E>,
    ) -> App {
        let path = self.root_path.join(path);
        let load = |text: &str| match load(text).map(serde_json::to_value) {
            Ok(Ok(Value::Object(table))) => Ok::<JsonMap<_, _>, String>(table),
            Ok(Ok(_)) => Err("it is not a table of keys and values".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let result = self.config.load_file(&path, load);
        self.note(result)
    }

    /// Sets a key for every variable `PREFIX_KEY` of the environment. Flask's `config.from_prefixed_env`. The
    /// binary's own command line does it with the prefix `FLASK`.
    pub fn config_from_prefixed_env(mut self, prefix: &str) -> App {
        // `vars` panics at somebody else's variable that is no text.
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        self.config.load_env(prefix, std::env::vars_os().filter_map(text));
        self
    }

    /// What the configuration says so far, for an extension that has to decide something early.
    pub fn configured<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.config.get(key)?).ok()
    }

    pub(crate) fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Whether the application is being developed, as far as is known: `DEBUG`.
    pub fn is_debug(&self) -> bool {
        self.config.is_debug()
    }

    /// Adds an extension.
    pub fn extend(self, extension: impl Extension) -> App {
        extension.init_app(self)
    }

    /// Adds a blueprint.
    pub fn register_blueprint(mut self, blueprint: Blueprint) -> App {
        self.blueprints.push(blueprint);
        self
    }

    /// Lets `handler` have a look at every request under `prefix` that no rule of the application matched:
    /// another application, a function, anything that is a [`Handler`]. The longest prefix comes first; whoever
    /// passes leaves it to the next.
    #[track_caller]
    pub fn mount<M>(mut self, prefix: impl Into<String>, handler: impl IntoMount<M>) -> App {
        let (prefix, mounted) = (prefix.into(), handler.into_mount().0);
        if let Mounted::Handler(handler) = &mounted {
            self.checked(Arc::clone(handler), &format!("the function mounted at `{prefix}`"));
        }
        self.mounts.push((prefix, mounted, Location::caller()));
        self
    }

    /// Adds a converter: `make` gets the arguments that stand in the rule.
    pub fn url_converter<C: Converter>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&hipflask_rule::Arguments) -> Result<C, String> + Send + Sync + 'static,
    ) -> App {
        let factory: Factory = Arc::new(move |arguments| Ok(Arc::new(make(arguments)?)));
        self.converters.push((name.into(), factory));
        self
    }

    /// Lets `f` find a URL where building one has failed; it gets the error, the endpoint and the values.
    pub fn url_build_error_handler(
        mut self,
        f: impl Fn(&BuildError, &str, &[(String, String)]) -> Option<String> + Send + Sync + 'static,
    ) -> App {
        self.build_error_handlers.push(Arc::new(f));
        self
    }

    /// Takes the files of a folder of the application from inside of the binary. [`app!`](crate::app) gives
    /// those of a release build: `templates`, `static` and `migrations`.
    pub fn embed(mut self, folder: &'static str, files: &'static [EmbeddedFile]) -> App {
        self.embedded.push((folder, files));
        self
    }

    /// Keeps state for views and hooks, under its type: [`Context::state`] finds it.
    pub fn insert_state<T: Send + Sync + 'static>(mut self, state: T) -> App {
        self.state.insert(state);
        self
    }

    /// State of type `T`, made if it is not there: for setup methods that an extension adds.
    pub fn state_mut<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.state.get_or_default()
    }

    /// Adds an extension once everything else was said, right before the application is frozen: for what
    /// depends on the options that come after it.
    pub fn extend_last(mut self, extension: impl Extension + Send + 'static) -> App {
        self.last.push(Box::new(move |app| extension.init_app(app)));
        self
    }

    /// Runs `f` while the application is frozen: to check what it needs, to make state out of what was set up.
    pub fn on_freeze(mut self, f: impl FnOnce(&mut Freezing<'_>) + Send + 'static) -> App {
        self.on_freeze.push(Box::new(f));
        self
    }

    /// Runs `f` before the first template of a request is rendered: to fetch what context processors then show,
    /// the user who is logged in for instance. A request that renders nothing does not pay for it.
    #[track_caller]
    pub fn before_render_template<M>(mut self, f: impl IntoHandler<M>) -> App {
        let handler = self.checked(f.into_handler(), "the before_render_template function");
        self.before_render.push(handler);
        self
    }

    /// Runs `f` before the first request is served: to connect, to migrate. If it fails, nothing is served.
    #[track_caller]
    pub fn on_startup<M>(mut self, f: impl IntoHandler<M>) -> App {
        let handler = self.checked(f.into_handler(), "the on_startup function");
        self.on_startup.push(handler);
        self
    }

    /// Runs `f` after the last request was served.
    #[track_caller]
    pub fn on_shutdown<M>(mut self, f: impl IntoHandler<M>) -> App {
        let handler = self.checked(f.into_handler(), "the on_shutdown function");
        self.on_shutdown.push(handler);
        self
    }

    /// Adds a command to the application's binary. `f` gets its arguments like a view; what the user typed
    /// after the command is [`CliArgs`](crate::CliArgs). The text that it returns is printed.
    #[track_caller]
    pub fn command<M>(mut self, name: impl Into<String>, about: impl Into<String>, f: impl IntoHandler<M>) -> App {
        let name = name.into();
        let handler = self.checked(f.into_handler(), &format!("the command `{name}`"));
        self.commands.push(Command { name, about: about.into(), handler, starts: true });
        self
    }

    /// [`command`](App::command), for one that must not wait for the start because it is there to look at, or
    /// to mend, what the start needs: the state of a database for instance.
    #[track_caller]
    pub fn command_before_start<M>(
        mut self,
        name: impl Into<String>,
        about: impl Into<String>,
        f: impl IntoHandler<M>,
    ) -> App {
        let name = name.into();
        let handler = self.checked(f.into_handler(), &format!("the command `{name}`"));
        self.commands.push(Command { name, about: about.into(), handler, starts: false });
        self
    }

    #[track_caller]
    fn checked(&mut self, handler: Arc<dyn Handler>, what: &str) -> Arc<dyn Handler> {
        self.checked.push((Arc::clone(&handler), what.to_owned(), Location::caller()));
        handler
    }

    /// Checks everything and makes the application that can serve.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once, each with the line it comes from: rules, names, templates, missing
    /// extensions, the configuration.
    pub fn freeze(self) -> Result<Frozen, SetupErrors> {
        let mut errors = Vec::new();
        let frozen = self.freeze_into(&mut errors);
        SetupErrors::new(errors)?;
        Ok(frozen.expect("without errors there is an application"))
    }

    fn freeze_into(mut self, errors: &mut Vec<SetupError>) -> Option<Frozen> {
        for extend in std::mem::take(&mut self.last) {
            self = extend(self);
        }
        errors.append(&mut self.problems);
        for (key, known) in self.config.misspelt() {
            errors.push(SetupError::new(format!("unknown configuration key `{key}`; did you mean `{known}`?"), None));
        }
        let config = self.finish_config(errors);
        let mut assembly = Assembly::new(&config, std::mem::take(&mut self.converters));
        let app_parts = std::mem::take(&mut self.parts);
        assembly.add_app(app_parts, std::mem::take(&mut self.blueprints));
        let mounts = freeze_mounts(std::mem::take(&mut self.mounts), errors);
        let Assembly { mut map, views, scopes, mut handlers, problems, view_ids, .. } = assembly;
        handlers.append(&mut self.checked);
        map.finish();
        errors.extend(problems);
        let mut freezing = Freezing {
            name: &self.name,
            root_path: &self.root_path,
            config: &config,
            map: &map,
            embedded: &self.embedded,
            state: &mut self.state,
            problems: errors,
        };
        self.on_freeze.into_iter().for_each(|f| f(&mut freezing));
        check_handlers(&handlers, &mut freezing);
        let sessions = note(SessionCookies::from_config(&config), errors);
        let limits = note(Limits::from_config(&config), errors);
        Some(Frozen(Arc::new(Inner {
            instance_path: config
                .find("INSTANCE_PATH")
                .ok()
                .flatten()
                .unwrap_or_else(|| self.root_path.join("instance")),
            name: self.name,
            root_path: self.root_path,
            sessions: sessions?,
            limits: limits?,
            config,
            map,
            views,
            view_ids,
            scopes,
            mounts,
            build_error_handlers: self.build_error_handlers,
            state: self.state,
            before_render: self.before_render,
            on_startup: self.on_startup,
            on_shutdown: self.on_shutdown,
            commands: self.commands,
            started: OnceCell::new(),
        })))
    }

    /// Fills in what depends on whether the application is being developed.
    fn finish_config(&mut self, errors: &mut Vec<SetupError>) -> Config {
        let debug = self.config.is_debug();
        // An empty key is what a variable holds that nobody has filled in; everybody could sign with it.
        let unset = self.config.get("SECRET_KEY").is_none_or(|key| key.is_null() || *key == "");
        if unset && debug {
            // Sessions of a developer end with the process; `run` keeps a key in the instance folder.
            let key = crate::signing::base64::encode(&random_bytes::<32>());
            errors.extend(self.config.set("SECRET_KEY", &key).err().map(|message| SetupError::new(message, None)));
        }
        if !debug {
            let fallbacks = self.config.get("SECRET_KEY_FALLBACKS").and_then(Value::as_array);
            let keys = fallbacks.into_iter().flatten().map(|key| ("one of `SECRET_KEY_FALLBACKS`", key));
            let keys = self.config.get("SECRET_KEY").map(|key| ("the secret key", key)).into_iter().chain(keys);
            let weak = keys.filter_map(|(name, key)| weak_key(name, key.as_str()?));
            errors.extend(weak.map(|message| SetupError::new(message, None)));
        }
        std::mem::take(&mut self.config).build()
    }
}

/// Why a secret key must not be used in production, not even to verify: whoever guesses it can sign with it.
fn weak_key(name: &str, key: &str) -> Option<String> {
    let mut distinct: Vec<u8> = key.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let published = ["192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"];
    let what = match key {
        _ if key.len() < 32 => format!("has {} bytes", key.len()),
        _ if distinct.len() < 8 => format!("has only {} different characters", distinct.len()),
        _ if published.contains(&key) => "stands in Flask's documentation".to_owned(),
        _ => return None,
    };
    Some(format!(
        "{name} {what}; in production set `SECRET_KEY` (the environment's FLASK_SECRET_KEY) to 32 random bytes or more, \
         for instance from `openssl rand -hex 32`"
    ))
}

fn note<T>(result: Result<T>, errors: &mut Vec<SetupError>) -> Option<T> {
    result.map_err(|error| errors.push(SetupError::new(error.to_string(), None))).ok()
}

fn freeze_mounts(
    mounts: Vec<(String, Mounted, &'static Location<'static>)>,
    errors: &mut Vec<SetupError>,
) -> Vec<MountPoint> {
    let mut points: Vec<MountPoint> = Vec::new();
    for (prefix, mounted, location) in mounts {
        let prefix = prefix.trim_end_matches('/').to_owned();
        if !prefix.is_empty() && !prefix.starts_with('/') {
            errors.push(SetupError::new(
                format!("the prefix `{prefix}` of a mount must start with a slash"),
                Some(location),
            ));
            continue;
        }
        let handler: Option<Arc<dyn Handler>> = match mounted {
            Mounted::Handler(handler) => Some(handler),
            Mounted::App(app) => app.freeze_into(errors).map(|frozen| Arc::new(frozen) as Arc<dyn Handler>),
        };
        points.extend(handler.map(|handler| MountPoint { prefix, handler }));
    }
    points.sort_by_key(|point| std::cmp::Reverse(point.prefix.len()));
    points
}

fn check_handlers(handlers: &[Checked], freezing: &mut Freezing<'_>) {
    for (handler, what, location) in handlers {
        if let Err(message) = handler.check(freezing) {
            freezing.problems.push(SetupError::new(message, Some(*location)).of(what));
        }
    }
}

impl Scaffold for App {
    fn scaffold(&mut self) -> &mut ScaffoldParts {
        &mut self.parts
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("name", &self.name).field("root_path", &self.root_path).finish_non_exhaustive()
    }
}

/// Puts the parts of an application together: flattens blueprints into scopes, rules into the map.
struct Assembly {
    map: Map,
    views: Vec<View>,
    view_ids: HashMap<ViewId, Vec<String>>,
    scopes: Vec<Scope>,
    /// Every handler, with what it is for messages.
    handlers: Vec<Checked>,
    problems: Vec<SetupError>,
    /// Which view an endpoint was given to first.
    owners: HashMap<String, (Option<TypeId>, &'static Location<'static>)>,
    automatic_options: bool,
}

/// Where a blueprint is registered.
struct Place<'a> {
    scope: usize,
    /// `site.blog.`, or empty for the application.
    names: &'a str,
    prefix: &'a str,
    csrf_exempt: bool,
}

impl Assembly {
    fn new(config: &Config, converters: Vec<(String, Factory)>) -> Assembly {
        let mut map = Map::default();
        converters.into_iter().for_each(|(name, factory)| map.add_converter(name, factory));
        Assembly {
            map,
            views: Vec::new(),
            view_ids: HashMap::new(),
            scopes: Vec::new(),
            handlers: Vec::new(),
            problems: Vec::new(),
            owners: HashMap::new(),
            automatic_options: config.switch("PROVIDE_AUTOMATIC_OPTIONS", true),
        }
    }

    fn add_app(&mut self, parts: ScaffoldParts, blueprints: Vec<Blueprint>) {
        let csrf_exempt = parts.csrf_exempt;
        let routes = self.add_scope(parts, None, None);
        let app = Place { scope: 0, names: "", prefix: "", csrf_exempt };
        routes.into_iter().for_each(|route| self.add_route(route, &app));
        self.add_blueprints(blueprints, &app);
    }

    fn add_blueprints(&mut self, blueprints: Vec<Blueprint>, outer: &Place<'_>) {
        let mut names: Vec<String> = Vec::new();
        for blueprint in blueprints {
            let problem = match blueprint.name.as_str() {
                "" => Some("a blueprint needs a name".to_owned()),
                name if name.contains('.') => Some(format!("the blueprint's name `{name}` must not hold a dot")),
                name if names.iter().any(|known| known == name) => Some(format!(
                    "the name `{name}` is taken by another blueprint; give this one its own with `.name(..)`"
                )),
                _ => None,
            };
            match problem {
                Some(message) => self.problems.push(SetupError::new(message, Some(blueprint.location))),
                None => {
                    names.push(blueprint.name.clone());
                    self.add_blueprint(blueprint, outer);
                }
            }
        }
    }

    fn add_blueprint(&mut self, blueprint: Blueprint, outer: &Place<'_>) {
        let names = format!("{}{}.", outer.names, blueprint.name);
        let prefix = match blueprint.url_prefix.as_str() {
            "" => outer.prefix.to_owned(),
            own => format!("{}/{}", outer.prefix.trim_end_matches('/'), own.trim_start_matches('/')),
        };
        let csrf_exempt = outer.csrf_exempt || blueprint.parts.csrf_exempt;
        let routes = self.add_scope(blueprint.parts, Some(names.trim_end_matches('.').to_owned()), Some(outer.scope));
        let place = Place { scope: self.scopes.len() - 1, names: &names, prefix: &prefix, csrf_exempt };
        for route in routes {
            self.add_route(Route { rule: route.rule.under(&prefix), ..route }, &place);
        }
        self.add_blueprints(blueprint.children, &place);
    }

    /// Adds the hooks of a part, inside of those around it; gives its routes back.
    fn add_scope(&mut self, parts: ScaffoldParts, name: Option<String>, outer: Option<usize>) -> Vec<Route> {
        let owner = name.as_deref().map_or_else(String::new, |name| format!(" of the blueprint `{name}`"));
        let mut note = |hooks: &[Hook], what: &str| {
            let noted = hooks
                .iter()
                .map(|hook| (Arc::clone(&hook.handler), format!("the {what} function{owner}"), hook.location));
            self.handlers.extend(noted);
        };
        note(&parts.before_request, "before_request");
        note(&parts.after_request, "after_request");
        note(&parts.url_value_preprocessors, "url_value_preprocessor");
        let handlers = parts.error_handlers.iter();
        self.handlers
            .extend(handlers.map(|h| {
                (Arc::clone(&h.handler), format!("the error handler for {:?}{owner}", h.catches), h.location)
            }));
        let around = outer.map_or_else(Scope::default, |outer| self.scopes[outer].clone());
        self.scopes.push(around.with_inner(
            parts.before_request,
            parts.after_request,
            parts.teardown_request,
            parts.url_value_preprocessors,
            Inside { name, url_defaults: parts.url_defaults, errors: parts.error_handlers, state: parts.state },
        ));
        parts.routes
    }

    fn add_route(&mut self, route: Route, place: &Place<'_>) {
        let location = route.rule.location;
        let csrf_exempt = place.csrf_exempt || route.rule.csrf_exempt;
        let endpoint = format!("{}{}", place.names, route.name);
        if let Err(message) = self.own_endpoint(&endpoint, &route) {
            self.problems.push(SetupError::new(message, Some(location)));
            return;
        }
        match self.map.add(route.rule, Arc::from(endpoint.as_str()), self.automatic_options) {
            Err(message) => self.problems.push(SetupError::new(message, Some(location))),
            Ok(_) => {
                if let Some(id) = route.id {
                    let endpoints = self.view_ids.entry(id).or_default();
                    if !endpoints.contains(&endpoint) {
                        endpoints.push(endpoint.clone());
                    }
                }
                if let Some(view) = &route.view {
                    self.handlers.push((Arc::clone(view), format!("the view `{endpoint}`"), location));
                }
                self.views.push(View { handler: route.view, scope: place.scope, csrf_exempt });
            }
        }
    }

    /// An endpoint belongs to one view, and its dots divide blueprints.
    fn own_endpoint(&mut self, endpoint: &str, route: &Route) -> Result<(), String> {
        let location = route.rule.location;
        let in_blueprint = endpoint.len() > route.name.len();
        if let Some(name) = route.rule.endpoint.as_ref().filter(|name| in_blueprint && name.contains('.')) {
            return Err(format!("the endpoint `{name}` must not hold a dot: what is before one is a blueprint"));
        }
        match self.owners.get(endpoint) {
            Some((owner, first)) if *owner != route.view_type => Err(format!(
                "the endpoint `{endpoint}` belongs to another view already ({}:{}); give this rule its own with `endpoint`",
                first.file(),
                first.line()
            )),
            Some(_) => Ok(()),
            None => {
                self.owners.insert(endpoint.to_owned(), (route.view_type, location));
                Ok(())
            }
        }
    }
}

/// What goes inside of an outer scope, but for the hooks.
struct Inside {
    name: Option<String>,
    url_defaults: Vec<UrlDefaults>,
    errors: Vec<crate::handler::error_handler::ErrorHandler>,
    state: TypeMap,
}

/// The hooks and handlers for the rules of one blueprint, those around it included, each list in the order in
/// which it runs. The first scope is the application's own.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) name: Option<String>,
    pub(crate) before_request: Vec<Arc<dyn Handler>>,
    pub(crate) after_request: Vec<Arc<dyn Handler>>,
    pub(crate) teardown_request: Vec<Teardown>,
    pub(crate) url_value_preprocessors: Vec<Arc<dyn Handler>>,
    pub(crate) url_defaults: Vec<UrlDefaults>,
    pub(crate) errors: ErrorHandlers,
    /// From the application inwards.
    pub(crate) states: Vec<Arc<TypeMap>>,
}

impl Scope {
    fn with_inner(
        mut self,
        before: Vec<Hook>,
        after: Vec<Hook>,
        teardown: Vec<Teardown>,
        preprocessors: Vec<Hook>,
        inside: Inside,
    ) -> Scope {
        let handler = |hook: Hook| hook.handler;
        self.before_request.extend(before.into_iter().map(handler));
        self.url_value_preprocessors.extend(preprocessors.into_iter().map(handler));
        // What comes after the view runs from the inside out, the last registered first.
        self.after_request.splice(0..0, after.into_iter().rev().map(handler));
        self.teardown_request.splice(0..0, teardown.into_iter().rev());
        self.url_defaults.extend(inside.url_defaults);
        self.errors = self.errors.within(inside.errors);
        self.states.push(Arc::new(inside.state));
        self.name = inside.name;
        self
    }
}

/// What stands behind a rule.
pub(crate) struct View {
    /// `None` for a rule that only builds URLs.
    pub(crate) handler: Option<Arc<dyn Handler>>,
    pub(crate) scope: usize,
    pub(crate) csrf_exempt: bool,
}

/// Something mounted under a prefix without a slash at its end.
pub(crate) struct MountPoint {
    pub(crate) prefix: String,
    pub(crate) handler: Arc<dyn Handler>,
}

/// How much of a body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_content_length: Option<u64>,
    pub(crate) max_form_memory_size: u64,
    pub(crate) max_form_parts: usize,
}

impl Limits {
    fn from_config(config: &Config) -> Result<Limits> {
        Ok(Limits {
            max_content_length: config.find("MAX_CONTENT_LENGTH")?,
            max_form_memory_size: config.find("MAX_FORM_MEMORY_SIZE")?.unwrap_or(u64::MAX),
            max_form_parts: config.find("MAX_FORM_PARTS")?.unwrap_or(usize::MAX),
        })
    }
}

/// An application that can serve: checked, immutable, cheap to clone. It is a [`Handler`] itself.
///
/// ```
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
pub struct Frozen(Arc<Inner>);

struct Inner {
    name: String,
    root_path: PathBuf,
    instance_path: PathBuf,
    config: Config,
    limits: Limits,
    sessions: SessionCookies,
    map: Map,
    /// By the rules' ids.
    views: Vec<View>,
    view_ids: HashMap<ViewId, Vec<String>>,
    scopes: Vec<Scope>,
    mounts: Vec<MountPoint>,
    build_error_handlers: Vec<BuildErrorHandler>,
    state: TypeMap,
    before_render: Vec<Arc<dyn Handler>>,
    on_startup: Vec<Arc<dyn Handler>>,
    on_shutdown: Vec<Arc<dyn Handler>>,
    commands: Vec<Command>,
    started: OnceCell<()>,
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

    /// Every rule: its endpoint, its methods, its text. Flask's `url_map.iter_rules()`.
    pub fn rules(&self) -> impl Iterator<Item = (&str, Vec<&str>, &str)> {
        self.0
            .map
            .rules()
            .map(|rule| (&*rule.endpoint, rule.methods.iter().map(http::Method::as_str).collect(), rule.text.as_str()))
    }

    /// Whether a rule of `endpoint` has a variable or a default of this name. Flask's
    /// `url_map.is_endpoint_expecting`, for [`url_defaults`](Scaffold::url_defaults).
    pub fn is_endpoint_expecting(&self, endpoint: &str, name: &str) -> bool {
        self.0.map.is_endpoint_expecting(endpoint, name)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn sessions(&self) -> &SessionCookies {
        &self.0.sessions
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

    pub(crate) fn blueprint(&self, scope: usize) -> Option<&str> {
        self.0.scopes[scope].name.as_deref()
    }

    pub(crate) fn mounts(&self) -> &[MountPoint] {
        &self.0.mounts
    }

    pub(crate) fn before_render(&self) -> &[Arc<dyn Handler>] {
        &self.0.before_render
    }

    pub(crate) fn commands(&self) -> &[Command] {
        &self.0.commands
    }

    /// The values that a match took from `path`, and the rule's defaults.
    pub(crate) fn view_args(&self, id: usize, path: &str, ranges: Vec<std::ops::Range<usize>>) -> Option<ViewArgs> {
        let rule = self.0.map.rule(id);
        let mut pairs = Vec::with_capacity(ranges.len() + rule.defaults.len());
        for ((name, converter), range) in rule.variables().zip(ranges) {
            let text = &path[range];
            let text = match text.contains(ENCODED_SLASH) {
                true => text.replace(ENCODED_SLASH, "/"),
                false => text.to_owned(),
            };
            if !converter.accepts(&text) {
                return None;
            }
            pairs.push((Arc::clone(name), text));
        }
        pairs.extend(rule.defaults.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
        Some(ViewArgs::new(pairs))
    }

    /// The endpoint of a view: one in the current blueprint, or around it, before any other.
    pub(crate) fn endpoint_of_view(&self, view: &ViewId, blueprint: Option<&str>) -> Option<&str> {
        let endpoints = self.0.view_ids.get(view)?;
        let near = |endpoint: &&String| {
            let owner = endpoint.rsplit_once('.').map_or("", |(owner, _)| owner);
            blueprint.is_some_and(|blueprint| blueprint == owner || blueprint.starts_with(&format!("{owner}.")))
        };
        endpoints.iter().find(near).or_else(|| endpoints.first()).map(String::as_str)
    }

    /// Adds what [`url_defaults`](Scaffold::url_defaults) functions say for `endpoint`.
    pub(crate) fn inject_url_defaults(&self, ctx: &Context, endpoint: &str, values: &mut Vec<(String, String)>) {
        let owner = endpoint.rsplit_once('.').map(|(owner, _)| owner);
        let scope = owner.and_then(|owner| self.0.scopes.iter().find(|scope| scope.name.as_deref() == Some(owner)));
        for f in &scope.unwrap_or(&self.0.scopes[0]).url_defaults {
            f(ctx, endpoint, values);
        }
    }

    pub(crate) fn handle_url_build_error(
        &self,
        error: BuildError,
        endpoint: &str,
        values: &[(String, String)],
    ) -> Result<String> {
        let found = self.0.build_error_handlers.iter().find_map(|f| f(&error, endpoint, values));
        found.ok_or_else(|| Error::from(error))
    }

    /// Runs what has to run before the first request, once.
    ///
    /// # Errors
    ///
    /// The first failure; the next call tries again.
    pub async fn start(&self) -> Result<()> {
        self.0.started.get_or_try_init(|| self.run_all(&self.0.on_startup)).await.copied()
    }

    /// Runs what has to run after the last request.
    ///
    /// # Errors
    ///
    /// The first failure.
    pub async fn stop(&self) -> Result<()> {
        match self.0.started.initialized() {
            true => self.run_all(&self.0.on_shutdown).await,
            false => Ok(()),
        }
    }

    async fn run_all(&self, handlers: &[Arc<dyn Handler>]) -> Result<()> {
        for handler in handlers {
            handler.call(&mut self.context()).await?;
        }
        Ok(())
    }

    /// A context outside of any request: for commands and for what runs at the start. Flask's
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
