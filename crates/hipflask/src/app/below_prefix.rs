//! Blueprints whose error handlers are for every path below their prefix.

/// A prefix, and the scope whose error handlers are for what is below it.
#[derive(Debug)]
pub(crate) struct BelowPrefix {
    /// Its parts; `None` is one with a variable.
    parts: Vec<Option<String>>,
    scope: usize,
}

impl BelowPrefix {
    pub(super) fn new(prefix: &str, scope: usize) -> BelowPrefix {
        let part = |part: &str| (!part.contains('<')).then(|| part.to_owned());
        BelowPrefix { parts: prefix.split('/').filter(|part| !part.is_empty()).map(part).collect(), scope }
    }

    fn has(&self, path: &str) -> bool {
        let mut found = path.split('/').filter(|part| !part.is_empty());
        self.parts.iter().all(|part| {
            let found = found.next();
            found.is_some_and(|found| part.as_deref().is_none_or(|part| part == found))
        })
    }
}

/// The longest first.
pub(super) fn sorted(mut prefixes: Vec<BelowPrefix>) -> Vec<BelowPrefix> {
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.parts.len()));
    prefixes
}

/// The scope whose error handlers are for `path`, which no rule has.
pub(crate) fn scope_of(prefixes: &[BelowPrefix], path: &str) -> Option<usize> {
    prefixes.iter().find(|prefix| prefix.has(path)).map(|prefix| prefix.scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts_and_a_variable_is_any_part() {
        let prefixes = sorted(vec![
            BelowPrefix::new("/api", 1),
            BelowPrefix::new("/api/v2/", 2),
            BelowPrefix::new("/<lang>/shop", 3),
        ]);
        for (path, scope) in [
            ("/api", Some(1)),
            ("/api/", Some(1)),
            ("/api/x", Some(1)),
            ("/apis", None),
            ("/api/v2", Some(2)),
            ("/api/v22", Some(1)),
            ("/de/shop/x", Some(3)),
            ("/de", None),
            ("/", None),
        ] {
            assert_eq!(scope_of(&prefixes, path), scope, "{path}");
        }
        assert_eq!(scope_of(&[BelowPrefix::new("", 4)], "/x"), Some(4));
    }
}
