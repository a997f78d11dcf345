//! Finds the rule for a path.

use std::ops::Range;

use http::Method;

use crate::routing::map::{Map, MapRule};
use crate::routing::matcher::State;
use crate::routing::methods::MethodSet;
use crate::routing::part::{Part, fit};
use crate::routing::rule::merged;
use crate::routing::url_map::Domains;
use crate::routing::view_args::ViewArgs;

/// What a rule is looked for by.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'a> {
    /// The subdomain or the host, whatever the map looks at.
    pub(crate) domain: &'a str,
    /// Decoded, beginning with a slash.
    pub(crate) path: &'a str,
    pub(crate) method: &'a Method,
    /// Whether the request is for a WebSocket.
    pub(crate) websocket: bool,
}

/// The result for a path.
#[derive(Debug, PartialEq)]
pub(crate) enum Match {
    Found(usize, ViewArgs),
    /// The same path with one slash more or fewer: redirect to it.
    Redirect(String),
    /// The path exists, but only for these methods.
    MethodNotAllowed(MethodSet),
    /// The path exists, but not for a WebSocket, or for nothing else.
    WebSocketMismatch,
    NotFound,
}

impl Map {
    /// Finds the rule for what is sought.
    pub(crate) fn find(&self, sought: Sought<'_>) -> Match {
        let mut search = Search::new(self, sought);
        match search.begin() {
            Walk::Rule(rule) => {
                let taken = std::mem::take(&mut search.values);
                return match self.view_args(rule, sought.domain, sought.path, taken) {
                    Some(args) => Match::Found(rule, args),
                    None => search.misses.tell(),
                };
            }
            Walk::Slash => return Match::Redirect(format!("{}/", sought.path)),
            Walk::Nothing => {}
        }
        if self.settings.merge_slashes && sought.path.contains("//") {
            self.find_merged(sought, search.misses)
        } else {
            search.misses.tell()
        }
    }

    /// Tries again with every run of slashes reduced to one. What was missed before is told too.
    fn find_merged(&self, sought: Sought<'_>, missed: Misses) -> Match {
        let path = merged(sought.path);
        let mut search = Search::new(self, Sought { path: &path, ..sought });
        search.misses = missed;
        match search.begin() {
            Walk::Rule(rule) if self.rule(rule).merge_slashes => Match::Redirect(path),
            Walk::Slash => Match::Redirect(path + "/"),
            Walk::Rule(_) | Walk::Nothing => search.misses.tell(),
        }
    }

    /// Every method that is answered at a path.
    pub(crate) fn allowed_methods(&self, sought: Sought<'_>) -> MethodSet {
        // A method that no rule can have, so `find` collects the methods of every match.
        let Ok(nobodys) = Method::from_bytes(b"-") else { return MethodSet::default() };
        match self.find(Sought { method: &nobodys, ..sought }) {
            Match::MethodNotAllowed(methods) => methods,
            _ => MethodSet::default(),
        }
    }
}

/// What would match but for something that is not the path.
#[derive(Default)]
struct Misses {
    /// The methods of the rules that match except for the method.
    methods: MethodSet,
    /// Whether a rule matches except that it is for WebSockets alone, or not for them.
    websocket: bool,
}

