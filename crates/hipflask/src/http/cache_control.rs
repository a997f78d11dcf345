//! The header `Cache-Control`, of requests and of responses (RFC 9111 §5.2).

use std::fmt;
use std::time::Duration;

use crate::http::lists::{pairs, quote};
use crate::http::named::Named;

/// What caches may do. Werkzeug's `RequestCacheControl` and `ResponseCacheControl`.
///
/// ```
/// use std::time::Duration;
///
/// use hipflask::http::CacheControl;
///
/// let cache = CacheControl::default().with_public().with_max_age(Duration::from_secs(60));
/// assert_eq!(cache.to_string(), "public, max-age=60");
/// let cache = CacheControl::parse("no-cache, max-stale, ext=\"a b\"");
/// assert!(cache.no_cache() && cache.contains("max-stale"));
/// assert_eq!((cache.max_age(), cache.get("ext")), (None, Some("a b")));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    directives: Vec<(String, Option<String>)>,
}

impl CacheControl {
    /// Reads the field; of a directive that is given twice the last counts.
    pub fn parse(header: &str) -> CacheControl {
        let mut directives = Named::default();
        for (name, value) in pairs(header) {
            match directives.get_mut(&name) {
                Some(known) => *known = value,
                None => directives.push(name, value),
            }
        }
        CacheControl { directives: directives.into_vec() }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.directives.is_empty()
    }

    /// Whether it has the directive `name`, with a value or without.
    pub fn contains(&self, name: &str) -> bool {
        self.directives.iter().any(|(known, _)| known == name)
    }

    /// The value of the directive `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.directives.iter().find(|(known, _)| known == name)?.1.as_deref()
    }

    /// The value of the directive `name`, if it is a number of seconds.
    pub fn seconds(&self, name: &str) -> Option<Duration> {
        self.get(name)?.parse().ok().map(Duration::from_secs)
    }

    /// The same with the directive `name`, for one that has no method here.
    #[must_use]
    pub fn with(self, name: &str, value: Option<&str>) -> CacheControl {
        self.put(name.to_ascii_lowercase(), value.map(str::to_owned))
    }

    /// Whether it lets caches that have many clients keep something.
    pub(crate) fn is_shared(&self) -> bool {
        self.public() || self.contains("s-maxage")
    }

    /// The same for the caches of one client alone.
    pub(crate) fn for_one_client(mut self) -> CacheControl {
        self.directives.retain(|(name, _)| !["public", "s-maxage", "proxy-revalidate"].contains(&&**name));
        self.with_private()
    }

    fn put(mut self, name: String, value: Option<String>) -> CacheControl {
        match self.directives.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.directives.push((name, value)),
        }
        self
    }
}

macro_rules! switches {
    ($($(#[$doc:meta])* $name:literal: $get:ident $with:ident;)*) => {
        /// The directives that are there or not.
        impl CacheControl {
            $(
                $(#[$doc])*
                pub fn $get(&self) -> bool {
                    self.contains($name)
                }

                #[doc = concat!("The same with `", $name, "`.")]
                #[must_use]
                pub fn $with(self) -> CacheControl {
                    self.with($name, None)
                }
            )*
        }
    };
}

switches! {
    /// It must be asked for again before it is used. A response may name the headers that this is about.
    "no-cache": no_cache with_no_cache;
    /// It must not be kept at all.
    "no-store": no_store with_no_store;
    /// It must not be changed on the way.
    "no-transform": no_transform with_no_transform;
    /// Only what is kept already is wanted.
    "only-if-cached": only_if_cached with_only_if_cached;
    /// Any cache may keep it.
    "public": public with_public;
    /// Only the client may keep it.
    "private": private with_private;
    /// Once it is stale it must be asked for again.
    "must-revalidate": must_revalidate with_must_revalidate;
    /// The same for caches that have many clients.
    "proxy-revalidate": proxy_revalidate with_proxy_revalidate;
    /// Whether it may be kept depends on what it is: a status is understood, for instance.
    "must-understand": must_understand with_must_understand;
    /// It does not change as long as it is fresh.
    "immutable": immutable with_immutable;
}

macro_rules! durations {
    ($($(#[$doc:meta])* $name:literal: $get:ident $with:ident;)*) => {
        /// The directives with a number of seconds.
        impl CacheControl {
            $(
                $(#[$doc])*
                pub fn $get(&self) -> Option<Duration> {
                    self.seconds($name)
                }

                #[doc = concat!("The same with `", $name, "`.")]
                #[must_use]
                pub fn $with(self, time: Duration) -> CacheControl {
                    self.with($name, Some(&time.as_secs().to_string()))
                }
            )*
        }
    };
}

durations! {
    /// How long it is fresh.
    "max-age": max_age with_max_age;
    /// How long it is fresh for caches that have many clients.
    "s-maxage": s_maxage with_s_maxage;
    /// How stale it may be, for the client; without a value, as stale as it is.
    "max-stale": max_stale with_max_stale;
    /// How long it must still be fresh.
    "min-fresh": min_fresh with_min_fresh;
    /// How long it may be used after it is stale, while it is asked for again.
    "stale-while-revalidate": stale_while_revalidate with_stale_while_revalidate;
    /// How long it may be used after it is stale, if asking for it fails.
    "stale-if-error": stale_if_error with_stale_if_error;
}

/// As it is in the header.
impl fmt::Display for CacheControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.directives.iter().enumerate() {
            f.write_str(if at > 0 { ", " } else { "" })?;
            match value {
                Some(value) => write!(f, "{name}={}", quote(value))?,
                None => f.write_str(name)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_whatever_their_case() {
        let cache = CacheControl::parse("Max-Age=10, NO-CACHE, max-age=\"20\", min-fresh=x,, private=\"a, b\"");
        assert_eq!(cache.max_age(), Some(Duration::from_secs(20)));
        assert_eq!((cache.min_fresh(), cache.get("private")), (None, Some("a, b")));
        assert!(cache.no_cache() && cache.private() && !cache.public());
        assert_eq!(cache.to_string(), "max-age=20, no-cache, min-fresh=x, private=\"a, b\"");
        assert!(CacheControl::parse("").is_empty());
    }
}
