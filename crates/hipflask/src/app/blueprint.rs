//! Blueprints: a part of an application with its own prefix, names, hooks and error handlers.

use std::panic::Location;

use crate::app::App;
use crate::app::folder::{Folder, RootFolder};
use crate::app::scaffold::{Scaffold, ScaffoldParts};
use crate::base::type_map::TypeMap;

/// A part of an application: rules under a prefix, names under a name, and hooks and error handlers that are
/// for these rules alone. Blueprints can hold blueprints. Flask's `Blueprint`.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[get("/")]
/// async fn index(ctx: &mut hipflask::Context) -> String {
///     format!("{:?}", ctx.endpoint())
/// }
///
/// let blog = Blueprint::new("blog").url_prefix("/blog").routes(routes![index]);
/// let client = App::new("doc", ".").register_blueprint(blog).test_client();
/// assert_eq!(client.get("/blog/").send_blocking().text(), r#"Some("blog.index")"#);
/// ```
#[must_use = "a blueprint does nothing until it is registered"]
pub struct Blueprint {
    pub(crate) name: String,
    pub(crate) url_prefix: String,
    pub(crate) subdomain: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) defaults: Vec<(String, String)>,
    pub(crate) parts: ScaffoldParts,
    pub(crate) children: Vec<Blueprint>,
    pub(crate) location: &'static Location<'static>,
    /// The name that it was made with.
    made_as: String,
    pub(crate) name_prefix: Option<String>,
    root: RootFolder,
    /// The group of its commands, if it is not its name.
    cli_group: Option<Option<String>>,
    /// Whether its error handlers are for paths below its prefix that no rule has.
    pub(crate) errors_below_prefix: bool,
    /// What runs when it is registered.
    pub(super) recorded: Vec<Recorded>,
    /// What extensions keep for it until it is registered.
    state: TypeMap,
}

/// What runs when a blueprint is registered.
pub(super) type Recorded = Box<dyn FnOnce(App, &BlueprintSetupState) -> App + Send>;

impl Blueprint {
    /// A blueprint whose endpoints begin with `name` and a dot. The name holds no dot itself.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Blueprint {
        let name = name.into();
        Blueprint {
            made_as: name.clone(),
            name,
            url_prefix: String::new(),
            subdomain: None,
            host: None,
            defaults: Vec::new(),
            parts: ScaffoldParts::default(),
            children: Vec::new(),
            location: Location::caller(),
            name_prefix: None,
            root: RootFolder::default(),
            cli_group: None,
            errors_below_prefix: false,
            recorded: Vec::new(),
            state: TypeMap::default(),
        }
    }

    /// The prefix of its rules.
    pub fn url_prefix(mut self, prefix: impl Into<String>) -> Blueprint {
        self.url_prefix = prefix.into();
        self
    }

    /// The subdomain of its rules that name none themselves; it may have variables. Inside of another blueprint it stands
    /// before that one's: `api` in `eu` is `api.eu`. The application says
    /// [`subdomain_matching`](crate::App::subdomain_matching) then.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let api = Blueprint::new("api").subdomain("api").add_url_rule(Rule::new("/").endpoint("index"), async || "API");
    /// let app = App::new("doc", ".")
    ///     .subdomain_matching()
    ///     .config("SERVER_NAME", "example.org")
    ///     .register_blueprint(Blueprint::new("eu").subdomain("eu").register_blueprint(api));
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("host", "api.eu.example.org").send_blocking().text(), "API");
    /// ```
    pub fn subdomain(mut self, subdomain: impl Into<String>) -> Blueprint {
        self.subdomain = Some(subdomain.into());
        self
    }

    /// The host of its rules that name none themselves, and of those of blueprints in it; it may have variables. The
    /// application says [`host_matching`](crate::App::host_matching) then.
    pub fn host(mut self, host: impl Into<String>) -> Blueprint {
        self.host = Some(host.into());
        self
    }

    /// A default for each of its rules, as [`Rule::default`](crate::Rule::default) is for one; a rule's own comes first.
    /// Flask's `url_defaults={…}` of a blueprint.
    pub fn default(mut self, name: impl Into<String>, value: impl ToString) -> Blueprint {
        let name = name.into();
        self.defaults.retain(|(known, _)| *known != name);
        self.defaults.push((name, value.to_string()));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same under another name, for a blueprint that is registered more than once. The `name` of Flask's
    /// `register_blueprint`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// fn blog() -> Blueprint {
    ///     Blueprint::new("blog").add_url_rule(Rule::new("/").endpoint("index"), async || "posts")
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .register_blueprint(blog().url_prefix("/blog"))
    ///     .register_blueprint(blog().url_prefix("/archive").named("archive"))
    ///     .freeze()?;
    /// assert!(app.rules().any(|rule| rule.endpoint() == "archive.index"));
    /// # Ok::<(), hipflask::errors::SetupErrors>(())
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Blueprint {
        self.name = name.into();
        self
    }

    /// Puts a name before its own, with a dot between. The `name_prefix` of Flask's `register_blueprint`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let blog = Blueprint::new("blog").add_url_rule(Rule::new("/").endpoint("index"), async || "posts");
    /// let app = App::new("doc", ".").register_blueprint(blog.name_prefix("old")).freeze()?;
    /// assert!(app.rules().any(|rule| rule.endpoint() == "old.blog.index"));
    /// # Ok::<(), hipflask::errors::SetupErrors>(())
    /// ```
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Blueprint {
        self.name_prefix = Some(prefix.into());
        self
    }

    /// The folder that its own folders are in, relative to the application's; or, with
    /// [`folder!`](crate::extension::folder), one of its own crate, whose `templates` and `static` are inside the binary in
    /// a release build.
    ///
    /// ```no_run
    /// use hipflask::extension::folder;
    /// use hipflask::prelude::*;
    ///
    /// let blog = Blueprint::new("blog").root_path(folder!("src")).template_folder("templates").static_folder("static");
    /// ```
    pub fn root_path(mut self, root: impl Into<RootFolder>) -> Blueprint {
        self.root = root.into();
        self
    }

    /// The group of its [commands](Blueprint::command): they are `group.name`. Without a group, `None`, they are like those
    /// of the application. By default the group is the blueprint's name.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// let blog = Blueprint::new("blog").cli_group(None).command("seed", "Writes some posts.", async || "three posts");
    /// let app = App::new("doc", ".").register_blueprint(blog).freeze()?;
    /// assert!(hipflask::block_on(app.run_command("seed", [""; 0])).is_ok());
    /// # Ok::<(), hipflask::errors::SetupErrors>(())
    /// ```
    pub fn cli_group(mut self, group: Option<&str>) -> Blueprint {
        self.cli_group = Some(group.map(str::to_owned));
        self
    }

    /// Gives its error handlers the errors of every request below its prefix that no rule has: the 404s and the 405s. In
    /// Flask, and without this, such a request belongs to no blueprint, and its errors go to the application's handlers.
    ///
    /// A part of the prefix that has a variable stands for any text without a slash. Of several such blueprints the one with
    /// the longest prefix counts. Its hooks do not run.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// async fn as_json(error: HttpError) -> (Status, Json<String>) {
    ///     (error.status(), Json(error.name().to_owned()))
    /// }
    ///
    /// let api = Blueprint::new("api").url_prefix("/api").errors_below_prefix().register_error_handler(404, as_json);
    /// let client = App::new("doc", ".").register_blueprint(api).test_client();
    /// assert_eq!(client.get("/api/nowhere").send_blocking().text(), "\"Not Found\"");
    /// assert!(client.get("/nowhere").send_blocking().text().contains("<h1>"));
    /// ```
    pub fn errors_below_prefix(mut self) -> Blueprint {
        self.errors_below_prefix = true;
        self
    }

    /// A folder of it, for an extension that reads what is in there.
    pub fn folder(&self, app: &App, name: &str) -> Folder {
        self.root.find(name, app.root_path(), app.embedded())
    }

    /// What an extension keeps for it under the type `T`; if there is nothing yet, its default. For setup methods that an
    /// extension adds to blueprints; [`App::on_blueprint`] is where it looks at it.
    pub fn state_mut<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.state.get_or_default()
    }

    /// Registers `blueprint` inside this one: its prefix and its name follow this one's.
    pub fn register_blueprint(mut self, blueprint: Blueprint) -> Blueprint {
        self.children.push(blueprint);
        self
    }
}