impl Misses {
    fn tell(self) -> Match {
        if !self.methods.is_empty() {
            Match::MethodNotAllowed(self.methods)
        } else if self.websocket {
            Match::WebSocketMismatch
        } else {
            Match::NotFound
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
    sought: Sought<'a>,
    path: &'a str,
    values: Vec<Range<usize>>,
    misses: Misses,
    /// What may still be spent on fitting variables.
    steps: usize,
}

impl<'a> Search<'a> {
    fn new(map: &'a Map, sought: Sought<'a>) -> Search<'a> {
        let steps = map.matcher.most_steps;
        Search { map, sought, path: sought.path, values: Vec::new(), misses: Misses::default(), steps }
    }

    /// From the beginning: a domain's, if the map looks at them. Fixed ones come before those with variables.
    fn begin(&mut self) -> Walk {
        let map = self.map;
        if map.settings.domains == Domains::Ignored {
            return self.walk(0, Some(0));
        }
        let (domains, domain) = (&map.matcher.domains, self.sought.domain);
        if let Some(state) = domains.after(domain) {
            let walk = self.walk(state, Some(0));
            if !matches!(walk, Walk::Nothing) {
                return walk;
            }
        }
        for (part, state) in &domains.variables {
            self.values.clear();
            if !fit(&part.pieces, domain, 0, &mut self.values, &mut self.steps) {
                continue;
            }
            let walk = self.walk(*state, Some(0));
            if !matches!(walk, Walk::Nothing) {
                return walk;
            }
        }
        Walk::Nothing
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
        if let Some(next) = current.after(part) {
            let walk = self.walk(next, after);
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
            return if fit(&candidate.pieces, part, start, &mut self.values, &mut self.steps) {
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
        if !doubled && fit(&candidate.pieces, body, start, &mut self.values, &mut self.steps) {
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
        let Some(slashed) = state.after("") else { return Walk::Nothing };
        let map = self.map;
        let mut rules = map.matcher.states[slashed].rules.iter().map(|id| (*id, map.rule(*id)));
        let fits = |rule: &MapRule| rule.websocket == self.sought.websocket && self.has_method(rule);
        match rules.find(|(_, rule)| fits(rule)) {
            Some((_, rule)) if rule.strict_slashes => Walk::Slash,
            Some((id, _)) => Walk::Rule(id),
            None => Walk::Nothing,
        }
    }

    fn has_method(&self, rule: &MapRule) -> bool {
        rule.methods.contains(self.sought.method)
    }

    fn rule_of(&mut self, state: &State, suits: impl Fn(&MapRule) -> bool) -> Walk {
        for id in &state.rules {
            let rule = self.map.rule(*id);
            if !suits(rule) {
                continue;
            }
            if !self.has_method(rule) {
                self.misses.methods.extend(&rule.methods);
            } else if rule.websocket != self.sought.websocket {
                self.misses.websocket = true;
            } else {
                return Walk::Rule(*id);
            }
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
        match map.find(Sought { domain: "", path, method, websocket: false }) {
            Match::Found(id, args) => {
                let mut text = map.rule(id).endpoint.to_string();
                args.iter().for_each(|(_, value)| text += &format!(" {value}"));
                text
            }
            Match::Redirect(to) => format!("-> {to}"),
            Match::MethodNotAllowed(methods) => format!("405 {}", methods.to_header()),
            Match::WebSocketMismatch => "400".to_owned(),
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
        let sought = Sought { domain: "", path: "/a", method: &Method::GET, websocket: false };
        assert_eq!(map.allowed_methods(sought).to_header(), "GET, HEAD, POST, PUT, OPTIONS");
    }

    #[test]
    fn an_encoded_slash_is_for_paths_only() {
        let map = map(&["/u/<name>", "/u/<name>/edit", "/f/<path:p>"]);
        assert_eq!(find(&map, "/u/a\0edit"), "404");
        assert_eq!(find(&map, "/f/a\0b"), "/f/<path:p> a/b");
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

    /// What was spent on fitting variables: how a map's size shows, without a clock.
    fn spent(map: &Map, path: &str) -> usize {
        let sought = Sought { domain: "", path, method: &Method::GET, websocket: false };
        let mut search = Search::new(map, sought);
        search.begin();
        map.matcher.most_steps - search.steps
    }

    #[test]
    fn a_thousand_rules_cost_what_ten_cost() {
        let of = |count: usize| {
            let rules = (0..count).flat_map(|n| {
                [format!("/r{n}"), format!("/r{n}/<int:id>"), format!("/r{n}/<int:id>/<name>"), format!("/<a>/r{n}")]
            });
            let rules: Vec<String> = rules.collect();
            map(&rules.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let (ten, thousand) = (of(10), of(1000));
        for path in ["/r5", "/r5/7", "/r5/7/x", "/x/r5", "/r5/x", "/x", "/x/y/z"] {
            assert_eq!(find(&ten, path), find(&thousand, path), "{path}");
            assert_eq!(spent(&ten, path), spent(&thousand, path), "{path}");
        }
    }

    #[test]
    fn many_rules_that_are_hard_to_fit_share_one_budget() {
        let rules: Vec<String> = (0..300).map(|n| format!("/<a>-<b>-<c>-<int(min={n}):d>-")).collect();
        let map = map(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        let path = format!("/{}-", "x-".repeat(4_000));
        assert_eq!(find(&map, &path), "404");
        assert!(spent(&map, &path) <= map.matcher.most_steps);
        assert_eq!(find(&map, "/x-y-z-300-"), "/<a>-<b>-<c>-<int(min=0):d>- x y z 300", "which is easy to fit");
    }

    #[test]
    fn hostile_paths_take_no_time_to_speak_of() {
        // Backtracking that forgot where it had been would take years.
        let map = map(&["/<a>-<b>-<c>-<d>-<int:e>", "/<path:a>/<path:b>/<path:c>/<int:d>"]);
        assert_eq!(find(&map, &format!("/{}", "a-".repeat(4_000))), "404");
        assert_eq!(find(&map, &format!("/{}", "a/".repeat(4_000))), "404");
    }
}
