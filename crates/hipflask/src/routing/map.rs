//! The map of all rules of an application.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;

use hipflask_rule::RuleSyntax;
use http::Method;

use crate::http::url::ENCODED_SLASH;
use crate::routing::compile::{Trace, Variables, domain, parts, trace};
use crate::routing::converter::{Converter, Factory};
use crate::routing::converters::builtin;
use crate::routing::matcher::Matcher;
use crate::routing::methods::MethodSet;
use crate::routing::part::Part;
use crate::routing::redirect::RedirectTo;
use crate::routing::rule::Rule;
use crate::routing::url_map::{Domains, UrlMap};
use crate::routing::view_args::ViewArgs;

/// All rules of an application. Werkzeug's `Map`.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) settings: UrlMap,
    pub(super) rules: Vec<MapRule>,
    /// The rules of each endpoint, in the order in which URL building tries them.
    pub(super) by_endpoint: BTreeMap<Arc<str>, Vec<usize>>,
    pub(super) matcher: Matcher,
    factories: Factories,
}

#[derive(Clone)]
struct Factories(BTreeMap<String, Factory>);

impl std::fmt::Debug for Factories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A rule in the map.
#[derive(Debug)]
pub(crate) struct MapRule {
    pub(crate) text: String,
    pub(crate) endpoint: Arc<str>,
    pub(crate) methods: MethodSet,
    pub(crate) defaults: Vec<(Arc<str>, String)>,
    pub(crate) automatic_options: bool,
    pub(crate) location: &'static Location<'static>,
    /// Those of the domain come first.
    pub(super) variables: Variables,
    /// The subdomain or the host that it is for, if the map looks at them.
    pub(super) domain: Option<Domain>,
    pub(crate) websocket: bool,
    pub(crate) alias: bool,
    pub(crate) redirect_to: Option<RedirectTo>,
    pub(super) strict_slashes: bool,
    pub(super) merge_slashes: bool,
    pub(crate) build_only: bool,
    /// Whether a rule of the same endpoint has defaults, so that there may be a shorter URL.
    pub(super) may_be_shorter: bool,
    /// The pieces of a URL of this rule.
    pub(super) trace: Vec<Trace>,
    /// The methods that were given, without the implied ones.
    declared: MethodSet,
}

/// The subdomain or the host of a rule.
#[derive(Debug)]
pub(super) struct Domain {
    text: String,
    /// Whether it is a whole host.
    is_host: bool,
    /// How many of the rule's variables are in it.
    pub(super) variables: usize,
    pub(super) trace: Vec<Trace>,
}

impl MapRule {
    pub(crate) fn subdomain(&self) -> Option<&str> {
        self.domain.as_ref().filter(|domain| !domain.is_host).map(|domain| domain.text.as_str())
    }

    pub(crate) fn host(&self) -> Option<&str> {
        self.domain.as_ref().filter(|domain| domain.is_host).map(|domain| domain.text.as_str())
    }

    /// The variables, those of the domain first, then in the order of the path.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Arc<str>, &dyn Converter)> {
        self.variables.iter().map(|(name, converter)| (name, &**converter))
    }

    /// The names of the variables and of the defaults.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &str> {
        let variables = self.variables.iter().map(|(name, _)| &**name);
        let defaults = self.defaults.iter().map(|(name, _)| &**name);
        variables.chain(defaults.filter(|name| !self.variables.iter().any(|(variable, _)| &**variable == *name)))
    }

    /// Whether a request could be for this rule as well as for `other`, at the same place in the map.
    fn is_twin_of(&self, other: &MapRule) -> bool {
        self.websocket == other.websocket && self.declared.intersects(&other.declared)
    }

    pub(super) fn converter(&self, name: &str) -> Option<&dyn Converter> {
        self.variables().find(|(known, _)| &***known == name).map(|(_, converter)| converter)
    }

    pub(super) fn default(&self, name: &str) -> Option<&str> {
        self.defaults.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.as_str())
    }
}

impl Default for Map {
    fn default() -> Map {
        Map::new(UrlMap::default())
    }
}

impl Map {
    pub(crate) fn new(settings: UrlMap) -> Map {
        Map {
            settings,
            rules: Vec::new(),
            by_endpoint: BTreeMap::new(),
            matcher: Matcher::default(),
            factories: Factories(builtin()),
        }
    }

    pub(crate) fn add_converter(&mut self, name: String, factory: Factory) {
        self.factories.0.insert(name, factory);
    }

