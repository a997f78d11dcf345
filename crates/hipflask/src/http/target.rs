//! What a request asks for: its path, as far as mounts have left it, and its query.

use std::borrow::Cow;

use crate::http::multi_dict::MultiDict;
use crate::http::request::Request;

impl Request {
    /// The decoded path, without what a mount took off its front: `/a b`.
    pub fn path(&self) -> &str {
        one_slash(self.readable_path())
    }

    /// The path below the mounts, with all slashes that it begins with.
    fn readable_path(&self) -> &str {
        let path = self.path.readable.as_deref().or(self.path.routing.as_deref()).unwrap_or(self.uri.path());
        &path[self.path.lead + self.path.root..]
    }

    /// The path that the router sees, or `None` if nothing can match it.
    pub(crate) fn routing_path(&self) -> Option<&str> {
        self.path_for_mounts().map(one_slash)
    }

    /// The path in which mounts look for their prefix, or `None` if nothing can match it.
    pub(crate) fn path_for_mounts(&self) -> Option<&str> {
        let path = self.path.routing.as_deref().unwrap_or(self.uri.path());
        (!self.path.undecodable).then(|| &path[self.path.lead + self.path.root..])
    }

    /// Moves `len` more bytes of the path to [`root_path`](Request::root_path).
    pub(crate) fn enter_mount(&mut self, len: usize) {
        let mounted =
            self.path.forwarded_root.take().map(|root| format!("{root}{}", &self.readable_path()[..len]).into());
        self.path.forwarded_root = mounted;
        self.path.root += len;
    }

    /// Takes back what [`enter_mount`](Request::enter_mount) moved, in so far as it is still there.
    pub(crate) fn leave_mount(&mut self, len: usize) {
        let len = len.min(self.path.root);
        self.path.root -= len;
        if let Some(root) = self.path.forwarded_root.take() {
            self.path.forwarded_root = root.get(..root.len().saturating_sub(len)).map(Box::from);
        }
    }

    /// What a mount, or a proxy in front of the application, took off the front of the path: no slash at its end.
    /// WSGI's `SCRIPT_NAME`.
    pub fn root_path(&self) -> &str {
        self.path.forwarded_root.as_deref().unwrap_or_else(|| self.mounted_path())
    }

    /// What mounts took off the front of the path.
    pub(super) fn mounted_path(&self) -> &str {
        let path = self.path.readable.as_deref().or(self.path.routing.as_deref()).unwrap_or(self.uri.path());
        &path[self.path.lead..self.path.lead + self.path.root]
    }

    /// Path and query as they came, without what mounts took off the front: for what is mounted and reads the path
    /// itself.
    pub fn mounted_target(&self) -> Cow<'_, str> {
        let target = self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let below = |target: &'_ str| target[1..].find(['/', '?']).map_or(target.len(), |at| at + 1);
        let mut rest = &target[self.path.lead..];
        // A slash that divides is never encoded, so the prefix has as many as it takes off.
        for _ in self.mounted_path().matches('/') {
            rest = &rest[below(rest)..];
        }
        if rest.starts_with('/') { Cow::Borrowed(rest) } else { Cow::Owned(format!("/{rest}")) }
    }

    /// Path and query, with a `?` even before an empty query, as in Flask.
    pub fn full_path(&self) -> String {
        format!("{}?{}", self.path(), self.query_string())
    }

    /// The query as it was sent, without the `?`.
    pub fn query_string(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// The query's keys and values.
    pub fn args(&self) -> &MultiDict {
        self.args.get_or_init(|| MultiDict::from_query(self.query_string().as_bytes()))
    }
}

/// The path with one slash where it begins with several, as Flask sees it.
fn one_slash(path: &str) -> &str {
    let slashes = path.bytes().take_while(|byte| *byte == b'/').count();
    &path[slashes.saturating_sub(1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_sees_its_own_target() {
        for (target, prefix, own) in [
            ("/api/users?q=1", "/api", "/users?q=1"),
            ("/%61pi/users%2F1", "/api", "/users%2F1"),
            ("//api/a%20b", "/api", "/a%20b"),
            ("/api", "/api", "/"),
            ("/api/", "/api", "/"),
            ("/api?a/b", "/api", "/?a/b"),
            ("/a/b/c/d", "/a/b", "/c/d"),
            ("/x?y", "", "/x?y"),
            ("/", "", "/"),
        ] {
            let mut request = Request::get(target);
            request.enter_mount(prefix.len());
            assert_eq!((request.root_path(), &*request.mounted_target()), (prefix, own), "{target}");
        }
    }

    #[test]
    fn an_encoded_slash_is_a_slash_only_to_the_reader() {
        let request = Request::get("/a%2Fb");
        assert_eq!((request.path(), request.routing_path()), ("/a/b", Some("/a\0b")));
        assert_eq!(Request::get("/a%00").routing_path(), None);
    }
}
