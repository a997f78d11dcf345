//! From an [`App`] to a [`Frozen`]: everything is checked, and what is wrong is reported together.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::app::below_prefix::{BelowPrefix, sorted};
use crate::app::blueprint::Blueprint;
use crate::app::course::AfterWork;
use crate::app::endpoints::{Endpoint, Owners, give_views};
use crate::app::freezing::Freezing;
use crate::app::frozen::{Command, Frozen, Inner, Life, MountPoint, Timeouts, View, url_rules};
use crate::app::limits::Limits;
use crate::app::mount::{Mounted, Mounting};
use crate::app::scaffold::{Route, ScaffoldParts};
use crate::app::scope::Hook;
use crate::app::scope::{Check, Checked};
use crate::app::scope::{Inside, Scope};
use crate::app::setup_error::{SetupError, SetupErrors};
use crate::app::traps::Traps;
use crate::app::url_map::locate;
use crate::app::url_rule::UrlRule;
use crate::app::wrap::compose;
use crate::app::{App, MakeSessions};
use crate::base::config::Config;
use crate::base::config::source::Source;
use crate::base::error::{Error, Result};
use crate::base::options::Options;
use crate::context::session::interface::SessionInterface;
use crate::context::session::secure_cookie::SecureCookieSessions;
use crate::handler::Handler;
use crate::handler::pool::{Bounds, Pool};
use crate::routing::converter::Factory;
use crate::routing::map::Map;
use crate::routing::rule::{Rule, ViewId};
use crate::routing::url_map::UrlMap;
use crate::signing::random_bytes;
use crate::signing::secret_key::weak_key;