    pub(crate) fn rule(&self, id: usize) -> &MapRule {
        &self.rules[id]
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &MapRule> {
        self.rules.iter()
    }

    /// The rules of an endpoint.
    pub(crate) fn rules_of(&self, endpoint: &str) -> impl Iterator<Item = &MapRule> {
        self.by_endpoint.get(endpoint).into_iter().flatten().map(|id| &self.rules[*id])
    }

    pub(crate) fn has_endpoint(&self, endpoint: &str) -> bool {
        self.by_endpoint.contains_key(endpoint)
    }

    /// Whether a rule of `endpoint` takes a value of this name.
    pub(crate) fn is_endpoint_expecting(&self, endpoint: &str, name: &str) -> bool {
        self.rules_of(endpoint)
            .any(|rule| rule.default(name).is_some() || rule.variables.iter().any(|(known, _)| &**known == name))
    }

    /// The first rule of `endpoint` that can be built from values with these names.
    pub(crate) fn expects(&self, endpoint: &str, names: &[&str]) -> Result<(), Vec<String>> {
        let mut missing: Option<Vec<String>> = None;
        for rule in self.rules_of(endpoint) {
            let lacks =
                rule.variables.iter().filter(|(name, _)| !names.contains(&&**name) && rule.default(name).is_none());
            let lacks: Vec<String> = lacks.map(|(name, _)| name.to_string()).collect();
            if lacks.is_empty() {
                return Ok(());
            }
            if missing.as_ref().is_none_or(|known| lacks.len() < known.len()) {
                missing = Some(lacks);
            }
        }
        missing.map_or(Ok(()), Err)
    }

    /// Adds `rule` for `endpoint`; `automatic_options` says whether OPTIONS is answered automatically if the rule
    /// does not say. Returns the id of the rule.
    ///
    /// # Errors
    ///
    /// What is wrong with the rule: its syntax, an unknown converter, another rule for the same URL.
    pub(crate) fn add(&mut self, rule: Rule, endpoint: Arc<str>, automatic_options: bool) -> Result<usize, String> {
        let merge_slashes = rule.merge_slashes.unwrap_or(self.settings.merge_slashes);
        let syntax = rule.syntax(merge_slashes).map_err(|error| error.to_string())?;
        if !rule.text.starts_with('/') {
            return Err(format!("the rule `{}` must start with a slash", rule.text));
        }
        let told = |problem: String| format!("the rule `{}` {problem}", rule.text);
        let (domain, part, mut variables) = self.domain(&rule)?;
        variables.extend(self.variables(&rule, &syntax)?);
        check_names(&variables).map_err(told)?;
        let id = self.rules.len();
        let declared: MethodSet = rule.methods.clone().unwrap_or_else(|| vec![Method::GET]).into_iter().collect();
        if rule.websocket {
            check_websocket(&declared).map_err(told)?;
        }
        let automatic = rule.automatic_options.unwrap_or(automatic_options) && !declared.contains(&Method::OPTIONS);
        let mut methods = declared.clone();
        if methods.contains(&Method::GET) {
            methods.insert(Method::HEAD);
        }
        if automatic {
            methods.insert(Method::OPTIONS);
        }
        let in_domain = domain.as_ref().map_or(0, |domain: &Domain| domain.variables);
        let made = MapRule {
            trace: trace(&syntax, in_domain),
            text: rule.text,
            endpoint: Arc::clone(&endpoint),
            methods,
            declared,
            defaults: rule.defaults.into_iter().map(|(name, value)| (Arc::from(name), value)).collect(),
            automatic_options: automatic,
            location: rule.location,
            variables,
            domain,
            websocket: rule.websocket,
            alias: rule.alias,
            redirect_to: rule.redirect_to,
            strict_slashes: rule.strict_slashes.unwrap_or(self.settings.strict_slashes),
            merge_slashes,
            build_only: rule.build_only,
            may_be_shorter: false,
        };
        if let Some(redirect_to) = &made.redirect_to {
            redirect_to.check(made.arguments()).map_err(|problem| format!("the rule `{}` {problem}", made.text))?;
        }
        if !made.build_only {
            let node = self.matcher.node(part, parts(&syntax, &made.variables[in_domain..]));
            let twin = self.matcher.rules_at(node).map(|id| &self.rules[id]).find(|twin| twin.is_twin_of(&made));
            if let Some(twin) = twin {
                return Err(format!(
                    "the rule `{}` already answers {}, for the endpoint `{}` ({}:{})",
                    made.text,
                    twin.declared.to_header(),
                    twin.endpoint,
                    twin.location.file(),
                    twin.location.line()
                ));
            }
            self.matcher.add_rule(node, id);
        }
        self.rules.push(made);
        self.by_endpoint.entry(endpoint).or_default().push(id);
        Ok(id)
    }

    /// The domain of a rule, the part that it is matched by, and its variables; without one if the map does not look at
    /// domains.
    fn domain(&self, rule: &Rule) -> Result<(Option<Domain>, Option<Part>, Variables), String> {
        let told = |problem: String| format!("the rule `{}` {problem}", rule.text);
        let domain_of = self.settings.domain_of(rule.subdomain.as_deref(), rule.host.as_deref());
        let Some(text) = domain_of.map_err(told)? else { return Ok((None, None, Variables::new())) };
        let syntax = RuleSyntax::parse(text).map_err(|error| error.to_string())?;
        let variables = self.variables(rule, &syntax)?;
        let part = domain(&syntax, &variables).map_err(told)?;
        let is_host = self.settings.domains == Domains::Hosts;
        let made = Domain { text: text.to_owned(), is_host, variables: variables.len(), trace: trace(&syntax, 0) };
        Ok((Some(made), Some(part), variables))
    }

    fn variables(&self, rule: &Rule, syntax: &RuleSyntax) -> Result<Variables, String> {
        let convert = |variable: &hipflask_rule::Variable| {
            let Some(factory) = self.factories.0.get(&variable.converter) else {
                let known: Vec<&str> = self.factories.0.keys().map(String::as_str).collect();
                return Err(format!(
                    "the rule `{}` names the converter `{}`; the known ones are {} (add your own with `url_converter`)",
                    rule.text,
                    variable.converter,
                    known.join(", ")
                ));
            };
            let converter =
                factory(&variable.arguments).map_err(|error| format!("the rule `{}`: {error}", rule.text))?;
            Ok((Arc::from(variable.name.as_str()), converter))
        };
        syntax.variables().map(convert).collect()
    }

    /// Sorts what was added. Call it once, after the last rule.
    pub(crate) fn finish(&mut self) {
        self.matcher.sort();
        let rules = &mut self.rules;
        for ids in self.by_endpoint.values_mut() {
            // More arguments first, then more defaults; what only redirects is built if nothing else can be.
            ids.sort_by_key(|id| {
                let rule = &rules[*id];
                (rule.alias || rule.redirect_to.is_some(), Reverse((rule.arguments().count(), rule.defaults.len())))
            });
            if ids.len() > 1 && ids.iter().any(|id| !rules[*id].defaults.is_empty()) {
                ids.iter().for_each(|id| rules[*id].may_be_shorter = true);
            }
        }
    }

    /// The values that a match took from `domain` and `path`, and the rule's defaults; `None` if one of them is none of
    /// its variable's.
    pub(super) fn view_args(&self, id: usize, domain: &str, path: &str, taken: Vec<Range<usize>>) -> Option<ViewArgs> {
        let rule = self.rule(id);
        let mut pairs = Vec::with_capacity(taken.len() + rule.defaults.len());
        let in_domain = rule.domain.as_ref().map_or(0, |domain| domain.variables);
        for (at, ((name, converter), range)) in rule.variables().zip(taken).enumerate() {
            let text = if at < in_domain { &domain[range] } else { &path[range] };
            let text = if text.contains(ENCODED_SLASH) { text.replace(ENCODED_SLASH, "/") } else { text.to_owned() };
            if !converter.accepts(&text) {
                return None;
            }
            pairs.push((Arc::clone(name), converter.to_value(text)));
        }
        pairs.extend(rule.defaults.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
        Some(ViewArgs::new(pairs))
    }
}

/// The names of the domain's variables are those of the path's too.
fn check_names(variables: &Variables) -> Result<(), String> {
    for (at, (name, _)) in variables.iter().enumerate() {
        if variables[..at].iter().any(|(known, _)| known == name) {
            return Err(format!("has a variable `{name}` that its domain has too; give each its own name"));
        }
    }
    Ok(())
}

/// A WebSocket begins with a GET (RFC 6455 §4.1).
fn check_websocket(methods: &MethodSet) -> Result<(), String> {
    match methods.iter().find(|method| ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)) {
        Some(method) => Err(format!("is for WebSockets, which begin with GET; it cannot be for {method}")),
        None => Ok(()),
    }
}
