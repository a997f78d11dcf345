//! Builds the URL for an endpoint and its values: the way back.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::http::url::push_query;
use crate::routing::compile::Trace;
use crate::routing::map::{Map, MapRule};
use crate::routing::similar::most_similar;

/// A URL that is to be built.
///
/// Where building it fails, [`url_build_error_handler`](crate::App::url_build_error_handler) functions are given it.
#[derive(Clone, Debug)]
pub struct WantedUrl {
    pub(crate) endpoint: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) anchor: Option<String>,
    pub(crate) method: Option<Method>,
    pub(crate) scheme: Option<String>,
    pub(crate) external: bool,
}

impl WantedUrl {
    pub(super) fn new(endpoint: &str, values: &[(&str, &str)]) -> WantedUrl {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        WantedUrl { endpoint: endpoint.to_owned(), values, anchor: None, method: None, scheme: None, external: false }
    }

    /// The endpoint, with its blueprint: `blog.show`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Names and values, those of `url_defaults` functions included; a name may occur more than once.
    pub fn values(&self) -> &[(String, String)] {
        &self.values
    }

    /// What is to follow the `#`. Flask's `_anchor`.
    pub fn anchor(&self) -> Option<&str> {
        self.anchor.as_deref()
    }

    /// The method that was asked for. Flask's `_method`.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The scheme that was asked for. Flask's `_scheme`.
    pub fn scheme(&self) -> Option<&str> {
        self.scheme.as_deref()
    }

    /// Whether it is to have a scheme and a host. Flask's `_external`.
    pub fn is_external(&self) -> bool {
        self.external
    }
}

/// Why no URL can be built. Werkzeug's `BuildError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    endpoint: String,
    reason: String,
    suggested: Option<String>,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not build a URL for the endpoint `{}`: {}", self.endpoint, self.reason)
    }
}

impl std::error::Error for BuildError {}

impl BuildError {
    pub(crate) fn new(endpoint: &str, reason: impl Into<String>) -> BuildError {
        BuildError { endpoint: endpoint.to_owned(), reason: reason.into(), suggested: None }
    }

    /// The endpoint that was asked for.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The endpoint that was probably meant, if there is none of this name.
    pub fn suggested(&self) -> Option<&str> {
        self.suggested.as_deref()
    }
}

/// Names and values for a URL; a name may occur more than once.
pub(crate) type Values = [(String, String)];

fn value<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A URL without its host.
pub(super) struct Built<'a> {
    pub(super) rule: &'a MapRule,
    /// The subdomain or the host, if the map looks at them.
    pub(super) domain: Option<String>,
    /// Path and query.
    pub(super) path: String,
}

