//! The part of a rule between two slashes, and whether a part of a path fits it.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use crate::http::url::ENCODED_SLASH;
use crate::routing::converter::Converter;

/// The part of a rule between two slashes, or from the first variable that may contain slashes to the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Part {
    pub(super) pieces: Vec<PartPiece>,
    pub(super) is_final: bool,
    /// The rule ends in a slash right after this final part.
    pub(super) is_suffixed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum PartPiece {
    Text(String),
    Variable {
        /// What makes two variables the same to the matcher.
        key: String,
        converter: Arc<dyn Converter>,
    },
}

impl PartialEq for PartPiece {
    fn eq(&self, other: &PartPiece) -> bool {
        match (self, other) {
            (PartPiece::Text(a), PartPiece::Text(b)) => a == b,
            (PartPiece::Variable { key: a, .. }, PartPiece::Variable { key: b, .. }) => a == b,
            _ => false,
        }
    }
}

/// More fixed texts first, then longer ones, then more variables, then lighter ones.
type Weight = (Reverse<usize>, Vec<(usize, Reverse<usize>)>, Reverse<usize>, Vec<i32>);

impl Part {
    /// The text of a part without variables.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] if !self.is_final => Some(""),
            [PartPiece::Text(text)] if !self.is_final => Some(text),
            _ => None,
        }
    }

    pub(super) fn weight(&self) -> Weight {
        // A slash in a final part is no text, but it divides texts.
        let texts = self.pieces.iter().flat_map(|piece| match piece {
            PartPiece::Text(text) => text.split('/'),
            PartPiece::Variable { .. } => "".split('/'),
        });
        let lengths = texts.map(|text| text.chars().count()).filter(|length| *length > 0);
        let texts: Vec<_> = lengths.map(Reverse).enumerate().collect();
        let variables = self.pieces.iter().filter_map(|piece| match piece {
            PartPiece::Text(_) => None,
            PartPiece::Variable { converter, .. } => Some(converter.weight()),
        });
        let variables: Vec<i32> = variables.collect();
        (Reverse(texts.len()), texts, Reverse(variables.len()), variables)
    }
}

/// Fits `pieces` to all of `text`, which begins at `base` in the path; adds what each variable took. `steps` is what may
/// still be spent on it.
pub(super) fn fit(
    pieces: &[PartPiece],
    text: &str,
    base: usize,
    values: &mut Vec<Range<usize>>,
    steps: &mut usize,
) -> bool {
    if let Some(PartPiece::Text(end)) = pieces.last()
        && !text.ends_with(end.as_str())
    {
        return false;
    }
    let before = values.len();
    let encoded_slash = text.contains(ENCODED_SLASH);
    let mut fitting = Fitting { text, base, encoded_slash, values, steps };
    let fits = fitting.fit(pieces, 0);
    if !fits {
        values.truncate(before);
    }
    fits
}

struct Fitting<'a> {
    text: &'a str,
    base: usize,
    encoded_slash: bool,
    values: &'a mut Vec<Range<usize>>,
    /// What may still be spent.
    steps: &'a mut usize,
}

impl Fitting<'_> {
    fn fit(&mut self, pieces: &[PartPiece], at: usize) -> bool {
        let rest = &self.text[at..];
        match pieces {
            [] => rest.is_empty(),
            [PartPiece::Text(text), pieces @ ..] => {
                rest.starts_with(text.as_str()) && self.fit(pieces, at + text.len())
            }
            [PartPiece::Variable { converter, .. }] => {
                self.reach(&**converter, rest) == rest.len() && self.take(&**converter, &[], at, rest.len())
            }
            [PartPiece::Variable { converter, .. }, pieces @ ..] => self.fit_one_of_several(&**converter, pieces, at),
        }
    }

    /// Pays for examining `bytes` bytes; returns whether enough steps were left.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.steps.checked_sub(1 + bytes / 1024);
        *self.steps = left.unwrap_or(0);
        left.is_some()
    }

    /// How far a variable can reach: to the next slash, unless it may hold slashes.
    fn reach(&self, converter: &dyn Converter, rest: &str) -> usize {
        if converter.part_isolating() { rest.find(['/', ENCODED_SLASH]).unwrap_or(rest.len()) } else { rest.len() }
    }

    /// Tries every end that a variable in front of other pieces can have, the longest first unless the
    /// converter is lazy.
    fn fit_one_of_several(&mut self, converter: &dyn Converter, pieces: &[PartPiece], at: usize) -> bool {
        let rest = &self.text[at..];
        let reach = self.reach(converter, rest);
        if !self.spend(rest.len()) {
            return false;
        }
        let next = match pieces {
            [PartPiece::Text(text), ..] => text.as_str(),
            _ => "",
        };
        let last = rest.floor_char_boundary(reach + next.len());
        if converter.lazy() {
            rest[..last].match_indices(next).any(|(end, _)| self.take(converter, pieces, at, end))
        } else {
            rest[..last].rmatch_indices(next).any(|(end, _)| self.take(converter, pieces, at, end))
        }
    }

    /// Assigns `len` bytes to a variable, and fits the rest.
    fn take(&mut self, converter: &dyn Converter, pieces: &[PartPiece], at: usize, len: usize) -> bool {
        if !self.spend(len) {
            return false;
        }
        let text = &self.text[at..at + len];
        let suits = if self.encoded_slash && !converter.part_isolating() {
            converter.matches(&text.replace(ENCODED_SLASH, "/"))
        } else {
            converter.matches(text)
        };
        if !suits {
            return false;
        }
        self.values.push(self.base + at..self.base + at + len);
        self.fit(pieces, at + len) || {
            self.values.pop();
            false
        }
    }
}
