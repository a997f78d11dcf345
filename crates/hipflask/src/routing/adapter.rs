//! The rules of an application as they are seen from one place: which rule a path finds there, and which URL leads to a
//! rule from there.

use std::borrow::Cow;
use std::fmt;

use http::Method;

use crate::http::host::host_parts;
use crate::http::request::Request;
use crate::http::url::{PATH_SAFE, quote};
use crate::routing::build::{BuildError, Built, WantedUrl};
use crate::routing::find::{Match, Sought};
use crate::routing::map::Map;
use crate::routing::methods::MethodSet;
use crate::routing::url_map::Domains;
use crate::routing::view_args::ViewArgs;

/// The rules of an application as a request to one host sees them. Werkzeug's `MapAdapter`.
///
/// [`Frozen::bind`](crate::Frozen::bind) makes one for a host, and
/// [`Context::url_adapter`](crate::Context::url_adapter) is that of a request. Views rarely need it: it tells which rule a
/// path would find, for a list of links for instance, or in a test.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::http::Method;
/// use hipflask::prelude::*;
/// use hipflask::routing::NoMatch;
///
/// let app = App::new("doc", ".").add_url_rule(Rule::new("/posts/<int:id>/").endpoint("show"), async || "post").freeze()?;
/// let urls = app.bind("example.org");
///
/// let found = urls.find("/posts/7/", &Method::GET).expect("there is a rule");
/// assert_eq!((found.endpoint(), found.view_args().text("id")), ("show", Some("7")));
/// assert_eq!(urls.build("show", &[("id", "7")])?, "/posts/7/");
///
/// let to = NoMatch::Redirect("http://example.org/posts/7/".into());
/// assert_eq!(urls.find("/posts/7", &Method::GET).unwrap_err(), to);
/// assert_eq!(urls.find("/posts/x", &Method::GET).unwrap_err(), NoMatch::NotFound);
/// assert!(!urls.test("/posts/7/", &Method::POST));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct MapAdapter<'a> {
    map: &'a Map,
    server_name: ServerName<'a>,
    /// What stands before the server's name; `None` for a host that is not below it.
    subdomain: Option<Cow<'a, str>>,
    /// Quoted, without a slash at its end.
    script_name: Cow<'a, str>,
    scheme: Cow<'a, str>,
    method: Cow<'a, Method>,
    query: Option<Cow<'a, str>>,
    websocket: bool,
}

/// The host, which is only read from a request if it is needed.
#[derive(Clone)]
enum ServerName<'a> {
    Known(Cow<'a, str>),
    Of(&'a Request),
}

impl ServerName<'_> {
    fn get(&self) -> &str {
        match self {
            ServerName::Known(name) => name,
            ServerName::Of(request) => request.host(),
        }
    }
}

/// A rule that was found for a path.
#[derive(Clone)]
pub struct Found<'a> {
    pub(crate) id: usize,
    map: &'a Map,
    pub(crate) args: ViewArgs,
}

impl<'a> Found<'a> {
    /// The name of the rule: `blog.show`.
    pub fn endpoint(&self) -> &'a str {
        &self.map.rule(self.id).endpoint
    }

    /// The text of the rule: `/posts/<int:id>`.
    pub fn rule(&self) -> &'a str {
        &self.map.rule(self.id).text
    }

    /// The values that it took from the domain and the path, and its defaults.
    pub fn view_args(&self) -> &ViewArgs {
        &self.args
    }
}

impl fmt::Debug for MapAdapter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapAdapter({:?})", self.server_name.get())
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("endpoint", &self.endpoint())
            .field("view_args", &self.args)
            .finish_non_exhaustive()
    }
}

/// Why no rule is found for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoMatch {
    /// Another URL leads there: one with a slash more or fewer, the shorter of two, what an alias is for, or where the
    /// rule redirects to.
    Redirect(String),
    /// The path exists, but only for these methods.
    MethodNotAllowed(Vec<Method>),
    /// The path exists, but for WebSockets alone, or not for them.
    WebSocketMismatch,
    /// There is no such path.
    NotFound,
}

