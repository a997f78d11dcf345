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
    pub(crate) parts: ScaffoldParts,
    pub(crate) children: Vec<Blueprint>,
    pub(crate) location: &'static Location<'static>,
}

impl Blueprint {
    /// A blueprint whose endpoints begin with `name` and a dot. The name holds no dot itself.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Blueprint {
        Blueprint {
            name: name.into(),
            url_prefix: String::new(),
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
