//! The state machine that matches a domain and the segments of a path.
//!
//! A state has transitions by fixed text and by variables. Fixed text is tried first, then variables by weight, so
//! the order of registration decides only between equal rules. A part with a variable that may contain slashes is
//! final: it takes the rest of the path.

use crate::routing::part::Part;

/// The states; the first is where a path begins, before its first slash. Where rules are for domains, each domain has
/// such a state of its own.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) states: Vec<State>,
    /// The transitions by a domain: to where its paths begin.
    pub(super) domains: State,
    /// The most steps that a search may take. An honest path takes a handful for each variable that is tried; one that
    /// is crafted to take very many is not found.
    pub(super) most_steps: usize,
}

/// What one part of a path may take that is hard to fit.
const STEPS_FOR_A_PATH: usize = 20_000;
/// What it may take to see that a part does not fit.
const STEPS_FOR_A_PART: usize = 50;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Sorted by length and then by text, for binary search: most are told apart by their length.
    pub(super) texts: Vec<(String, usize)>,
    pub(super) variables: Vec<(Part, usize)>,
    pub(super) rules: Vec<usize>,
}

impl Default for Matcher {
    fn default() -> Matcher {
        Matcher { states: vec![State::default()], domains: State::default(), most_steps: STEPS_FOR_A_PATH }
    }
}

impl State {
    /// Where a fixed text leads.
    #[inline]
    pub(super) fn after(&self, text: &str) -> Option<usize> {
        self.place_of(text).ok().map(|at| self.texts[at].1)
    }

    /// Where a fixed text is, or where it belongs.
    #[inline]
    fn place_of(&self, text: &str) -> Result<usize, usize> {
        self.texts.binary_search_by(|(known, _)| known.len().cmp(&text.len()).then_with(|| known.as_str().cmp(text)))
    }
}

impl Matcher {
    /// The state that `parts` lead to, of `domain` if rules are for domains; missing ones are created.
    pub(super) fn node(&mut self, domain: Option<Part>, parts: Vec<Part>) -> usize {
        let begin = match domain {
            None => 0,
            Some(domain) => follow(&mut self.domains, domain, self.states.len()),
        };
        if begin == self.states.len() {
            self.states.push(State::default());
        }
        parts.into_iter().fold(begin, |state, part| {
            let new = self.states.len();
            let next = follow(&mut self.states[state], part, new);
            if next == new {
                self.states.push(State::default());
            }
            next
        })
    }

    pub(super) fn rules_at(&self, state: usize) -> impl Iterator<Item = usize> {
        self.states[state].rules.iter().copied()
    }

    pub(super) fn add_rule(&mut self, state: usize, rule: usize) {
        self.states[state].rules.push(rule);
    }

    pub(super) fn sort(&mut self) {
        for state in self.states.iter_mut().chain([&mut self.domains]) {
            state.variables.sort_by_cached_key(|(part, _)| part.weight());
            self.most_steps += STEPS_FOR_A_PART * state.variables.len();
        }
    }
}

/// The state that `part` leads to from `state`: a known one, or else the state `next`, which is still to be made.
fn follow(state: &mut State, part: Part, next: usize) -> usize {
    if let Some(text) = part.as_text() {
        return match state.place_of(text) {
            Ok(at) => state.texts[at].1,
            Err(at) => {
                state.texts.insert(at, (text.to_owned(), next));
                next
            }
        };
    }
    match state.variables.iter().find(|(known, _)| *known == part) {
        Some((_, to)) => *to,
        None => {
            state.variables.push((part, next));
            next
        }
    }
}
