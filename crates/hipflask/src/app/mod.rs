//! An application under construction.

mod adding;
mod app_wide;
pub(crate) mod below_prefix;
pub(crate) mod blueprint;
mod blueprints;
mod configuration;
pub(crate) mod course;
mod endpoints;
pub(crate) mod extension;
pub(crate) mod finished;
pub(crate) mod folder;
pub(crate) mod freeze;
pub(crate) mod freezing;
pub(crate) mod frozen;
mod life;
mod lifetime;
pub(crate) mod limits;
pub(crate) mod mount;
pub(crate) mod scaffold;
pub(crate) mod scope;
pub(crate) mod setup_error;
pub(crate) mod signal;
pub(crate) mod signals;
pub(crate) mod traps;
mod url_map;
pub(crate) mod url_rule;
pub(crate) mod wrap;

use std::any::TypeId;
use std::collections::HashSet;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::adding::Adding;
use crate::app::blueprint::Blueprint;
use crate::app::extension::Extension;
use crate::app::finished::OnFinished;
use crate::app::folder::{EmbeddedFile, Folder, RootFolder};
use crate::app::freezing::Freezing;
use crate::app::frozen::BuildErrorHandler;
use crate::app::frozen::{Command, Shutdown};
use crate::app::mount::Mounting;
use crate::app::scaffold::{Scaffold, ScaffoldParts};
use crate::app::scope::{Checked, Hook};
use crate::app::setup_error::SetupError;
use crate::app::signal::Signals;
use crate::app::wrap::Wrap;
use crate::base::config::builder::ConfigBuilder;
use crate::base::error::Result;
use crate::base::type_map::TypeMap;
use crate::context::session::interface::SessionInterface;
use crate::handler::Handler;
use crate::handler::callback::Callback;
use crate::handler::into_handler::IntoHandler;
use crate::routing::converter::Factory;
use crate::routing::url_map::UrlMap;

