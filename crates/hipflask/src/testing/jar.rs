//! The cookies of a test client.

use std::time::SystemTime;

/// Cookies, as a browser keeps them.
#[derive(Debug, Default)]
pub(super) struct Jar(pub(super) Vec<Kept>);

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) value: String,
    path: String,
}

impl Jar {
    /// Takes in a `Set-Cookie` header.
    pub(super) fn absorb(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut kept = Kept { name: name.to_owned(), value: value.to_owned(), path: "/".to_owned() };
        let mut gone = false;
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut kept.path),
                "max-age" => gone |= value.parse::<i64>().is_ok_and(|age| age <= 0),
                "expires" => gone |= httpdate::parse_http_date(value).is_ok_and(|at| at <= SystemTime::now()),
                _ => {}
            }
        }
        self.0.retain(|other| (&other.name, &other.path) != (&kept.name, &kept.path));
        if !gone {
            self.0.push(kept);
        }
    }

    /// The `Cookie` header for a request to `path`, the longest cookie path first.
    pub(super) fn header(&self, path: &str) -> Option<String> {
        let covers = |kept: &&Kept| {
            let root = kept.path.trim_end_matches('/');
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut cookies: Vec<&Kept> = self.0.iter().filter(covers).collect();
        cookies.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = cookies.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}