impl Map {
    /// What `wanted` is built of. Values that the rule does not name become the query, in their order. With a method
    /// only rules that answer it are considered; without one, a rule for `own_method` is preferred. Where the map looks
    /// at hosts, a rule for `own_host` is preferred.
    pub(super) fn build(
        &self,
        wanted: &WantedUrl,
        own_method: &Method,
        own_host: Option<&str>,
    ) -> Result<Built<'_>, BuildError> {
        let (endpoint, values) = (wanted.endpoint.as_str(), wanted.values.as_slice());
        let Some(ids) = self.by_endpoint.get(endpoint) else {
            return Err(self.no_such_endpoint(endpoint));
        };
        let rules = || ids.iter().map(|id| &self.rules[*id]);
        let unknown = if self.settings.sort_parameters { Unknown::SortedQuery } else { Unknown::Query };
        let suitable = |method: Option<&Method>| {
            let mut built = rules()
                .filter(move |rule| rule.is_suitable(values, method, |_, value, default| value == default))
                .filter_map(|rule| rule.build(values, unknown).ok());
            let first = built.next()?;
            match own_host.filter(|host| first.domain.as_deref() != Some(*host)) {
                Some(host) => built.find(|other| other.domain.as_deref() == Some(host)).or(Some(first)),
                None => Some(first),
            }
        };
        let built = match &wanted.method {
            Some(method) => suitable(Some(method)),
            None => suitable(Some(own_method)).or_else(|| suitable(None)),
        };
        built.ok_or_else(|| BuildError::new(endpoint, reason(rules(), values, wanted.method.as_ref())))
    }

    /// What is wrong with an endpoint that no rule has.
    pub(crate) fn no_such_endpoint(&self, endpoint: &str) -> BuildError {
        let known = self.by_endpoint.keys().map(|known| &**known);
        let suggested = most_similar(endpoint, known).map(str::to_owned);
        let reason = match &suggested {
            Some(near) => format!("there is no such endpoint; did you mean `{near}`?"),
            None => "there is no such endpoint; `routes` lists them".to_owned(),
        };
        BuildError { suggested, ..BuildError::new(endpoint, reason) }
    }

    /// A shorter URL for the same endpoint and values, because a default supplies the rest.
    pub(super) fn default_redirect(
        &self,
        id: usize,
        values: impl FnOnce() -> Vec<(String, String)>,
        method: &Method,
    ) -> Option<Built<'_>> {
        let found = &self.rules[id];
        if !found.may_be_shorter || !self.settings.redirect_defaults {
            return None;
        }
        let ids = self.by_endpoint.get(&found.endpoint)?;
        let values = &values();
        let same_arguments = |rule: &MapRule| {
            let mut ours: Vec<&str> = rule.arguments().collect();
            let mut theirs: Vec<&str> = found.arguments().collect();
            ours.sort_unstable();
            theirs.sort_unstable();
            ours == theirs
        };
        // `01` and `1` are one number: the converter writes both alike.
        let same_value = |name: &str, value: &str, default: &str| {
            let written = |text| found.converter(name).and_then(|converter| converter.to_url(text).ok());
            value == default || written(value).is_some_and(|value| written(default) == Some(value))
        };
        let before = ids.iter().take_while(|other| **other != id);
        let shorter = before.map(|id| &self.rules[*id]).find(|rule| {
            !rule.build_only
                && !rule.defaults.is_empty()
                && same_arguments(rule)
                && rule.is_suitable(values, Some(method), same_value)
        })?;
        shorter.build(values, Unknown::Query).ok()
    }

    /// The URL that an alias is redirected to: that of another rule.
    pub(super) fn canonical(&self, id: usize, values: &Values, method: &Method) -> Option<Built<'_>> {
        let ids = self.by_endpoint.get(&self.rules[id].endpoint)?;
        let others = ids.iter().map(|id| &self.rules[*id]).filter(|rule| !rule.alias);
        let mut suitable = others.filter(|rule| rule.is_suitable(values, Some(method), |_, a, b| a == b));
        suitable.find_map(|rule| rule.build(values, Unknown::Dropped).ok())
    }
}

/// What becomes of values that the rule does not name.
#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    Query,
    SortedQuery,
    Dropped,
}

impl MapRule {
    /// Whether every variable has a value, no value contradicts a default, and the method fits.
    fn is_suitable(
        &self,
        values: &Values,
        method: Option<&Method>,
        same_value: impl Fn(&str, &str, &str) -> bool,
    ) -> bool {
        let contradicts = |(name, default): &(Arc<str>, String)| {
            value(values, name).is_some_and(|value| !same_value(name, value, default))
        };
        method.is_none_or(|method| self.methods.contains(method))
            && !self.defaults.iter().any(contradicts)
            && self.variables.iter().all(|(name, _)| value(values, name).is_some() || self.default(name).is_some())
    }

    fn build(&self, values: &Values, unknown: Unknown) -> Result<Built<'_>, String> {
        let domain = match &self.domain {
            None => None,
            Some(domain) => {
                let mut text = String::new();
                self.push(&mut text, &domain.trace, values)?;
                text.make_ascii_lowercase();
                Some(text)
            }
        };
        let mut path = String::new();
        self.push(&mut path, &self.trace, values)?;
        if unknown != Unknown::Dropped {
            let query = self.query(values, unknown == Unknown::SortedQuery);
            if !query.is_empty() {
                path.push('?');
                path.push_str(&query);
            }
        }
        Ok(Built { rule: self, domain, path })
    }

    /// The values that the rule does not name, as a query.
    fn query(&self, values: &Values, sorted: bool) -> String {
        let mut query = String::new();
        let unknown = || values.iter().filter(|(name, _)| !self.arguments().any(|argument| argument == name));
        if sorted {
            let mut pairs: Vec<_> = unknown().collect();
            pairs.sort();
            pairs.into_iter().for_each(|(name, value)| push_query(&mut query, name, value));
        } else {
            unknown().for_each(|(name, value)| push_query(&mut query, name, value));
        }
        query
    }

    fn push(&self, url: &mut String, trace: &[Trace], values: &Values) -> Result<(), String> {
        for piece in trace {
            match piece {
                Trace::Static(text) => url.push_str(text),
                Trace::Variable(index) => {
                    let (name, converter) = &self.variables[*index];
                    let value = value(values, name).or_else(|| self.default(name)).unwrap_or_default();
                    url.push_str(&converter.to_url(value).map_err(|error| format!("`{name}`: {error}"))?);
                }
            }
        }
        Ok(())
    }
}

