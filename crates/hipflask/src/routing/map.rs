//! The map of all rules of an application.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;

use hipflask_rule::{Literal, Piece, RuleSyntax};
use http::Method;

use crate::http::url::ENCODED_SLASH;
use crate::routing::converter::{Converter, Factory, builtin};
use crate::routing::matcher::Matcher;
use crate::routing::methods::MethodSet;
use crate::routing::part::{Part, PartPiece};
use crate::routing::rule::Rule;
use crate::routing::view_args::ViewArgs;

/// All rules of an application. Werkzeug's `Map`.
#[derive(Debug)]
pub(crate) struct Map {
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

/// The variables of a rule with their converters, in the order of the rule.
type Variables = Vec<(Arc<str>, Arc<dyn Converter>)>;

/// A rule in the map.
#[derive(Debug)]
pub(crate) struct MapRule {
    pub(crate) text: String,
    pub(crate) endpoint: Arc<str>,
    pub(crate) methods: MethodSet,
    pub(crate) defaults: Vec<(Arc<str>, String)>,
    pub(crate) automatic_options: bool,
    pub(crate) location: &'static Location<'static>,
    pub(super) variables: Variables,
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

/// A piece of a URL that is being built.
#[derive(Debug)]
pub(super) enum Trace {
    Static(String),
    /// An index of [`MapRule::variables`].
    Variable(usize),
}

impl MapRule {
    /// The variables, in the order of the path.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Arc<str>, &dyn Converter)> {
        self.variables.iter().map(|(name, converter)| (name, &**converter))
    }

    /// The names of the variables and of the defaults.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &str> {
        let variables = self.variables.iter().map(|(name, _)| &**name);
        let defaults = self.defaults.iter().map(|(name, _)| &**name);
        variables.chain(defaults.filter(|name| !self.variables.iter().any(|(variable, _)| &**variable == *name)))
    }

    pub(super) fn default(&self, name: &str) -> Option<&str> {
        self.defaults.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.as_str())
    }
}

impl Default for Map {
    fn default() -> Map {
        Map {
            rules: Vec::new(),
            by_endpoint: BTreeMap::new(),
            matcher: Matcher::default(),
            factories: Factories(builtin()),
        }
    }
}

impl Map {
    pub(crate) fn add_converter(&mut self, name: String, factory: Factory) {
        self.factories.0.insert(name, factory);
    }

