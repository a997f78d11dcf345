//! What is registered for errors: found by status or by type, nearest blueprint first.

use crate::base::catches::{Catches, Kind};
use crate::base::error::{Error, HttpError};

/// What is registered for errors, from the innermost blueprint to the application.
#[derive(Clone, Debug)]
pub(crate) struct ByError<T> {
    scopes: Vec<Vec<(Catches, T)>>,
}

impl<T> Default for ByError<T> {
    fn default() -> ByError<T> {
        ByError { scopes: Vec::new() }
    }
}

impl<T: Clone> ByError<T> {
    /// Puts `inner` before what is there.
    pub(crate) fn within(&self, inner: Vec<(Catches, T)>) -> ByError<T> {
        ByError { scopes: std::iter::once(inner).chain(self.scopes.iter().cloned()).collect() }
    }

    /// What is registered for `error`, the nearest first: for its status, from the inside out, then for its type. Where
    /// one passes, the next is asked.
    pub(crate) fn find(&self, error: &Error) -> Vec<&T> {
        let status = error.http().map(HttpError::status);
        let is_for_status = |(catches, _): &&(Catches, T)| matches!(catches.kind, Kind::Status(s) if Some(s) == status);
        let by_status = self.scopes.iter().flat_map(|scope| scope.iter().rev().filter(is_for_status));
        let found = by_status.chain(self.scopes.iter().flat_map(|scope| by_type(scope, error)));
        found.map(|(_, value)| value).collect()
    }
}

/// Those of one scope, the most specific first: by the nearest cause, then for all HTTP errors, then for
/// all.
fn by_type<'a, T>(scope: &'a [(Catches, T)], error: &Error) -> impl Iterator<Item = &'a (Catches, T)> {
    let rank = |catches: &Catches| match catches.kind {
        Kind::Status(_) => None,
        Kind::Type(depth) => depth(error),
        Kind::Http => error.http().map(|_| usize::MAX - 1),
        Kind::Any => Some(usize::MAX),
    };
    // The later registered of two equal ones comes before the earlier.
    let mut ranked: Vec<_> = scope.iter().rev().filter_map(|one| Some((rank(&one.0)?, one))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, one)| one)
}
