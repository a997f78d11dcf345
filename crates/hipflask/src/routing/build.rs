//! Builds the path for an endpoint and its values: the way back.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::base::config::is_near;
use crate::http::url::push_query;
use crate::routing::map::{Map, MapRule, Trace};

/// Why no URL can be built. Werkzeug's `BuildError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    endpoint: String,
    reason: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not build a URL for the endpoint `{}`: {}", self.endpoint, self.reason)
    }
}

impl std::error::Error for BuildError {}

impl BuildError {
    pub(crate) fn new(endpoint: &str, reason: impl Into<String>) -> BuildError {
        BuildError { endpoint: endpoint.to_owned(), reason: reason.into() }
    }
}

/// Names and values for a URL; a name may occur more than once.
pub(crate) type Values = [(String, String)];

fn value<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Map {
    /// The path and query for `endpoint`. Values that the rule does not name become the query, in their order.
    /// With a `method` only rules that answer it are considered; without one, a rule for GET is preferred.
    pub(crate) fn build(&self, endpoint: &str, values: &Values, method: Option<&Method>) -> Result<String, BuildError> {
        let Some(ids) = self.by_endpoint.get(endpoint) else {
            return Err(BuildError::new(endpoint, self.no_such_endpoint(endpoint)));
        };
        let rules = || ids.iter().map(|id| &self.rules[*id]);
        let suitable = |method: Option<&Method>| {
            rules().filter(move |rule| rule.is_suitable(values, method)).find_map(|rule| rule.build(values).ok())
        };
        let built = match method {
            Some(method) => suitable(Some(method)),
            None => suitable(Some(&Method::GET)).or_else(|| suitable(None)),
        };
        built.ok_or_else(|| BuildError::new(endpoint, reason(rules(), values, method)))
    }

    fn no_such_endpoint(&self, endpoint: &str) -> String {
        let near = |known: &&Arc<str>| is_near(endpoint, known) || known.rsplit('.').next() == Some(endpoint);
        match self.by_endpoint.keys().find(near) {
            Some(near) => format!("there is no such endpoint; did you mean `{near}`?"),
            None => "there is no such endpoint; `routes` lists them".to_owned(),
        }
    }

    /// A shorter URL for the same endpoint and values, because a default supplies the rest.
    pub(crate) fn default_redirect(
        &self,
        id: usize,
        values: impl FnOnce() -> Vec<(String, String)>,
        method: &Method,
    ) -> Option<String> {
        let found = &self.rules[id];
        if !found.may_be_shorter {
            return None;
        }
        let ids = self.by_endpoint.get(&found.endpoint)?;
        let values = &values();
        let same = |rule: &MapRule| {
            let mut ours: Vec<&str> = rule.arguments().collect();
            let mut theirs: Vec<&str> = found.arguments().collect();
            ours.sort_unstable();
            theirs.sort_unstable();
            ours == theirs
        };
        let before = ids.iter().take_while(|other| **other != id);
        let shorter = before.map(|id| &self.rules[*id]).find(|rule| {
            !rule.build_only && !rule.defaults.is_empty() && same(rule) && rule.is_suitable(values, Some(method))
        })?;
        shorter.build(values).ok()
    }
}

impl MapRule {
    /// Whether every variable has a value, no value contradicts a default, and the method fits.
    fn is_suitable(&self, values: &Values, method: Option<&Method>) -> bool {
        let contradicts =
            |(name, default): &(Arc<str>, String)| value(values, name).is_some_and(|value| value != default);
        method.is_none_or(|method| self.methods.contains(method))
            && !self.defaults.iter().any(contradicts)
            && self.variables.iter().all(|(name, _)| value(values, name).is_some() || self.default(name).is_some())
    }