impl App {
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
        for (adding, extend) in std::mem::take(&mut self.last) {
            self = extend(App { adding, ..self });
        }
        self.complete_blueprints();
        errors.append(&mut self.problems);
        let misspelt = self.config.misspelt().into_iter();
        errors.extend(misspelt.map(|key| SetupError::new(key.message, key.source.location())));
        let config = self.finish_config(errors);
        let mut url_map = std::mem::take(&mut self.url_map);
        locate(&mut url_map, &config, errors);
        let mut assembly = Assembly::new(&config, url_map, std::mem::take(&mut self.converters), &self.options_read);
        let app_parts = std::mem::take(&mut self.parts);
        assembly.add_app(app_parts, std::mem::take(&mut self.blueprints));
        let below_prefixes = sorted(std::mem::take(&mut assembly.below_prefixes));
        let mut mounts = Mounts::freeze(std::mem::take(&mut self.mounts), errors);
        let Assembly { mut map, mut views, scopes, mut checked, problems, view_ids, owners, endpoints, .. } = assembly;
        errors.extend(give_views(&map, &mut views, endpoints, &owners, &mut checked));
        checked.append(&mut self.checked);
        let has_first = mounts.points.iter().any(|point| point.is_first);
        let around = compose(std::mem::take(&mut self.wraps), has_first, &mut checked);
        map.finish();
        errors.extend(problems);
        let rules: Vec<UrlRule<'_>> = url_rules(&map, &views, &scopes).collect();
        let mut freezing = Freezing {
            name: &self.name,
            root_path: &self.root_path,
            config: &config,
            map: &map,
            rules: &rules,
            embedded: &self.embedded,
            state: &mut self.state,
            sessions: Ok(()),
            on_finished: &mut self.on_finished,
            problems: errors,
            place: None,
        };
        if self.sessions.is_none() {
            freezing.sessions = freezing.require_secret_key();
        }
        for (place, f) in self.on_freeze {
            freezing.place = place;
            f(&mut freezing);
        }
        let sessions = make_sessions(self.sessions, &mut freezing);
        if let Some(sessions) = &sessions {
            freezing.sessions = sessions.check(&freezing);
        }
        check_all(&checked, &mut freezing);
        let limits = note(Limits::from_config(&config), errors);
        let timeouts = note(Timeouts::from_config(&config), errors);
        let traps = note(Traps::from_config(&config), errors);
        let bounds = note(Bounds::from_config(&config), errors);
        let after_work = note(AfterWork::from_config(&config), errors);
        let instance_path = note(instance_path(&config), errors);
        self.commands.append(&mut mounts.commands);
        Some(Frozen(Arc::new(Inner {
            instance_path: instance_path?.unwrap_or_else(|| self.root_path.join("instance")),
            name: self.name,
            root_path: self.root_path,
            sessions: sessions?,
            limits: limits?,
            traps: traps?,
            pool: Pool::new(bounds?),
            config,
            map,
            views,
            view_ids,
            tears_down: scopes.iter().any(|scope| !scope.teardown_request.is_empty())
                || !self.teardown_appcontext.is_empty()
                || !self.signals.is_empty(),
            teardown_appcontext: self.teardown_appcontext.into_iter().rev().collect(),
            signals: self.signals,
            scopes_by_name: scopes
                .iter()
                .enumerate()
                .filter_map(|(at, scope)| Some((scope.name.clone()?, at)))
                .collect(),
            scopes,
            below_prefixes,
            mounts: mounts.points,
            around,
            build_error_handlers: self.build_error_handlers,
            state: self.state,
            on_finished: self.on_finished,
            commands: self.commands,
            children: mounts.children,
            after_work: after_work?,
            life: Life {
                on_startup: self.on_startup,
                on_shutdown: self.on_shutdown,
                timeouts: timeouts?,
                ..Life::default()
            },
        })))
    }

    /// Fills in what depends on whether the application is being developed.
    fn finish_config(&mut self, errors: &mut Vec<SetupError>) -> Config {
        let debug = self.config.is_debug();
        // An empty key comes from a variable that was never filled in; anyone could sign with it.
        let unset = self.config.get("SECRET_KEY").is_none_or(|key| key.is_null() || *key == "");
        if unset && debug {
            // Sessions of a developer end with the process; `run` keeps a key in the instance folder.
            let key = crate::signing::base64::encode(&random_bytes::<32>());
            let made = Source::Named("made for this process".to_owned());
            errors
                .extend(self.config.set("SECRET_KEY", &key, made).err().map(|message| SetupError::new(message, None)));
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

/// What keeps the sessions: a signed cookie, unless the application has said otherwise.
fn make_sessions(make: Option<MakeSessions>, freezing: &mut Freezing<'_>) -> Option<Box<dyn SessionInterface>> {
    let (made, location) = match make {
        Some(MakeSessions { make, location }) => (make(freezing), Some(location)),
        None => {
            let cookies = SecureCookieSessions::from_config(freezing.config);
            (cookies.map(|cookies| Box::new(cookies) as Box<dyn SessionInterface>), None)
        }
    };
    made.map_err(|error| freezing.problems.push(SetupError::new(error.to_string(), location))).ok()
}

/// Where the application writes, if that is configured.
fn instance_path(config: &Config) -> Result<Option<PathBuf>> {
    let path: Option<PathBuf> = config.find("INSTANCE_PATH")?;
    match path.filter(|path| path.is_relative()) {
        None => config.find("INSTANCE_PATH"),
        Some(path) => Err(Error::msg(format!(
            "the configuration key `INSTANCE_PATH` is `{}`, which depends on where the program is started; give an absolute path",
            path.display()
        ))),
    }
}

fn note<T>(result: Result<T>, errors: &mut Vec<SetupError>) -> Option<T> {
    result.map_err(|error| errors.push(SetupError::new(error.to_string(), None))).ok()
}

/// What is mounted, frozen.
#[derive(Default)]
struct Mounts {
    /// The longest prefix first.
    points: Vec<MountPoint>,
    /// The applications among them, in the order of their mounting.
    children: Vec<Frozen>,
    /// Their commands, under their names.
    commands: Vec<Command>,
}

impl Mounts {
    fn freeze(mounts: Vec<Mounting>, errors: &mut Vec<SetupError>) -> Mounts {
        let mut frozen = Mounts::default();
        for Mounting { prefix, mounted, is_first, location } in mounts {
            let prefix = prefix.trim_end_matches('/').to_owned();
            if !prefix.is_empty() && !prefix.starts_with('/') {
                let message = format!("the prefix `{prefix}` of a mount must start with a slash");
                errors.push(SetupError::new(message, Some(location)));
                continue;
            }
            let child = match mounted {
                Mounted::Handler(handler) => {
                    frozen.points.push(MountPoint { prefix, handler, is_first, is_app: false });
                    continue;
                }
                Mounted::App(app) => app.freeze_into(errors),
                Mounted::Frozen(child) => Some(child),
            };
            if let Some(child) = child {
                let handler = Arc::new(child.clone());
                frozen.points.push(MountPoint { prefix, handler, is_first, is_app: true });
                errors.extend(frozen.add_commands(&child).map(|message| SetupError::new(message, Some(location))));
                frozen.children.push(child);
            }
        }
        frozen.points.sort_by_key(|point| std::cmp::Reverse(point.prefix.len()));
        frozen
    }

    /// Adds the commands of a mounted application. Says what is wrong if they cannot be told from another one's.
    fn add_commands(&mut self, child: &Frozen) -> Option<String> {
        let under = |command: &Command| format!("{}.{}", child.name(), command.name);
        let known = |command: &&Command| self.commands.iter().any(|other| other.name == under(command));
        let clash = child.commands().iter().find(known).map(|command| {
            format!(
                "the command `{}` is that of another mounted application; give one of them another name",
                under(command)
            )
        });
        self.commands.extend(child.commands().iter().map(|command| Command {
            name: under(command),
            app: Some(command.app.clone().unwrap_or_else(|| child.clone())),
            ..command.clone()
        }));
        clash
    }
}

fn boxed(handler: &Arc<dyn Handler>) -> Box<dyn Check> {
    Box::new(Arc::clone(handler))
}

fn check_all(checked: &[Checked], freezing: &mut Freezing<'_>) {
    for (function, what, location) in checked {
        if let Err(message) = function.check(freezing) {
            freezing.problems.push(SetupError::new(message, Some(*location)).of(what));
        }
    }
}

/// Puts the parts of an application together: flattens blueprints into scopes, rules into the map.
struct Assembly<'a> {
    map: Map,
    views: Vec<View>,
    view_ids: HashMap<ViewId, Vec<String>>,
    scopes: Vec<Scope>,
    /// Every function, with what it is for messages.
    checked: Vec<Checked>,
    problems: Vec<SetupError>,
    /// Which view an endpoint was given to first.
    owners: Owners,
    /// Views that were given to an endpoint, apart from its rules.
    endpoints: Vec<Endpoint>,
    automatic_options: bool,
    below_prefixes: Vec<BelowPrefix>,
    /// The types of the options that something reads.
    options_read: &'a HashSet<TypeId>,
}

/// Where a blueprint is registered.
struct Place<'a> {
    scope: usize,
    /// `site.blog`, or empty for the application.
    name: &'a str,
    prefix: &'a str,
    subdomain: Option<&'a str>,
    host: Option<&'a str>,
}

