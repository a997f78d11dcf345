//! The state machine that matches the segments of a path.
//!
//! A state has transitions by fixed text and by variables. Fixed text is tried first, then variables by weight, so
//! the order of registration decides only between equal rules. A part with a variable that may contain slashes is
//! final: it takes the rest of the path.

use crate::routing::part::Part;

/// The states; the first is where every path begins, before its first slash.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) states: Vec<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Sorted once, for binary search.
    pub(super) texts: Vec<(String, usize)>,
    pub(super) variables: Vec<(Part, usize)>,
    pub(super) rules: Vec<usize>,
}

impl Default for Matcher {
    fn default() -> Matcher {
        Matcher { states: vec![State::default()] }
    }
}

impl Matcher {
    /// The state that `parts` lead to; missing ones are created.
    pub(super) fn node(&mut self, parts: Vec<Part>) -> usize {
        parts.into_iter().fold(0, |state, part| self.step(state, part))
    }

    fn step(&mut self, state: usize, part: Part) -> usize {
        let next = self.states.len();
        let from = &mut self.states[state];
        let known = match part.as_text() {
            Some(text) => from.texts.iter().find(|(t, _)| t == text).map(|(_, to)| *to),
            None => from.variables.iter().find(|(p, _)| *p == part).map(|(_, to)| *to),
        };
        if let Some(known) = known {
            return known;
        }
        match part.as_text() {
            Some(text) => from.texts.push((text.to_owned(), next)),
            None => from.variables.push((part, next)),
        }
        self.states.push(State::default());
        next
    }

    pub(super) fn rules_at(&self, state: usize) -> impl Iterator<Item = usize> {
        self.states[state].rules.iter().copied()
    }

    pub(super) fn add_rule(&mut self, state: usize, rule: usize) {
        self.states[state].rules.push(rule);
    }

    pub(super) fn sort(&mut self) {
        for state in &mut self.states {
            state.texts.sort();
            state.variables.sort_by_cached_key(|(part, _)| part.weight());
        }
    }
}
