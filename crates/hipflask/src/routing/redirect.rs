//! Rules that redirect: where to.

use std::fmt;
use std::sync::Arc;

use crate::http::url::{PATH_SAFE, quote};
use crate::routing::converter::Converter;
use crate::routing::view_args::ViewArgs;

/// Where a rule redirects to.
#[derive(Clone)]
pub(crate) enum RedirectTo {
    /// A text in which `<name>` stands for a value.
    Text(String),
    Function(Arc<dyn Fn(&ViewArgs) -> String + Send + Sync>),
}

impl fmt::Debug for RedirectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RedirectTo::Text(text) => write!(f, "{text:?}"),
            RedirectTo::Function(_) => f.write_str("a function"),
        }
    }
}

impl RedirectTo {
    /// Checks the text: every name in it must be one that the rule gives.
    pub(super) fn check<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
        let RedirectTo::Text(text) = self else { return Ok(()) };
        let names: Vec<&str> = names.collect();
        for piece in pieces(text) {
            match piece {
                Piece::Value(name) if !names.contains(&name) => {
                    let known = if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
                    return Err(format!("redirects to `{text}`, but has no value `{name}`; the values are {known}"));
                }
                Piece::Open => return Err(format!("redirects to `{text}`, in which a `<` has no `>`")),
                Piece::Text(_) | Piece::Value(_) => {}
            }
        }
        Ok(())
    }

    /// The address: whole, or a path on the same host. `root` is the path of the application's root, with a slash at
    /// its end.
    pub(super) fn target<'a>(
        &self,
        args: &ViewArgs,
        converter: impl Fn(&str) -> Option<&'a dyn Converter>,
        root: &str,
    ) -> String {
        let text = match self {
            RedirectTo::Text(text) => text,
            RedirectTo::Function(target) => {
                let target = target(args);
                return if is_address(&target) { target } else { below(&target, root) };
            }
        };
        // What the program has written says whether it leads to another site, and no value does.
        let is_address = is_address(text.split('<').next().unwrap_or_default());
        let mut filled = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(name) => {
                    let value = args.text(name).unwrap_or_default();
                    match converter(name).and_then(|converter| converter.to_url(value).ok()) {
                        _ if is_address && is_in_host(&filled) => filled.push_str(&quote(value, b"")),
                        Some(url) => filled.push_str(&url),
                        None => filled.push_str(&quote(value, PATH_SAFE)),
                    }
                }
                Piece::Open => {}
            }
        }
        if is_address { filled } else { below(&filled, root) }
    }
}

/// A path below the root of the application, or of the host if it begins with a slash.
fn below(target: &str, root: &str) -> String {
    match target.strip_prefix('/') {
        Some(path) => format!("/{}", path.trim_start_matches('/')),
        None => format!("{root}{target}"),
    }
}

/// Whether a text begins with `scheme:` (RFC 3986 §3.1), or with `//`, which a browser reads as another host.
fn is_address(text: &str) -> bool {
    let scheme = text.split([':', '/', '?', '#']).next().unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    (is_scheme && text[scheme.len()..].starts_with(':')) || text.starts_with("//")
}

/// Whether what follows in an address belongs to its host.
fn is_in_host(address: &str) -> bool {
    let host = address.split_once("//").map_or("", |(_, host)| host);
    !host.contains(['/', '?', '#'])
}

enum Piece<'a> {
    Text(&'a str),
    Value(&'a str),
    /// A `<` without its end.
    Open,
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let piece = match rest.strip_prefix('<') {
            _ if rest.is_empty() => return None,
            Some(inside) => match inside.split_once('>') {
                Some((name, after)) => {
                    rest = after;
                    return Some(Piece::Value(name));
                }
                None => Piece::Open,
            },
            None => {
                let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
                rest = after;
                return Some(Piece::Text(text));
            }
        };
        rest = "";
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str, value: &str) -> String {
        let mut args = ViewArgs::default();
        args.set("x", value);
        RedirectTo::Text(text.to_owned()).target(&args, |_| None, "/root/")
    }

    #[test]
    fn a_text_is_filled_in() {
        for (text, value, found) in [
            ("new/<x>", "a b", "/root/new/a%20b"),
            ("/new/<x>?q=<x>", "é", "/new/%C3%A9?q=%C3%A9"),
            ("https://<x>.example/", "a", "https://a.example/"),
            ("//cdn.example/<x>", "a", "//cdn.example/a"),
            ("<x>", "a", "/root/a"),
            ("", "a", "/root/"),
        ] {
            assert_eq!(target(text, value), found, "{text}");
        }
    }

    #[test]
    fn no_value_leads_to_another_site() {
        for (text, value, found) in [
            ("<x>", "https://evil.example", "/root/https://evil.example"),
            ("<x>", "//evil.example", "/evil.example"),
            ("/<x>", "/evil.example", "/evil.example"),
            ("/<x>", "\\evil.example", "/%5Cevil.example"),
            ("<x>:<x>", "javascript", "/root/javascript:javascript"),
            ("https://<x>.example/", "evil.example/", "https://evil.example%2F.example/"),
            ("//<x>.example/", "a@evil.example:80", "//a%40evil.example%3A80.example/"),
        ] {
            assert_eq!(target(text, value), found, "{text} {value}");
        }
    }

    #[test]
    fn a_function_is_trusted() {
        let of = |text: &'static str| {
            RedirectTo::Function(Arc::new(move |_| text.to_owned())).target(&ViewArgs::default(), |_| None, "/root/")
        };
        assert_eq!(of("https://other.example/x"), "https://other.example/x");
        assert_eq!(of("//other.example/x"), "//other.example/x");
        assert_eq!((of("/x"), of("x")), ("/x".into(), "/root/x".into()));
    }

    #[test]
    fn names_are_checked() {
        let check = |text: &str| RedirectTo::Text(text.to_owned()).check(["x"].into_iter());
        assert_eq!(check("/a/<x>/<x>"), Ok(()));
        assert!(check("/a/<y>").expect_err("no such value").contains("has no value `y`; the values are `x`"));
        assert!(check("/a/<x").expect_err("open").contains("has no `>`"));
    }
}
