//! Finds the rule for a path.

use std::ops::Range;

use http::Method;

use crate::routing::map::{Map, MapRule};
use crate::routing::matcher::State;
use crate::routing::methods::MethodSet;
use crate::routing::part::{Part, fit};

/// The result for a path.
#[derive(Debug, PartialEq)]
pub(crate) enum Match {
    /// The rule, and the bytes of the path that each of its variables took.
    Found(usize, Vec<Range<usize>>),
    /// The same path with one slash more or fewer: redirect to it.
    Redirect(String),
    /// The path exists, but only for these methods.
    MethodNotAllowed(MethodSet),
    NotFound,
}

impl Map {
    /// Finds the rule for `path` (decoded, beginning with a slash) and `method`.
    pub(crate) fn find(&self, path: &str, method: &Method) -> Match {
        let mut search = Search::new(self, path, method);
        match search.walk(0, Some(0)) {
            Walk::Rule(rule) => return Match::Found(rule, search.values),
            Walk::Slash => return Match::Redirect(format!("{path}/")),
            Walk::Nothing => {}
        }
        let allowed = search.allowed;
        self.find_merged(path, method).unwrap_or(if allowed.is_empty() {
            Match::NotFound
        } else {
            Match::MethodNotAllowed(allowed)
        })
    }

    /// Tries again with every run of slashes reduced to one.
    fn find_merged(&self, path: &str, method: &Method) -> Option<Match> {
        if !path.contains("//") {
            return None;
        }
        let mut merged = String::with_capacity(path.len());
        for c in path.chars() {
            if c != '/' || !merged.ends_with('/') {
                merged.push(c);
            }
        }
        match Search::new(self, &merged, method).walk(0, Some(0)) {
            Walk::Rule(rule) => self.rule(rule).merge_slashes.then_some(Match::Redirect(merged)),
            Walk::Slash => Some(Match::Redirect(merged + "/")),
            Walk::Nothing => None,
        }
    }

    /// Every method that is answered at `path`.
    pub(crate) fn allowed_methods(&self, path: &str) -> MethodSet {
        // A method that no rule can have, so `find` collects the methods of every match.
        let Ok(nobodys) = Method::from_bytes(b"-") else { return MethodSet::default() };
        match self.find(path, &nobodys) {
            Match::MethodNotAllowed(methods) => methods,
            _ => MethodSet::default(),
        }
    }
}

enum Walk {
    Rule(usize),
    /// The path would match with a slash at its end.
    Slash,
    Nothing,
}

struct Search<'a> {
    map: &'a Map,
    path: &'a str,
    method: &'a Method,
    values: Vec<Range<usize>>,
    /// The methods of the rules that match except for the method.
    allowed: MethodSet,
}