/// Why no rule of an endpoint can be built: what keeps the one that lacks the least from it.
fn reason<'a>(rules: impl Iterator<Item = &'a MapRule>, values: &Values, method: Option<&Method>) -> String {
    let lacks = |rule: &MapRule| -> Vec<String> {
        let names = rule.variables.iter().map(|(name, _)| &**name);
        let lacks = names.filter(|name| value(values, name).is_none() && rule.default(name).is_none());
        lacks.map(str::to_owned).collect()
    };
    let answers = |rule: &MapRule| method.is_none_or(|method| rule.methods.contains(method));
    let Some(rule) = rules.min_by_key(|rule| (lacks(rule).len(), !answers(rule))) else { return String::new() };
    let mut reasons = Vec::new();
    if let Some(method) = method.filter(|_| !answers(rule)) {
        reasons.push(format!("it does not answer {method}, only {}", rule.methods.to_header()));
    }
    let missing = lacks(rule);
    if !missing.is_empty() {
        reasons.push(format!("did you forget to give a value for `{}`?", missing.join("`, `")));
    }
    if reasons.is_empty() {
        let refused = rule.build(values, Unknown::Query).err();
        reasons.push(refused.unwrap_or_else(|| "a value contradicts a default of its rule".to_owned()));
    }
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::rule::Rule;

    fn map(rules: Vec<(&str, Rule)>) -> Map {
        let mut map = Map::default();
        for (endpoint, rule) in rules {
            map.add(rule, Arc::from(endpoint), true).expect("a valid rule");
        }
        map.finish();
        map
    }

    fn build(map: &Map, endpoint: &str, pairs: &[(&str, &str)], method: Option<Method>) -> Result<String, BuildError> {
        let wanted = WantedUrl { method, ..WantedUrl::new(endpoint, pairs) };
        map.build(&wanted, &Method::GET, None).map(|built| built.path)
    }

    fn values(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn values_fill_the_path_and_then_the_query() {
        let map = map(vec![("show", Rule::new("/a b/<int:id>/<name>"))]);
        let url = build(&map, "show", &[("tag", "x y"), ("id", "7"), ("name", "é/?"), ("tag", "z")], None);
        assert_eq!(url.as_deref(), Ok("/a%20b/7/%C3%A9/%3F?tag=x+y&tag=z"));
    }

    #[test]
    fn a_default_takes_the_short_rule_and_redirects_to_it() {
        let map = map(vec![("list", Rule::new("/list/").default("page", 1)), ("list", Rule::new("/list/<int:page>"))]);
        assert_eq!(build(&map, "list", &[("page", "1")], None).as_deref(), Ok("/list/"));
        assert_eq!(build(&map, "list", &[("page", "2")], None).as_deref(), Ok("/list/2"));
        let redirect = |id: usize, page: &str| {
            let shorter = map.default_redirect(id, || values(&[("page", page)]), &Method::GET);
            shorter.map(|built| built.path)
        };
        assert_eq!(redirect(1, "1").as_deref(), Some("/list/"));
        assert_eq!(redirect(1, "001").as_deref(), Some("/list/"), "another way to write it");
        assert_eq!((redirect(1, "2"), redirect(0, "1")), (None, None));
    }

    #[test]
    fn the_method_chooses_the_rule() {
        let map = map(vec![("x", Rule::new("/post").methods([Method::POST])), ("x", Rule::new("/get"))]);
        assert_eq!(build(&map, "x", &[], None).as_deref(), Ok("/get"));
        assert_eq!(build(&map, "x", &[], Some(Method::POST)).as_deref(), Ok("/post"));
        assert!(
            build(&map, "x", &[], Some(Method::PUT)).expect_err("no rule").to_string().contains("does not answer PUT")
        );
    }

    #[test]
    fn errors_say_what_to_do() {
        let map = map(vec![("blog.show", Rule::new("/<int:id>")), ("index", Rule::new("/"))]);
        let error =
            |endpoint, pairs: &[(&str, &str)]| build(&map, endpoint, pairs, None).expect_err("fails").to_string();
        assert!(error("indx", &[]).ends_with("did you mean `index`?"));
        assert!(error("show", &[]).ends_with("did you mean `blog.show`?"));
        assert!(error("blog.show", &[]).ends_with("did you forget to give a value for `id`?"));
        assert!(error("blog.show", &[("id", "x")]).ends_with("`id`: 'x' is not an integer"));
    }
}