    fn build(&self, values: &Values) -> Result<String, String> {
        let mut path = String::new();
        for piece in &self.trace {
            match piece {
                Trace::Static(text) => path.push_str(text),
                Trace::Variable(index) => {
                    let (name, converter) = &self.variables[*index];
                    let value = value(values, name).or_else(|| self.default(name)).unwrap_or_default();
                    path.push_str(&converter.to_url(value).map_err(|error| format!("`{name}`: {error}"))?);
                }
            }
        }
        let mut query = String::new();
        for (name, value) in values.iter().filter(|(name, _)| !self.arguments().any(|argument| argument == name)) {
            push_query(&mut query, name, value);
        }
        if !query.is_empty() {
            path.push('?');
            path.push_str(&query);
        }
        Ok(path)
    }
}

/// Why no rule of an endpoint can be built.
fn reason<'a>(rules: impl Iterator<Item = &'a MapRule>, values: &Values, method: Option<&Method>) -> String {
    let mut reason = String::new();
    for rule in rules {
        let missing: Vec<&str> = rule
            .variables
            .iter()
            .map(|(name, _)| &**name)
            .filter(|name| value(values, name).is_none() && rule.default(name).is_none())
            .collect();
        reason = if !missing.is_empty() {
            format!("did you forget to give a value for `{}`?", missing.join("`, `"))
        } else if let Some(method) = method.filter(|method| !rule.methods.contains(method)) {
            format!("it does not answer {method}, only {}", rule.methods.to_header())
        } else {
            rule.build(values).err().unwrap_or_else(|| "a value contradicts a default of its rule".to_owned())
        };
    }
    reason
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

    fn values(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn values_fill_the_path_and_then_the_query() {
        let map = map(vec![("show", Rule::new("/a b/<int:id>/<name>"))]);
        let url = map.build("show", &values(&[("tag", "x y"), ("id", "7"), ("name", "é/?"), ("tag", "z")]), None);
        assert_eq!(url.as_deref(), Ok("/a%20b/7/%C3%A9/%3F?tag=x+y&tag=z"));
    }

    #[test]
    fn a_default_takes_the_short_rule_and_redirects_to_it() {
        let map = map(vec![("list", Rule::new("/list/").default("page", 1)), ("list", Rule::new("/list/<int:page>"))]);
        assert_eq!(map.build("list", &values(&[("page", "1")]), None).as_deref(), Ok("/list/"));
        assert_eq!(map.build("list", &values(&[("page", "2")]), None).as_deref(), Ok("/list/2"));
        assert_eq!(map.default_redirect(1, || values(&[("page", "1")]), &Method::GET).as_deref(), Some("/list/"));
        assert_eq!(map.default_redirect(1, || values(&[("page", "2")]), &Method::GET), None);
        assert_eq!(map.default_redirect(0, || values(&[("page", "1")]), &Method::GET), None);
    }

    #[test]
    fn the_method_chooses_the_rule() {
        let map = map(vec![("x", Rule::new("/post").methods([Method::POST])), ("x", Rule::new("/get"))]);
        assert_eq!(map.build("x", &[], None).as_deref(), Ok("/get"));
        assert_eq!(map.build("x", &[], Some(&Method::POST)).as_deref(), Ok("/post"));
        assert!(
            map.build("x", &[], Some(&Method::PUT)).expect_err("no rule").to_string().contains("does not answer PUT")
        );
    }

    #[test]
    fn errors_say_what_to_do() {
        let map = map(vec![("blog.show", Rule::new("/<int:id>")), ("index", Rule::new("/"))]);
        let error = |endpoint, pairs: &[(&str, &str)]| {
            map.build(endpoint, &values(pairs), None).expect_err("fails").to_string()
        };
        assert!(error("indx", &[]).ends_with("did you mean `index`?"));
        assert!(error("show", &[]).ends_with("did you mean `blog.show`?"));
        assert!(error("blog.show", &[]).ends_with("did you forget to give a value for `id`?"));
        assert!(error("blog.show", &[("id", "x")]).ends_with("`id`: 'x' is not an integer"));
    }
}
