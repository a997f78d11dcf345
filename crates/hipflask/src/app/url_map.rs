//! What an application says about all of its rules: their converters, whether they are for hosts, what they do about
//! slashes, and which URL there is where none can be built.

use std::sync::Arc;

use crate::app::App;
use crate::app::setup_error::SetupError;
use crate::base::config::Config;
use crate::base::error::Result;
use crate::http::host::host_parts;
use crate::http::url::{PATH_SAFE, quote};
use crate::routing::build::{BuildError, WantedUrl};
use crate::routing::converter::{Converter, Factory};
use crate::routing::url_map::{Domains, Place, UrlMap};

impl App {
    /// Changes what holds for all rules. Flask's `app.url_map.strict_slashes = False`.
    pub fn url_map(mut self, change: impl FnOnce(&mut UrlMap)) -> App {
        change(&mut self.url_map);
        self
    }

    /// Looks at the subdomain of the host, at what stands before `SERVER_NAME`: rules and blueprints can be for one, and
    /// those that name none are for `SERVER_NAME` itself. Other hosts find no rule. Flask's `subdomain_matching=True`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    /// use hipflask::routing::ViewArgs;
    ///
    /// async fn home(ctx: &mut Context, args: ViewArgs) -> Result<String> {
    ///     Ok(format!("{}, see {}", args.get::<String>("user")?, ctx.url_for("index")?))
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .subdomain_matching()
    ///     .config("SERVER_NAME", "example.org")
    ///     .add_url_rule(Rule::new("/").endpoint("index"), async || "everybody's")
    ///     .add_url_rule(Rule::new("/").endpoint("home").subdomain("<user>"), home);
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").send_blocking().text(), "everybody's");
    /// let ada = client.get("/").header("host", "ada.example.org").send_blocking();
    /// assert_eq!(ada.text(), "ada, see http://example.org/");
    /// ```
    #[track_caller]
    pub fn subdomain_matching(self) -> App {
        self.look_at(Domains::Subdomains)
    }

    /// Looks at the whole host: every rule, or a blueprint around it, is for one, with its port unless that is the
    /// scheme's own. `SERVER_NAME` counts only outside of a request. Flask's `host_matching=True`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let shop = Blueprint::new("shop").host("<country>.shop.example").add_url_rule(Rule::new("/"), async || "shop");
    /// let app = App::new("doc", ".")
    ///     .host_matching()
    ///     .static_host("static.example")
    ///     .config("TRUSTED_HOSTS", [".example"])
    ///     .add_url_rule(Rule::new("/").host("www.example"), async || "welcome")
    ///     .register_blueprint(shop);
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("host", "www.example").send_blocking().text(), "welcome");
    /// assert_eq!(client.get("/").header("host", "de.shop.example").send_blocking().text(), "shop");
    /// assert_eq!(client.get("/").header("host", "another.example").send_blocking().status(), 404);
    /// ```
    #[track_caller]
    pub fn host_matching(self) -> App {
        self.look_at(Domains::Hosts)
    }

    /// Adds a converter: `make` gets the arguments that stand in the rule. What a converter has to know is its state: `make`
    /// gives it, and may share it with the rest of the program.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    /// use hipflask::routing::Converter;
    ///
    /// /// One of the teams that there are.
    /// #[derive(Debug)]
    /// struct Team(Arc<Vec<String>>);
    ///
    /// impl Converter for Team {
    ///     fn matches(&self, text: &str) -> bool {
    ///         self.0.iter().any(|team| team == text)
    ///     }
    /// }
    ///
    /// let teams = Arc::new(vec!["red".to_owned(), "blue".to_owned()]);
    /// let app = App::new("doc", ".")
    ///     .url_converter("team", move |_| Ok(Team(Arc::clone(&teams))))
    ///     .add_url_rule(Rule::new("/<team:name>"), async || "a team");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/red").send_blocking().text(), "a team");
    /// assert_eq!(client.get("/green").send_blocking().status(), 404);
    /// ```
    pub fn url_converter<C: Converter>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&hipflask_rule::Arguments) -> Result<C, String> + Send + Sync + 'static,
    ) -> App {
        let factory: Factory = Arc::new(move |arguments| Ok(Arc::new(make(arguments)?)));
        self.converters.push((name.into(), factory));
        self
    }

    /// Lets `f` find a URL where building one has failed; it gets the error, and what was to be built. Its answer is the
    /// URL as it is: nothing is put before it or after it. Like
    /// [`url_defaults`](crate::extension::Scaffold::url_defaults) it runs in place.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".")
    ///     .url_build_error_handler(|_, wanted| {
    ///         let page = wanted.endpoint().strip_prefix("wiki.")?;
    ///         Some(format!("https://wiki.example/{page}"))
    ///     })
    ///     .add_url_rule(Rule::new("/"), async |ctx: &mut Context| ctx.url_for("wiki.help"));
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "https://wiki.example/help");
    /// ```
    pub fn url_build_error_handler(
        mut self,
        f: impl Fn(&BuildError, &WantedUrl) -> Option<String> + Send + Sync + 'static,
    ) -> App {
        self.build_error_handlers.push(Arc::new(f));
        self
    }

    #[track_caller]
    fn look_at(mut self, domains: Domains) -> App {
        let known = self.url_map.domains;
        let both = known != Domains::Ignored && known != domains;
        self.url_map.domains = domains;
        let told =
            "an application looks at hosts or at subdomains; say `host_matching` or `subdomain_matching`, not both";
        self.note(if both { Err(told.to_owned()) } else { Ok(()) })
    }
}

/// Completes `map` with what the configuration says about the place of the application.
pub(super) fn locate(map: &mut UrlMap, config: &Config, problems: &mut Vec<SetupError>) {
    match place(config) {
        Ok(place) => map.place = place,
        Err(error) => problems.push(SetupError::new(error.to_string(), None)),
    }
    let told = match (map.domains, &map.place.server_name) {
        (Domains::Subdomains, None) => {
            "subdomains are what stands before `SERVER_NAME`, which is not set; set it to a host, for instance example.org"
        }
        (Domains::Ignored | Domains::Hosts, _) if !map.default_subdomain.is_empty() => {
            "`default_subdomain` has no effect without `.subdomain_matching()`"
        }
        _ => return,
    };
    problems.push(SetupError::new(told, None));
}

fn place(config: &Config) -> Result<Place> {
    let server_name: Option<String> = config.find("SERVER_NAME")?;
    if let Some(name) = server_name.as_deref().filter(|name| host_parts(name).is_none()) {
        return Err(crate::base::error::Error::msg(format!(
            "`SERVER_NAME` must be a host, perhaps with a port, like example.org or localhost:5000; `{name}` is not one"
        )));
    }
    let root: String = config.get("APPLICATION_ROOT")?;
    let root = match root.trim_matches('/') {
        "" => String::new(),
        root => format!("/{}", quote(root, PATH_SAFE)),
    };
    let server_name = server_name.map(|name| name.to_ascii_lowercase());
    Ok(Place { server_name, root, scheme: config.get("PREFERRED_URL_SCHEME")? })
}