impl<'a> Search<'a> {
    fn new(map: &'a Map, path: &'a str, method: &'a Method) -> Search<'a> {
        Search { map, path, method, values: Vec::new(), allowed: MethodSet::default() }
    }

    /// From `state` on, with the path from `rest` on still to be matched; `None` is its end.
    fn walk(&mut self, state: usize, rest: Option<usize>) -> Walk {
        let map = self.map;
        let current = &map.matcher.states[state];
        let Some(start) = rest else {
            return self.end(current);
        };
        let (part, after) = match memchr::memchr(b'/', &self.path.as_bytes()[start..]) {
            Some(at) => (&self.path[start..start + at], Some(start + at + 1)),
            None => (&self.path[start..], None),
        };
        if let Ok(at) = current.texts.binary_search_by(|(text, _)| text.as_str().cmp(part)) {
            let walk = self.walk(current.texts[at].1, after);
            if !matches!(walk, Walk::Nothing) {
                return walk;
            }
        }
        for (candidate, next) in &current.variables {
            let taken = self.values.len();
            let walk = self.take(candidate, *next, start, part, after);
            if !matches!(walk, Walk::Nothing) {
                return walk;
            }
            self.values.truncate(taken);
        }
        // `/x/` for a rule `/x` that is not strict about slashes.
        if part.is_empty() && after.is_none() {
            self.rule_of(current, |rule| !rule.strict_slashes)
        } else {
            Walk::Nothing
        }
    }

    /// Follows a transition by variables.
    fn take(&mut self, candidate: &Part, next: usize, start: usize, part: &str, after: Option<usize>) -> Walk {
        if !candidate.is_final {
            return if fit(&candidate.pieces, part, start, &mut self.values) {
                self.walk(next, after)
            } else {
                Walk::Nothing
            };
        }
        let all = &self.path[start..];
        let (body, rest) = match all.strip_suffix('/').filter(|_| candidate.is_suffixed) {
            Some(body) => (body, Some(self.path.len())),
            None => (all, None),
        };
        let doubled = candidate.is_suffixed && body.ends_with('/');
        if !doubled && fit(&candidate.pieces, body, start, &mut self.values) {
            self.walk(next, rest)
        } else {
            Walk::Nothing
        }
    }

    /// The whole path is matched: is there a rule here, or one that differs by a slash?
    fn end(&mut self, state: &State) -> Walk {
        let walk = self.rule_of(state, |_| true);
        if !matches!(walk, Walk::Nothing) {
            return walk;
        }
        let Ok(at) = state.texts.binary_search_by(|(text, _)| text.as_str().cmp("")) else {
            return Walk::Nothing;
        };
        let map = self.map;
        let slashed = &map.matcher.states[state.texts[at].1];
        let mut rules = slashed.rules.iter().map(|id| (*id, map.rule(*id)));
        match rules.find(|(_, rule)| rule.methods.contains(self.method)) {
            Some((_, rule)) if rule.strict_slashes => Walk::Slash,
            Some((id, _)) => Walk::Rule(id),
            None => Walk::Nothing,
        }
    }

    fn rule_of(&mut self, state: &State, suits: impl Fn(&MapRule) -> bool) -> Walk {
        for id in &state.rules {
            let rule = self.map.rule(*id);
            if !suits(rule) {
                continue;
            }
            if rule.methods.contains(self.method) {
                return Walk::Rule(*id);
            }
            self.allowed.extend(&rule.methods);
        }
        Walk::Nothing
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::routing::rule::Rule;

    fn map(rules: &[&str]) -> Map {
        map_of(rules.iter().map(|rule| (*rule, Rule::new(*rule))).collect())
    }

    fn map_of(rules: Vec<(&str, Rule)>) -> Map {
        let mut map = Map::default();
        for (endpoint, rule) in rules {
            map.add(rule, Arc::from(endpoint), true).expect("a valid rule");
        }
        map.finish();
        map
    }

    /// `endpoint value value`, `-> redirect`, `404` or `405`.
    fn find_by(map: &Map, path: &str, method: &Method) -> String {
        match map.find(path, method) {
            Match::Found(id, values) => {
                let mut text = map.rule(id).endpoint.to_string();
                values.into_iter().for_each(|range| text += &format!(" {}", &path[range]));
                text
            }
            Match::Redirect(to) => format!("-> {to}"),
            Match::MethodNotAllowed(methods) => format!("405 {}", methods.to_header()),
            Match::NotFound => "404".to_owned(),
        }
    }

    fn find(map: &Map, path: &str) -> String {
        find_by(map, path, &Method::GET)
    }

    #[test]
    fn fixed_text_comes_before_variables_and_numbers_before_text() {
        let map = map(&["/<path:p>", "/<name>", "/<int:id>", "/new", "/<int:id>/edit", "/<a>.<b>", "/x-<a>"]);
        for (path, expected) in [
            ("/new", "/new"),
            ("/7", "/<int:id> 7"),
            ("/seven", "/<name> seven"),
            ("/7/edit", "/<int:id>/edit 7"),
            ("/x/edit", "/<path:p> x/edit"),
            ("/a.b.c", "/<a>.<b> a.b c"),
            ("/.b", "/<name> .b"),
            ("/x-1", "/x-<a> 1"),
            ("/", "404"),
        ] {
            assert_eq!(find(&map, path), expected, "{path}");
        }
    }

    #[test]
    fn a_dead_end_goes_back() {
        let map = map(&["/a/b/c", "/<x>/b/d", "/a/<y>/e", "/<x>/<y>/<z>"]);
        assert_eq!(find(&map, "/a/b/c"), "/a/b/c");
        assert_eq!(find(&map, "/a/b/d"), "/<x>/b/d a");
        assert_eq!(find(&map, "/a/b/e"), "/a/<y>/e b");
        assert_eq!(find(&map, "/a/b/f"), "/<x>/<y>/<z> a b f");
    }

    #[test]
    fn slashes_at_the_end() {
        let lenient = |rule: &'static str| (rule, Rule::new(rule).strict_slashes(false));
        let map = map_of(vec![
            ("x", Rule::new("/x/")),
            ("y", Rule::new("/y")),
            lenient("/l"),
            lenient("/m/"),
            ("p", Rule::new("/p/<path:p>/")),
        ]);
        for (path, expected) in [
            ("/x/", "x"),
            ("/x", "-> /x/"),
            ("/y", "y"),
            ("/y/", "404"),
            ("/l", "/l"),
            ("/l/", "/l"),
            ("/m", "/m/"),
            ("/m/", "/m/"),
            ("/p/a/b/", "p a/b"),
            ("/p/a/b", "-> /p/a/b/"),
            ("/p/a//", "-> /p/a/"),
        ] {
            assert_eq!(find(&map, path), expected, "{path}");
        }
        assert_eq!(find_by(&map, "/x", &Method::POST), "404");
    }

    #[test]
    fn runs_of_slashes_merge_only_when_nothing_matched() {
        let map = map_of(vec![
            ("ab", Rule::new("/a/b/")),
            ("p", Rule::new("/p/<path:p>")),
            ("keep", Rule::new("/k/<x>").merge_slashes(false)),
        ]);
        assert_eq!(find(&map, "//a///b/"), "-> /a/b/");
        assert_eq!(find(&map, "/a//b"), "-> /a/b/");
        assert_eq!(find(&map, "/p/x//y"), "p x//y");
        assert_eq!(find(&map, "/k//x"), "404");
    }

    #[test]
    fn methods() {
        let post = Rule::new("/a").methods([Method::POST]);
        let put = Rule::new("/<x>").methods([Method::PUT]).provide_automatic_options(false);
        let map = map_of(vec![("get", Rule::new("/a")), ("post", post), ("put", put)]);
        assert_eq!(find_by(&map, "/a", &Method::HEAD), "get");
        assert_eq!(find_by(&map, "/a", &Method::POST), "post");
        assert_eq!(find_by(&map, "/a", &Method::PUT), "put a");
        assert_eq!(find_by(&map, "/a", &Method::DELETE), "405 GET, HEAD, POST, PUT, OPTIONS");
        assert_eq!(find_by(&map, "/b", &Method::OPTIONS), "405 PUT");
        assert_eq!(map.allowed_methods("/a").to_header(), "GET, HEAD, POST, PUT, OPTIONS");
    }

    #[test]
    fn an_encoded_slash_is_for_paths_only() {
        let map = map(&["/u/<name>", "/u/<name>/edit", "/f/<path:p>"]);
        assert_eq!(find(&map, "/u/a\0edit"), "404");
        assert_eq!(find(&map, "/f/a\0b"), "/f/<path:p> a\0b");
        assert_eq!(find(&map, "/f/\0b"), "404");
    }

    #[test]
    fn equal_rules_are_refused() {
        let mut map = map(&["/a/<int:x>"]);
        let error = map.add(Rule::new("/a/<int:other>"), Arc::from("b"), true).expect_err("equal");
        assert!(
            error.starts_with("the rule `/a/<int:other>` already answers GET, for the endpoint `/a/<int:x>`"),
            "{error}"
        );
        assert!(map.add(Rule::new("/a/<int:x>").methods([Method::POST]), Arc::from("c"), true).is_ok());
        assert!(map.add(Rule::new("/a/<int(min=1):x>"), Arc::from("d"), true).is_ok());
    }

    #[test]
    fn hostile_paths_take_no_time_to_speak_of() {
        // Backtracking that forgot where it had been would take years.
        let map = map(&["/<a>-<b>-<c>-<d>-<int:e>", "/<path:a>/<path:b>/<path:c>/<int:d>"]);
        assert_eq!(find(&map, &format!("/{}", "a-".repeat(4_000))), "404");
        assert_eq!(find(&map, &format!("/{}", "a/".repeat(4_000))), "404");
    }
}