impl<'a> MapAdapter<'a> {
    /// That of a request.
    pub(crate) fn of_request(map: &'a Map, request: &'a Request) -> MapAdapter<'a> {
        let scheme = request.scheme().as_str();
        let own = map.settings.place.server_name.as_deref().map(|name| without_default_port(name, scheme));
        let (server_name, subdomain) = match (map.settings.domains, own) {
            // SERVER_NAME is one host of several then.
            (Domains::Hosts, _) | (_, None) => (ServerName::Of(request), Some(Cow::Borrowed(""))),
            (Domains::Ignored, Some(own)) => (ServerName::Known(Cow::Borrowed(own)), Some(Cow::Borrowed(""))),
            (Domains::Subdomains, Some(own)) => {
                (ServerName::Known(Cow::Borrowed(own)), subdomain_of(request.host(), own))
            }
        };
        MapAdapter {
            map,
            server_name,
            subdomain,
            script_name: match request.root_path() {
                "" => Cow::Borrowed(""),
                root => quote(root, PATH_SAFE),
            },
            scheme: Cow::Borrowed(scheme),
            method: Cow::Borrowed(request.method()),
            query: request.uri().query().filter(|query| !query.is_empty()).map(Cow::Borrowed),
            websocket: request.is_websocket(),
        }
    }

    /// That of an application outside of any request; `None` if it does not know its `SERVER_NAME`.
    pub(crate) fn outside(map: &'a Map) -> Option<MapAdapter<'a>> {
        Some(MapAdapter::bind(map, Cow::Borrowed(map.settings.place.server_name.as_deref()?)))
    }

    pub(crate) fn bind(map: &'a Map, server_name: Cow<'a, str>) -> MapAdapter<'a> {
        let place = &map.settings.place;
        MapAdapter {
            map,
            server_name: ServerName::Known(server_name),
            subdomain: Some(Cow::Borrowed(&map.settings.default_subdomain)),
            script_name: Cow::Borrowed(&place.root),
            scheme: Cow::Borrowed(&place.scheme),
            method: Cow::Owned(Method::GET),
            query: None,
            websocket: false,
        }
    }

    /// The same for another subdomain.
    #[must_use]
    pub fn subdomain(mut self, subdomain: impl Into<Cow<'a, str>>) -> MapAdapter<'a> {
        self.subdomain = Some(subdomain.into());
        self
    }

    /// The same for another scheme: `https`, or `ws` and `wss` for WebSockets.
    #[must_use]
    pub fn scheme(mut self, scheme: impl Into<Cow<'a, str>>) -> MapAdapter<'a> {
        self.scheme = scheme.into();
        self.websocket = matches!(&*self.scheme, "ws" | "wss");
        self
    }

    /// The rule for `path`, which is not percent-encoded, and `method`. Werkzeug's `match`.
    ///
    /// # Errors
    ///
    /// Says what there is instead.
    pub fn find(&self, path: &str, method: &Method) -> Result<Found<'a>, NoMatch> {
        match path.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => self.find_rule(path, method),
            _ => self.find_rule(&format!("/{}", path.trim_start_matches('/')), method),
        }
    }

    /// Whether `path` leads somewhere: to a rule, or to one by a redirect.
    pub fn test(&self, path: &str, method: &Method) -> bool {
        matches!(self.find(path, method), Ok(_) | Err(NoMatch::Redirect(_)))
    }

    /// Every method that is answered at `path`.
    pub fn allowed_methods(&self, path: &str) -> Vec<Method> {
        self.methods_at(path).iter().cloned().collect()
    }

    /// The URL of `endpoint`; values that its rule does not name become the query. It has a scheme and a host only if it
    /// is for another domain, or for a WebSocket.
    ///
    /// # Errors
    ///
    /// If there is no such endpoint, or a value is missing.
    pub fn build(&self, endpoint: &str, values: &[(&str, &str)]) -> Result<String, BuildError> {
        self.build_url(&WantedUrl::new(endpoint, values))
    }

    /// [`build`](MapAdapter::build), with the scheme and the host in any case.
    ///
    /// # Errors
    ///
    /// Those of [`build`](MapAdapter::build).
    pub fn build_external(&self, endpoint: &str, values: &[(&str, &str)]) -> Result<String, BuildError> {
        self.build_url(&WantedUrl { external: true, ..WantedUrl::new(endpoint, values) })
    }

    /// [`find`](MapAdapter::find) for a path that begins with one slash.
    pub(crate) fn find_rule(&self, path: &str, method: &Method) -> Result<Found<'a>, NoMatch> {
        let Some(sought) = self.sought(path, method) else { return Err(NoMatch::NotFound) };
        match self.map.find(sought) {
            Match::Found(id, args) => self.without_redirect(id, args, method),
            Match::Redirect(path) => Err(NoMatch::Redirect(self.redirect_url(None, &quote_path(&path)))),
            Match::MethodNotAllowed(methods) => Err(NoMatch::MethodNotAllowed(methods.iter().cloned().collect())),
            Match::WebSocketMismatch => Err(NoMatch::WebSocketMismatch),
            Match::NotFound => Err(NoMatch::NotFound),
        }
    }

    pub(crate) fn methods_at(&self, path: &str) -> MethodSet {
        self.sought(path, &self.method).map(|sought| self.map.allowed_methods(sought)).unwrap_or_default()
    }

    /// `None` for a host that no rule can be for.
    fn sought<'s>(&'s self, path: &'s str, method: &'s Method) -> Option<Sought<'s>> {
        let domain = match self.map.settings.domains {
            Domains::Ignored => "",
            Domains::Subdomains => self.subdomain.as_deref()?,
            Domains::Hosts => self.server_name.get(),
        };
        Some(Sought { domain, path, method, websocket: self.websocket })
    }

    /// The rule that was found, unless it leads elsewhere.
    fn without_redirect(&self, id: usize, args: ViewArgs, method: &Method) -> Result<Found<'a>, NoMatch> {
        let rule = self.map.rule(id);
        if rule.alias && self.map.settings.redirect_defaults {
            let canonical = self.map.canonical(id, &args.to_values(), method).ok_or(NoMatch::NotFound)?;
            return Err(NoMatch::Redirect(self.redirect_url(canonical.domain.as_deref(), &canonical.path)));
        }
        if let Some(shorter) = self.map.default_redirect(id, || args.to_values(), method) {
            return Err(NoMatch::Redirect(self.redirect_url(shorter.domain.as_deref(), &shorter.path)));
        }
        match &rule.redirect_to {
            None => Ok(Found { id, map: self.map, args }),
            Some(redirect_to) => {
                let root = format!("{}/", self.script_name);
                let target = redirect_to.target(&args, |name| rule.converter(name), &root);
                let is_path = target.starts_with('/') && !target.starts_with("//");
                let origin = if is_path { self.origin(None) } else { String::new() };
                Err(NoMatch::Redirect(origin + &target))
            }
        }
    }

    /// The URL of `wanted`, without its anchor.
    pub(crate) fn build_url(&self, wanted: &WantedUrl) -> Result<String, BuildError> {
        let hosts = self.map.settings.domains == Domains::Hosts;
        let built = self.map.build(wanted, &self.method, hosts.then(|| self.server_name.get()))?;
        let is_elsewhere = match self.map.settings.domains {
            Domains::Ignored => false,
            Domains::Subdomains => built.domain.as_deref() != self.subdomain.as_deref(),
            Domains::Hosts => built.domain.as_deref() != Some(self.server_name.get()),
        };
        let mut url = if wanted.external || is_elsewhere || built.rule.websocket {
            self.scheme_and_host(wanted, &built)?
        } else {
            String::new()
        };
        self.push_path(&mut url, &built.path);
        Ok(url)
    }

    /// `scheme://host` for a URL.
    fn scheme_and_host(&self, wanted: &WantedUrl, built: &Built<'_>) -> Result<String, BuildError> {
        let host = self.host(built.domain.as_deref());
        if host_parts(&host).is_none() {
            let problem = match host.as_ref() {
                "" => "the request names no host, and `SERVER_NAME` is not configured".to_owned(),
                host => format!("`{host}` is not a host"),
            };
            return Err(BuildError::new(&wanted.endpoint, problem));
        }
        Ok(match wanted.scheme.as_deref().unwrap_or(&self.scheme) {
            "" if !built.rule.websocket => format!("//{host}"),
            own => format!("{}://{host}", scheme(built.rule.websocket, is_secure(own))),
        })
    }

    /// The address of a path that the map redirects to, with the query of the request.
    fn redirect_url(&self, domain: Option<&str>, path: &str) -> String {
        let mut url = self.origin(domain);
        self.push_path(&mut url, path);
        if let Some(query) = &self.query {
            url.push(if path.contains('?') { '&' } else { '?' });
            url.push_str(query);
        }
        url
    }

    /// `scheme://host`, or nothing if the host is not known: then a path is all that there is.
    fn origin(&self, domain: Option<&str>) -> String {
        match self.host(domain) {
            host if host.is_empty() => String::new(),
            host => format!("{}://{host}", scheme(self.websocket, is_secure(&self.scheme))),
        }
    }

    /// The host of a domain: the map's subdomain or host; without one, that of the adapter itself.
    fn host<'s>(&'s self, domain: Option<&'s str>) -> Cow<'s, str> {
        let server_name = self.server_name.get();
        match (self.map.settings.domains, domain) {
            (Domains::Hosts, Some(host)) => Cow::Borrowed(host),
            (Domains::Hosts, None) => Cow::Borrowed(server_name),
            (_, domain) => match domain.or(self.subdomain.as_deref()) {
                None | Some("") => Cow::Borrowed(server_name),
                Some(subdomain) => Cow::Owned(format!("{subdomain}.{server_name}")),
            },
        }
    }

    /// The path below the application's root. It begins with one slash: a browser would read a host after two.
    fn push_path(&self, url: &mut String, path: &str) {
        url.push_str(&self.script_name);
        url.push('/');
        url.push_str(path.trim_start_matches('/'));
    }
}