impl Place<'_> {
    /// The rule as it is in this place.
    fn adapt(&self, rule: Rule, defaults: &[(String, String)]) -> Rule {
        let mut rule = rule.under(self.prefix);
        // The rule's own come first.
        rule.subdomain = rule.subdomain.or(self.subdomain.map(str::to_owned));
        rule.host = rule.host.or(self.host.map(str::to_owned));
        for (name, value) in defaults {
            if !rule.defaults.iter().any(|(known, _)| known == name) {
                rule.defaults.push((name.clone(), value.clone()));
            }
        }
        rule
    }
}

impl<'a> Assembly<'a> {
    fn new(
        config: &Config,
        settings: UrlMap,
        converters: Vec<(String, Factory)>,
        options_read: &'a HashSet<TypeId>,
    ) -> Assembly<'a> {
        let mut map = Map::new(settings);
        converters.into_iter().for_each(|(name, factory)| map.add_converter(name, factory));
        Assembly {
            map,
            views: Vec::new(),
            view_ids: HashMap::new(),
            scopes: Vec::new(),
            checked: Vec::new(),
            problems: Vec::new(),
            owners: HashMap::new(),
            endpoints: Vec::new(),
            below_prefixes: Vec::new(),
            automatic_options: config.switch("PROVIDE_AUTOMATIC_OPTIONS", true),
            options_read,
        }
    }

    fn add_app(&mut self, parts: ScaffoldParts, blueprints: Vec<Blueprint>) {
        let routes = self.add_scope(parts, None, None);
        let app = Place { scope: 0, name: "", prefix: "", subdomain: None, host: None };
        routes.into_iter().for_each(|route| self.add_route(route, &app));
        self.add_blueprints(blueprints, &app);
    }

    fn add_blueprints(&mut self, blueprints: Vec<Blueprint>, outer: &Place<'_>) {
        for blueprint in blueprints {
            let problem = match blueprint.name.as_str() {
                "" => Some("a blueprint needs a name".to_owned()),
                name if name.contains('.') => Some(format!("the blueprint's name `{name}` must not contain a dot")),
                _ if self.has_blueprint(&blueprint.full_name(outer.name)) => Some(format!(
                    "the name `{}` is taken by another blueprint; give this one its own with `.named(..)`",
                    blueprint.full_name(outer.name)
                )),
                _ => None,
            };
            match problem {
                Some(message) => self.problems.push(SetupError::new(message, Some(blueprint.location))),
                None => self.add_blueprint(blueprint, outer),
            }
        }
    }

    fn add_blueprint(&mut self, blueprint: Blueprint, outer: &Place<'_>) {
        let (name, prefix) = (blueprint.full_name(outer.name), blueprint.full_prefix(outer.prefix));
        let subdomain = match (&blueprint.subdomain, outer.subdomain) {
            (Some(own), Some(outer)) => Some(format!("{own}.{outer}")),
            (Some(own), None) => Some(own.clone()),
            (None, outer) => outer.map(str::to_owned),
        };
        let host = blueprint.host.as_deref().or(outer.host);
        let routes = self.add_scope(blueprint.parts, Some(name.clone()), Some(outer.scope));
        let scope = self.scopes.len() - 1;
        if blueprint.errors_below_prefix {
            self.below_prefixes.push(BelowPrefix::new(&prefix, scope));
        }
        let place = Place { scope, name: &name, prefix: &prefix, subdomain: subdomain.as_deref(), host };
        for route in routes {
            self.add_route(Route { rule: place.adapt(route.rule, &blueprint.defaults), ..route }, &place);
        }
        self.add_blueprints(blueprint.children, &place);
    }

    fn has_blueprint(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.name.as_deref() == Some(name))
    }

    /// Adds the hooks of a part, inside those around it, and returns its routes.
    fn add_scope(&mut self, parts: ScaffoldParts, name: Option<String>, outer: Option<usize>) -> Vec<Route> {
        let owner = name.as_deref().map_or_else(String::new, |name| format!(" of the blueprint `{name}`"));
        let mut note = |hooks: &[Hook], what: &str| {
            let noted =
                hooks.iter().map(|hook| (boxed(&hook.handler), format!("the {what} function{owner}"), hook.location));
            self.checked.extend(noted);
        };
        note(&parts.before_request, "before_request");
        note(&parts.after_request, "after_request");
        note(&parts.url_value_preprocessors, "url_value_preprocessor");
        let handlers = parts.error_handlers.iter();
        self.checked.extend(
            handlers.map(|h| (boxed(&h.handler), format!("the error handler for {:?}{owner}", h.catches), h.location)),
        );
        for teardown in &parts.teardown_request {
            let what = format!("the teardown_request function{owner}");
            self.checked.push((Box::new(teardown.clone()), what, teardown.location()));
        }
        let names = name.as_deref().map_or_else(String::new, |name| format!("{name}."));
        let endpoints = parts.endpoints.into_iter();
        self.endpoints.extend(endpoints.map(|given| Endpoint { name: names.clone() + &given.name, ..given }));
        let checked = parts.checked.into_iter();
        self.checked.extend(checked.map(|(check, what, location)| (check, what + &owner, location)));
        let what =
            name.as_deref().map_or_else(|| "the application".to_owned(), |name| format!("the blueprint `{name}`"));
        self.check_options(&parts.options, &what);
        let errors = parts.error_handlers.into_iter().map(|handler| (handler.catches, handler.handler)).collect();
        let around = outer.map_or_else(Scope::default, |outer| self.scopes[outer].clone());
        self.scopes.push(around.with_inner(
            parts.before_request,
            parts.after_request,
            parts.teardown_request,
            parts.url_value_preprocessors,
            Inside { name, url_defaults: parts.url_defaults, errors, options: parts.options },
        ));
        parts.routes
    }

    fn add_route(&mut self, route: Route, place: &Place<'_>) {
        let location = route.rule.location;
        let endpoint = match place.name {
            "" => route.name.clone(),
            blueprint => format!("{blueprint}.{}", route.name),
        };
        self.check_options(&route.rule.options, &format!("the view `{endpoint}`"));
        let mut options = self.scopes[place.scope].options.clone();
        options.extend(route.rule.options.clone());
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
                for view in route.view.iter().chain(&route.inside) {
                    self.checked.push((boxed(view), format!("the view `{endpoint}`"), location));
                }
                self.views.push(View { handler: route.view, scope: place.scope, options });
            }
        }
    }

    /// An option that nothing reads does nothing, which would go unnoticed.
    fn check_options(&mut self, options: &Options, what: &str) {
        for given in options.iter().filter(|given| !self.options_read.contains(&given.type_id())) {
            let name = given.type_name;
            let message = format!(
                "the option `{name}` has no effect, because nothing reads it; add the extension that it belongs to, \
                 or say `.reads_option::<{name}>()` on the application where a hook of yours reads it"
            );
            self.problems.push(SetupError::new(message, Some(given.location)).of(what));
        }
    }

    /// An endpoint belongs to one view, and its dots divide blueprints.
    fn own_endpoint(&mut self, endpoint: &str, route: &Route) -> Result<(), String> {
        let location = route.rule.location;
        let in_blueprint = endpoint.len() > route.name.len();
        if let Some(name) = route.rule.endpoint.as_ref().filter(|name| in_blueprint && name.contains('.')) {
            return Err(format!("the endpoint `{name}` must not contain a dot: what is before a dot is a blueprint"));
        }
        let Some(view_type) = route.view_type else { return Ok(()) };
        match self.owners.get(endpoint) {
            Some((owner, first)) if *owner != view_type => Err(format!(
                "the endpoint `{endpoint}` belongs to another view already ({}:{}); give this rule its own with `endpoint`",
                first.file(),
                first.line()
            )),
            Some(_) => Ok(()),
            None => {
                self.owners.insert(endpoint.to_owned(), (view_type, location));
                Ok(())
            }
        }
    }
}