type OnFreeze = Box<dyn FnOnce(&mut Freezing<'_>) + Send>;

type OnBlueprint = Box<dyn FnMut(&mut App, Blueprint) -> Blueprint + Send>;

type Extend = Box<dyn FnOnce(App) -> App + Send>;

type MakeInterface = dyn FnOnce(&Freezing<'_>) -> Result<Box<dyn SessionInterface>> + Send;

/// Makes what keeps the sessions, and the line that said so.
struct MakeSessions {
    make: Box<MakeInterface>,
    location: &'static Location<'static>,
}

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
    /// Those that are in them too: the name that each was made with, and where.
    registered: HashSet<(String, &'static Location<'static>)>,
    on_blueprint: Vec<OnBlueprint>,
    mounts: Vec<Mounting>,
    wraps: Vec<Wrap>,
    converters: Vec<(String, Factory)>,
    url_map: UrlMap,
    build_error_handlers: Vec<BuildErrorHandler>,
    embedded: Vec<(&'static str, &'static [EmbeddedFile])>,
    state: TypeMap,
    options_read: HashSet<TypeId>,
    sessions: Option<MakeSessions>,
    last: Vec<(Adding, Extend)>,
    on_freeze: Vec<(Option<&'static Location<'static>>, OnFreeze)>,
    adding: Adding,
    on_startup: Vec<Hook>,
    on_shutdown: Vec<Shutdown>,
    on_finished: Vec<OnFinished>,
    signals: Signals,
    teardown_appcontext: Vec<Callback<()>>,
    commands: Vec<Command>,
    /// What these four and the mounts run, to be checked like hooks.
    checked: Vec<Checked>,
    problems: Vec<SetupError>,
}

impl App {
    /// An application with nothing in it except what `parts` adds.
    pub(crate) fn bare(name: impl Into<String>, root_path: impl Into<PathBuf>, parts: impl FnOnce(App) -> App) -> App {
        let app = App {
            name: name.into(),
            root_path: root_path.into(),
            config: ConfigBuilder::default(),
            parts: ScaffoldParts::default(),
            blueprints: Vec::new(),
            registered: HashSet::new(),
            on_blueprint: Vec::new(),
            mounts: Vec::new(),
            wraps: Vec::new(),
            converters: Vec::new(),
            url_map: UrlMap::default(),
            build_error_handlers: Vec::new(),
            embedded: Vec::new(),
            state: TypeMap::default(),
            options_read: HashSet::new(),
            sessions: None,
            last: Vec::new(),
            adding: Adding::Core,
            on_freeze: Vec::new(),
            on_startup: Vec::new(),
            on_shutdown: Vec::new(),
            on_finished: Vec::new(),
            signals: Signals::default(),
            teardown_appcontext: Vec::new(),
            commands: Vec::new(),
            checked: Vec::new(),
            problems: Vec::new(),
        };
        App { adding: Adding::Program, ..parts(app) }
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

    pub(crate) fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Adds an extension. What it finds wrong at the start is reported with this line.
    #[track_caller]
    pub fn extend(mut self, extension: impl Extension) -> App {
        let around = self.adding;
        self.adding = around.extension();
        App { adding: around, ..extension.init_app(self) }
    }

    /// Puts what `around` returns around the whole application: before the host is checked and a rule is matched, after
    /// the last hook. It is given what is inside, to call it or not; the last one that is added is the outermost.
    /// Flask's `app.wsgi_app = Middleware(app.wsgi_app)`.
    ///
    /// Before it calls what is inside, it may change the request with [`Context::request_mut`](crate::Context::request_mut)
    /// as it likes. An error that it returns is answered by the error handlers, with the headers that every response
    /// has; a response of its own passes no hook.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use hipflask::extension::{Answer, Handler};
    /// use hipflask::prelude::*;
    ///
    /// /// Lets a form name the method that its view has: `POST /posts/1?_method=DELETE`.
    /// struct MethodOverride(Arc<dyn Handler>);
    ///
    /// impl Handler for MethodOverride {
    ///     fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
    ///         let named = ctx.request().args().get("_method").and_then(|name| name.parse().ok());
    ///         if let (&POST, Some(method)) = (ctx.request().method(), named) {
    ///             ctx.request_mut().set_method(method);
    ///         }
    ///         self.0.call(ctx)
    ///     }
    /// }
    ///
    /// #[delete("/posts/<int:id>")]
    /// async fn remove(id: i64) -> String {
    ///     format!("{id} is gone")
    /// }
    ///
    /// let app = App::new("doc", ".").routes(routes![remove]).wrap(MethodOverride);
    /// let client = app.test_client();
    /// assert_eq!(client.post("/posts/1?_method=DELETE").send_blocking().text(), "1 is gone");
    /// ```
    #[track_caller]
    pub fn wrap<M, H: IntoHandler<M>>(mut self, around: impl FnOnce(Arc<dyn Handler>) -> H + Send + 'static) -> App {
        let around = Box::new(|inside| around(inside).into_handler());
        self.wraps.push(Wrap { around, location: Location::caller() });
        self
    }

    /// Takes the files of a folder of the application from inside the binary. [`app!`](crate::app) gives
    /// those of a release build: `templates`, `static` and `migrations`.
    pub fn embed(mut self, folder: &'static str, files: &'static [EmbeddedFile]) -> App {
        self.embedded.push((folder, files));
        self
    }

    /// A folder of it, for an extension that reads what is in there.
    pub fn folder(&self, name: &str) -> Folder {
        RootFolder::default().find(name, &self.root_path, &self.embedded)
    }

    pub(crate) fn embedded(&self) -> &[(&'static str, &'static [EmbeddedFile])] {
        &self.embedded
    }

    /// Keeps state for views and hooks, under its type: the argument [`State`](crate::extension::State) and
    /// [`Context::state`](crate::Context::state) find it. There is one value of each type: as with the configuration, the
    /// last one counts, so that a test can put something of its own in place of what the application has.
    ///
    /// ```
    /// use hipflask::extension::State;
    /// use hipflask::prelude::*;
    ///
    /// struct Greeting(&'static str);
    ///
    /// #[get("/")]
    /// async fn index(greeting: State<Greeting>) -> &'static str {
    ///     greeting.0
    /// }
    ///
    /// fn app() -> App {
    ///     App::new("doc", ".").insert_state(Greeting("Hello!")).routes(routes![index])
    /// }
    ///
    /// assert_eq!(app().test_client().get("/").send_blocking().text(), "Hello!");
    /// let tested = app().insert_state(Greeting("a test's")).test_client();
    /// assert_eq!(tested.get("/").send_blocking().text(), "a test's");
    /// ```
    pub fn insert_state<T: Send + Sync + 'static>(mut self, state: T) -> App {
        self.state.insert(state);
        self
    }

    /// The state of type `T`; if there is none yet, its default. For setup methods that an extension adds.
    pub fn state_mut<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.state.get_or_default()
    }

    /// Keeps sessions somewhere other than in a signed cookie. `make` is called while the application is frozen, when the
    /// configuration is known. Flask's `app.session_interface = …`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::sessions::{MemoryStore, ServerSideSessions};
    ///
    /// let app = App::new("doc", ".")
    ///     .session_interface(|freezing| ServerSideSessions::new(MemoryStore::default(), freezing.config()));
    /// ```
    #[track_caller]
    pub fn session_interface<I: SessionInterface>(
        mut self,
        make: impl FnOnce(&Freezing<'_>) -> Result<I> + Send + 'static,
    ) -> App {
        let make = move |freezing: &Freezing<'_>| Ok(Box::new(make(freezing)?) as Box<dyn SessionInterface>);
        self.sessions = Some(MakeSessions { make: Box::new(make), location: Location::caller() });
        self
    }

    /// Declares that something of the application reads the options of type `T`: an extension, a hook. An option
    /// that nothing reads would do nothing, and a view that asks for a role would be open to everybody. So it keeps
    /// the application from starting.
    ///
    /// ```
    /// use hipflask::Context;
    /// use hipflask::prelude::*;
    ///
    /// /// Tells caches for how many seconds an answer is fresh.
    /// struct Fresh(u32);
    ///
    /// fn caching(app: App) -> App {
    ///     app.reads_option::<Fresh>().after_request(say_how_long)
    /// }
    ///
    /// async fn say_how_long(ctx: &mut Context) -> Result<()> {
    ///     if let Some(Fresh(seconds)) = ctx.option() {
    ///         let value = format!("max-age={seconds}").parse()?;
    ///         ctx.response_mut().headers_mut().insert("cache-control", value);
    ///     }
    ///     Ok(())
    /// }
    ///
    /// #[get("/", with = Fresh(60))]
    /// async fn index() -> &'static str {
    ///     "Hello!"
    /// }
    ///
    /// let client = App::new("doc", ".").extend(caching).routes(routes![index]).test_client();
    /// assert_eq!(client.get("/").send_blocking().header("cache-control"), Some("max-age=60"));
    /// let forgotten = App::new("doc", ".").routes(routes![index]).freeze().unwrap_err();
    /// assert!(forgotten.to_string().contains("nothing reads it"));
    /// ```
    pub fn reads_option<T: 'static>(mut self) -> App {
        self.options_read.insert(TypeId::of::<T>());
        self
    }

    /// Adds an extension after everything else, right before the application is frozen: for what
    /// depends on the options that come after it.
    #[track_caller]
    pub fn extend_last(mut self, extension: impl Extension + Send + 'static) -> App {
        self.last.push((self.adding.extension(), Box::new(move |app| extension.init_app(app))));
        self
    }

    /// Runs `f` while the application is frozen, to check what it needs or to make state out of what was set up.
    #[track_caller]
    pub fn on_freeze(mut self, f: impl FnOnce(&mut Freezing<'_>) + Send + 'static) -> App {
        self.on_freeze.push((self.adding.place(), Box::new(f)));
        self
    }

    /// Adds a command to the application's binary. `f` gets its arguments as a view does; what the user typed
    /// after the command is [`CliArgs`](crate::cli::CliArgs). The text that it returns is printed.
    #[track_caller]
    pub fn command<M>(mut self, name: impl Into<String>, about: impl Into<String>, f: impl IntoHandler<M>) -> App {
        let name = name.into();
        let handler = f.into_handler();
        self.check_handler(&handler, format!("the command `{name}`"));
        self.commands.push(Command { name, about: about.into(), handler, starts: true, app: None });
        self
    }

    /// [`command`](App::command), for one that must not wait for the start because it looks at, or
    /// mends, what the start needs, for instance the state of a database.
    #[track_caller]
    pub fn command_before_start<M>(
        mut self,
        name: impl Into<String>,
        about: impl Into<String>,
        f: impl IntoHandler<M>,
    ) -> App {
        let name = name.into();
        let handler = f.into_handler();
        self.check_handler(&handler, format!("the command `{name}`"));
        self.commands.push(Command { name, about: about.into(), handler, starts: false, app: None });
        self
    }

    /// Has the arguments of `handler` checked when the application is frozen, as those of a hook are; `what` is its name in
    /// messages. For an extension that keeps functions of the program and calls them itself.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use hipflask::extension::{Handler, IntoHandler};
    /// use hipflask::prelude::*;
    ///
    /// /// What runs every night.
    /// #[derive(Default)]
    /// struct Nightly(Vec<Arc<dyn Handler>>);
    ///
    /// fn nightly<M>(mut app: App, f: impl IntoHandler<M>) -> App {
    ///     let handler = f.into_handler();
    ///     app.check_handler(&handler, "the nightly function");
    ///     app.state_mut::<Nightly>().0.push(handler);
    ///     app
    /// }
    ///
    /// let app = App::new("doc", ".").config("DEBUG", false);
    /// let errors = nightly(app, async |_: Session| ()).freeze().unwrap_err();
    /// assert!(errors.to_string().contains("the nightly function: the session is signed, but no secret key is set"));
    /// ```
    #[track_caller]
    pub fn check_handler(&mut self, handler: &Arc<dyn Handler>, what: impl Into<String>) {
        self.checked.push((Box::new(Arc::clone(handler)), what.into(), Location::caller()));
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