fn is_secure(scheme: &str) -> bool {
    matches!(scheme, "https" | "wss")
}

fn scheme(websocket: bool, secure: bool) -> &'static str {
    match (websocket, secure) {
        (false, false) => "http",
        (false, true) => "https",
        (true, false) => "ws",
        (true, true) => "wss",
    }
}

/// A path for a URL, with an encoded slash as it was sent.
fn quote_path(path: &str) -> String {
    // A path has no other NUL.
    quote(path, PATH_SAFE).replace("%00", "%2F")
}

/// A server's name as a request names it.
fn without_default_port<'a>(server_name: &'a str, scheme: &str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    server_name.strip_suffix(port).unwrap_or(server_name)
}

/// What stands before `server_name` in `host`; `None` if it is another's.
fn subdomain_of<'a>(host: &'a str, server_name: &str) -> Option<Cow<'a, str>> {
    let before = host.strip_suffix(server_name)?;
    let Some(subdomain) = before.strip_suffix('.') else {
        return before.is_empty().then_some(Cow::Borrowed(""));
    };
    // Empty labels mean nothing.
    if subdomain.starts_with('.') || subdomain.ends_with('.') || subdomain.contains("..") {
        Some(Cow::Owned(subdomain.split('.').filter(|label| !label.is_empty()).collect::<Vec<_>>().join(".")))
    } else {
        Some(Cow::Borrowed(subdomain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subdomain_stands_before_the_servers_name() {
        for (host, subdomain) in [
            ("ex.org", Some("")),
            (".ex.org", Some("")),
            ("joe.ex.org", Some("joe")),
            ("a.b.ex.org", Some("a.b")),
            ("a..b.ex.org", Some("a.b")),
            ("xex.org", None),
            ("other.org", None),
            ("ex.org:81", None),
            ("org", None),
            ("", None),
        ] {
            assert_eq!(subdomain_of(host, "ex.org").as_deref(), subdomain, "{host}");
        }
    }
}
