//! Blueprints: a part of an application with its own prefix, names, hooks and error handlers.

use std::panic::Location;

use crate::app::scaffold::{Scaffold, ScaffoldParts};

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
#[derive(Debug)]
#[must_use = "a blueprint does nothing until it is registered"]
pub struct Blueprint {
    pub(crate) name: String,
    pub(crate) url_prefix: String,
    pub(crate) subdomain: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) defaults: Vec<(String, String)>,
    pub(crate) cli_group: CliGroup,
    pub(crate) parts: ScaffoldParts,
    pub(crate) children: Vec<Blueprint>,
    pub(crate) location: &'static Location<'static>,
}

/// Where the commands of a blueprint are.
#[derive(Clone, Debug)]
pub(crate) enum CliGroup {
    /// In a group of its name.
    Own,
    Named(String),
    /// Beside those of the application.
    Beside,
}

impl Blueprint {
    /// A blueprint whose endpoints begin with `name` and a dot. The name holds no dot itself.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Blueprint {
        Blueprint {
            name: name.into(),
            url_prefix: String::new(),
            subdomain: None,
            host: None,
            defaults: Vec::new(),
            cli_group: CliGroup::Own,
            parts: ScaffoldParts::default(),
            children: Vec::new(),
            location: Location::caller(),
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

    /// The group of its commands, instead of one that has its own name; with `None` they are beside those of the
    /// application. Flask's `cli_group`.
    ///
    /// ```
    /// use hipflask::cli::Command;
    /// use hipflask::prelude::*;
    ///
    /// fn posts() -> Blueprint {
    ///     Blueprint::new("posts").command(Command::new("count").runs(async || "12"))
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .register_blueprint(posts()) // posts count
    ///     .register_blueprint(posts().named("blog").cli_group("content")) // content count
    ///     .register_blueprint(posts().named("archive").cli_group(None)) // count
    ///     .freeze()?;
    /// # hipflask::block_on(async {
    /// assert_eq!(app.run_command("content", ["count"]).await?, "12");
    /// # assert_eq!(app.run_command("posts", ["count"]).await?, app.run_command("count", [""; 0]).await?);
    /// # Ok::<(), hipflask::Error>(())
    /// # })?;
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    pub fn cli_group<'a>(mut self, group: impl Into<Option<&'a str>>) -> Blueprint {
        self.cli_group = group.into().map_or(CliGroup::Beside, |name| CliGroup::Named(name.to_owned()));
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