    pub(crate) fn rule(&self, id: usize) -> &MapRule {
        &self.rules[id]
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &MapRule> {
        self.rules.iter()
    }

    pub(crate) fn has_endpoint(&self, endpoint: &str) -> bool {
        self.by_endpoint.contains_key(endpoint)
    }

    /// Whether a rule of `endpoint` takes a value of this name.
    pub(crate) fn is_endpoint_expecting(&self, endpoint: &str, name: &str) -> bool {
        let mut rules = self.by_endpoint.get(endpoint).into_iter().flatten().map(|id| &self.rules[*id]);
        rules.any(|rule| rule.default(name).is_some() || rule.variables.iter().any(|(known, _)| &**known == name))
    }

    /// The first rule of `endpoint` that can be built from values with these names.
    pub(crate) fn expects(&self, endpoint: &str, names: &[&str]) -> Result<(), Vec<String>> {
        let mut missing: Option<Vec<String>> = None;
        for id in self.by_endpoint.get(endpoint).into_iter().flatten() {
            let rule = &self.rules[*id];
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
        let syntax = rule.syntax().map_err(|error| error.to_string())?;
        if !rule.text.starts_with('/') {
            return Err(format!("the rule `{}` must start with a slash", rule.text));
        }
        let variables = self.variables(&rule, &syntax)?;
        let id = self.rules.len();
        let declared: MethodSet = rule.methods.clone().unwrap_or_else(|| vec![Method::GET]).into_iter().collect();
        let automatic = rule.automatic_options.unwrap_or(automatic_options) && !declared.contains(&Method::OPTIONS);
        let mut methods = declared.clone();
        if methods.contains(&Method::GET) {
            methods.insert(Method::HEAD);
        }
        if automatic {
            methods.insert(Method::OPTIONS);
        }
        if !rule.build_only {
            let parts = parts(&syntax, &variables);
            let node = self.matcher.node(parts);
            if let Some(twin) =
                self.matcher.rules_at(node).map(|id| &self.rules[id]).find(|r| r.declared.intersects(&declared))
            {
                return Err(format!(
                    "the rule `{}` already answers {}, for the endpoint `{}` ({}:{})",
                    rule.text,
                    twin.declared.to_header(),
                    twin.endpoint,
                    twin.location.file(),
                    twin.location.line()
                ));
            }
            self.matcher.add_rule(node, id);
        }
        self.rules.push(MapRule {
            trace: trace(&syntax),
            text: rule.text,
            endpoint: Arc::clone(&endpoint),
            methods,
            declared,
            defaults: rule.defaults.into_iter().map(|(name, value)| (Arc::from(name), value)).collect(),
            automatic_options: automatic,
            location: rule.location,
            variables,
            strict_slashes: rule.strict_slashes.unwrap_or(true),
            merge_slashes: rule.merge_slashes.unwrap_or(true),
            build_only: rule.build_only,
            may_be_shorter: false,
        });
        self.by_endpoint.entry(endpoint).or_default().push(id);
        Ok(id)
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
            ids.sort_by_key(|id| std::cmp::Reverse((rules[*id].arguments().count(), rules[*id].defaults.len())));
            if ids.len() > 1 && ids.iter().any(|id| !rules[*id].defaults.is_empty()) {
                ids.iter().for_each(|id| rules[*id].may_be_shorter = true);
            }
        }
    }

    /// The values that a match took from `path`, and the rule's defaults.
    pub(crate) fn view_args(&self, id: usize, path: &str, ranges: Vec<Range<usize>>) -> Option<ViewArgs> {
        let rule = self.rule(id);
        let mut pairs = Vec::with_capacity(ranges.len() + rule.defaults.len());
        for ((name, converter), range) in rule.variables().zip(ranges) {
            let text = &path[range];
            let text = if text.contains(ENCODED_SLASH) { text.replace(ENCODED_SLASH, "/") } else { text.to_owned() };
            if !converter.accepts(&text) {
                return None;
            }
            pairs.push((Arc::clone(name), text));
        }
        pairs.extend(rule.defaults.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
        Some(ViewArgs::new(pairs))
    }
}

fn trace(syntax: &RuleSyntax) -> Vec<Trace> {
    let mut next = 0;
    let piece = |piece: &Piece| match piece {
        Piece::Static(text) => Trace::Static(crate::http::url::quote(text, crate::http::url::PATH_SAFE).into_owned()),
        Piece::Variable(_) => {
            next += 1;
            Trace::Variable(next - 1)
        }
    };
    syntax.pieces.iter().map(piece).collect()
}

/// Cuts a rule at its slashes. From a variable that may contain slashes on, the rest is one part.
fn parts(syntax: &RuleSyntax, variables: &Variables) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let mut converters = variables.iter().map(|(_, converter)| Arc::clone(converter));
    for piece in &syntax.pieces {
        match piece {
            Piece::Static(text) => push_text(&mut parts, text),
            Piece::Variable(variable) => {
                let (Some(part), Some(converter)) = (parts.last_mut(), converters.next()) else { break };
                part.is_final |= !converter.part_isolating();
                part.pieces.push(PartPiece::Variable { key: key(variable), converter });
            }
        }
    }
    let last = parts.last_mut().filter(|part| part.is_final);
    if let Some(last) = last
        && let Some(PartPiece::Text(text)) = last.pieces.last_mut()
        && text.ends_with('/')
    {
        text.pop();
        if text.is_empty() {
            last.pieces.pop();
        }
        last.is_suffixed = true;
        parts.push(Part::default());
    }
    parts
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    for (i, segment) in text.split('/').enumerate() {
        let is_final = parts.last().is_some_and(|part| part.is_final);
        if i > 0 && !is_final {
            parts.push(Part::default());
        }
        let Some(part) = parts.last_mut() else { return };
        let slash = if i > 0 && is_final { "/" } else { "" };
        match part.pieces.last_mut() {
            Some(PartPiece::Text(text)) => text.extend([slash, segment]),
            _ if slash.is_empty() && segment.is_empty() => {}
            _ => part.pieces.push(PartPiece::Text(format!("{slash}{segment}"))),
        }
    }
}

/// Two variables with the same key match the same texts, whatever their names.
fn key(variable: &hipflask_rule::Variable) -> String {
    let literal = |literal: &Literal| format!("{literal:?}");
    let positional = variable.arguments.positional.iter().map(literal);
    let named = variable.arguments.named.iter().map(|(name, value)| format!("{name}={value:?}"));
    let converter = if variable.converter == "default" { "string" } else { &variable.converter };
    format!("{converter}({})", positional.chain(named).collect::<Vec<_>>().join(","))
}