impl Scaffold for Blueprint {
    fn scaffold(&mut self) -> &mut ScaffoldParts {
        &mut self.parts
    }
}

impl Blueprint {
    /// Its name in an application, where it is registered under `outer`: `site.blog`.
    pub(super) fn full_name(&self, outer: &str) -> String {
        let names = [outer, self.name_prefix.as_deref().unwrap_or_default(), &self.name];
        names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(".")
    }

    /// Its prefix in an application, where it is registered under `outer`.
    pub(super) fn full_prefix(&self, outer: &str) -> String {
        match self.url_prefix.as_str() {
            "" => outer.to_owned(),
            own => format!("{}/{}", outer.trim_end_matches('/'), own.trim_start_matches('/')),
        }
    }

    /// Runs what was recorded, then that of the blueprints in it.
    pub(super) fn set_up(&mut self, mut app: App, outer_name: &str, outer_prefix: &str) -> App {
        let (name, url_prefix) = (self.full_name(outer_name), self.full_prefix(outer_prefix));
        let cli_group = self.cli_group.clone().unwrap_or_else(|| Some(name.clone()));
        let is_first_registration = app.registered.insert((self.made_as.clone(), self.location));
        let state = BlueprintSetupState { name, url_prefix, cli_group, is_first_registration };
        for recorded in std::mem::take(&mut self.recorded) {
            app = recorded(app, &state);
        }
        self.children.iter_mut().fold(app, |app, child| child.set_up(app, &state.name, &state.url_prefix))
    }

    /// The same after `f`, and so the blueprints in it.
    pub(super) fn map(self, f: &mut dyn FnMut(Blueprint) -> Blueprint) -> Blueprint {
        let mut mapped = f(self);
        mapped.children = std::mem::take(&mut mapped.children).into_iter().map(|child| child.map(f)).collect();
        mapped
    }
}

impl std::fmt::Debug for Blueprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut blueprint = f.debug_struct("Blueprint");
        blueprint.field("name", &self.name).field("url_prefix", &self.url_prefix).field("parts", &self.parts);
        blueprint.field("children", &self.children).finish_non_exhaustive()
    }
}

/// Where a blueprint is registered: for [`Blueprint::record`]. Flask's class of that name.
#[derive(Clone, Debug)]
pub struct BlueprintSetupState {
    name: String,
    url_prefix: String,
    cli_group: Option<String>,
    is_first_registration: bool,
}

impl BlueprintSetupState {
    /// Its name there, with those of the blueprints around it: `site.blog`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its prefix there, with those of the blueprints around it.
    pub fn url_prefix(&self) -> &str {
        &self.url_prefix
    }

    /// The group of its commands.
    pub fn cli_group(&self) -> Option<&str> {
        self.cli_group.as_deref()
    }

    /// Whether it has not been registered in the application before, under another name.
    pub fn is_first_registration(&self) -> bool {
        self.is_first_registration
    }
}
