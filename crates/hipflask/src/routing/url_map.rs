//! What holds for all rules of an application.

/// What holds for all rules of an application, set by [`App::url_map`](crate::App::url_map). Flask's `app.url_map`.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::prelude::*;
///
/// let app = App::new("doc", ".")
///     .url_map(|map| map.strict_slashes = false)
///     .add_url_rule(Rule::new("/posts/"), async || "posts");
/// assert_eq!(app.test_client().get("/posts").send_blocking().text(), "posts"); // no redirect to `/posts/`
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UrlMap {
    /// Whether `/x` is redirected to a rule `/x/`, or answered by it, where the rule does not say.
    pub strict_slashes: bool,
    /// Whether `/a//b` is redirected to a rule `/a/b`, where the rule does not say. If it is off here, a rule cannot turn
    /// it on.
    pub merge_slashes: bool,
    /// Whether a longer URL is redirected to the shorter one that has its values by default, and an alias to the URL that
    /// it is another one of.
    pub redirect_defaults: bool,
    /// Whether the pairs of a query that a URL is built with are in the order of their names, and then of their values,
    /// instead of the order in which they were given.
    pub sort_parameters: bool,
    /// The subdomain of rules that name none: empty, or `www` for instance.
    pub default_subdomain: String,
    pub(crate) domains: Domains,
    pub(crate) place: Place,
}

/// What a rule is matched against beside the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Domains {
    /// Nothing: rules are for every host.
    #[default]
    Ignored,
    /// What stands before `SERVER_NAME` in the host.
    Subdomains,
    /// The host.
    Hosts,
}

/// Where the application is, as far as its configuration says so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// `SERVER_NAME`, in lower case.
    pub(crate) server_name: Option<String>,
    /// `APPLICATION_ROOT`, quoted, with no slash at its end.
    pub(crate) root: String,
    /// `PREFERRED_URL_SCHEME`
    pub(crate) scheme: String,
}

impl Default for UrlMap {
    fn default() -> UrlMap {
        UrlMap {
            strict_slashes: true,
            merge_slashes: true,
            redirect_defaults: true,
            sort_parameters: false,
            default_subdomain: String::new(),
            domains: Domains::Ignored,
            place: Place::default(),
        }
    }
}

impl UrlMap {
    /// What the domain part of a rule is, by what the rule says.
    ///
    /// # Errors
    ///
    /// If the rule names what is not looked at, or nothing where it must name something: it could never match.
    pub(super) fn domain_of<'a>(
        &'a self,
        subdomain: Option<&'a str>,
        host: Option<&'a str>,
    ) -> Result<Option<&'a str>, String> {
        match (self.domains, subdomain, host) {
            (Domains::Ignored, None, None) => Ok(None),
            (Domains::Subdomains, subdomain, None) => Ok(Some(subdomain.unwrap_or(&self.default_subdomain))),
            (Domains::Hosts, None, Some(host)) => Ok(Some(host)),
            (Domains::Hosts, _, None) => {
                Err("has no host, but the application matches hosts; give it one with `.host(..)`".to_owned())
            }
            (Domains::Hosts, Some(subdomain), _) => Err(format!(
                "is for the subdomain `{subdomain}`, but the application matches hosts; give it a `host` and no subdomain"
            )),
            (_, _, Some(host)) => Err(format!(
                "is for the host `{host}`, which nothing looks at; say `.host_matching()` on the application"
            )),
            (Domains::Ignored, Some(subdomain), None) => Err(format!(
                "is for the subdomain `{subdomain}`, which nothing looks at; say `.subdomain_matching()` on the \
                 application, and set `SERVER_NAME`"
            )),
        }
    }
}
