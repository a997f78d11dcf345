//! The cookies of a test client.

use std::time::SystemTime;

/// Cookies, as a browser keeps them. RFC 6265 §5.3.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Kept>);

#[derive(Debug, PartialEq)]
struct Kept {
    name: String,
    value: String,
    domain: String,
    /// Whether subdomains do not get it.
    is_host_only: bool,
    path: String,
}

impl Kept {
    fn is_same(&self, name: &str, domain: &str, path: &str) -> bool {
        (self.name.as_str(), self.domain.as_str(), self.path.as_str()) == (name, domain, path)
    }

    /// Whether a request to `path` at `host` has it. RFC 6265 §5.1.3 and §5.1.4.
    fn goes_to(&self, host: &str, path: &str) -> bool {
        let root = self.path.trim_end_matches('/');
        let is_below = path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below && if self.is_host_only { host == self.domain } else { is_within(host, &self.domain) }
    }
}

/// Whether `host` is `domain`, or a subdomain of it.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl Jar {
    /// Takes in a `Set-Cookie` header of a response to `path` at `host`. One for another domain is refused.
    pub(super) fn absorb(&mut self, header: &str, host: &str, path: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if folder.is_empty() { "/" } else { folder };
        let (name, value, domain) = (name.to_owned(), value.to_owned(), host.to_owned());
        let mut kept = Kept { name, value, domain, is_host_only: true, path: folder.to_owned() };
        let mut is_gone = false;
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut kept.path),
                "domain" if !value.is_empty() => {
                    kept.domain = value.trim_start_matches('.').to_ascii_lowercase();
                    kept.is_host_only = false;
                }
                "max-age" => is_gone |= value.parse::<i64>().is_ok_and(|age| age <= 0),
                "expires" => is_gone |= httpdate::parse_http_date(value).is_ok_and(|at| at <= SystemTime::now()),
                _ => {}
            }
        }
        if !is_within(host, &kept.domain) {
            return;
        }
        self.delete(&kept.name, &kept.domain, &kept.path);
        if !is_gone {
            self.0.push(kept);
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &str, domain: &str, path: &str) {
        self.delete(name, domain, path);
        let [name, value, domain, path] = [name, value, domain, path].map(str::to_owned);
        self.0.push(Kept { name, value, domain, is_host_only: true, path });
    }

    pub(super) fn get(&self, name: &str, domain: &str, path: &str) -> Option<&str> {
        self.0.iter().find(|kept| kept.is_same(name, domain, path)).map(|kept| kept.value.as_str())
    }

    pub(super) fn delete(&mut self, name: &str, domain: &str, path: &str) {
        self.0.retain(|kept| !kept.is_same(name, domain, path));
    }

    /// One of any domain and path.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|kept| kept.name == name).map(|kept| kept.value.as_str())
    }

    pub(super) fn delete_named(&mut self, name: &str) {
        self.0.retain(|kept| kept.name != name);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The `Cookie` header for a request to `path` at `host`, the longest cookie path first.
    pub(super) fn header(&self, host: &str, path: &str) -> Option<String> {
        let mut cookies: Vec<&Kept> = self.0.iter().filter(|kept| kept.goes_to(host, path)).collect();
        cookies.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = cookies.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_where_a_browser_sends_them() {
        let mut jar = Jar::default();
        for (header, host, path) in [
            ("here=1", "shop.example.org", "/cart/items"),
            ("root=2; Path=/", "shop.example.org", "/cart/items"),
            ("all=3; Domain=.Example.org; Path=/", "shop.example.org", "/"),
            ("theirs=4; Domain=other.org", "shop.example.org", "/"),
            ("tail=5; Domain=ample.org", "shop.example.org", "/"),
            ("gone=6; Max-Age=0", "shop.example.org", "/"),
            ("past=7; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "shop.example.org", "/"),
        ] {
            jar.absorb(header, host, path);
        }
        for (host, path, sent) in [
            ("shop.example.org", "/cart/items", Some("here=1; root=2; all=3")),
            ("shop.example.org", "/cart", Some("here=1; root=2; all=3")),
            ("shop.example.org", "/carts", Some("root=2; all=3")),
            ("example.org", "/", Some("all=3")),
            ("api.shop.example.org", "/", Some("all=3")),
            ("badexample.org", "/", None),
        ] {
            assert_eq!(jar.header(host, path).as_deref(), sent, "{host}{path}");
        }
        jar.absorb("root=9; Path=/", "shop.example.org", "/");
        assert_eq!(jar.get("root", "shop.example.org", "/"), Some("9"));
        jar.absorb("root=; Path=/; Max-Age=0", "shop.example.org", "/");
        assert_eq!(jar.get("root", "shop.example.org", "/"), None);
    }
}
