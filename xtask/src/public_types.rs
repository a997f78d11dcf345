//! `cargo xtask public-types`: which types of other crates show in public signatures.
//!
//! A type that shows is a promise: its crate's next major version is ours too. The list in `public-types.txt` says
//! which promises were made, and why. What shows is read from what rustdoc finds, so that private items, re-exports
//! and `#[doc(hidden)]` are what a reader of the documentation sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Result, cargo, execute, root, target, workspace};

const LIST: &str = "xtask/public-types.txt";

/// What every crate may show.
const STANDARD: &[&str] = &["alloc", "core", "proc_macro", "std"];

/// The command.
pub fn run() -> Result<()> {
    let list = root().join(LIST);
    let list = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let allowed = Allowed::read(&list)?;
    let mut problems = Vec::new();
    let mut shown = BTreeMap::new();
    for package in workspace::published()? {
        let shows = documented(root(), &package.name, &target())?.shows();
        println!("{}: {}", package.name, crates(&shows));
        problems.extend(allowed.problems(&package.name, &shows));
        shown.insert(package.name, shows);
    }
    problems.extend(allowed.unused(&shown));
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Which foreign types a crate shows, by their paths: the items in whose signatures they are.
type Shows = BTreeMap<String, BTreeSet<String>>;

fn crates(shows: &Shows) -> String {
    let crates: BTreeSet<&str> = shows.keys().filter_map(|path| path.split("::").next()).collect();
    if crates.is_empty() { "nothing foreign".to_owned() } else { Vec::from_iter(crates).join(", ") }
}

/// What a crate may show: the entries of the list.
struct Allowed<'a>(Vec<Entry<'a>>);

/// A line of the list: the crate that shows, a crate or a path that is shown, and the reason.
struct Entry<'a> {
    by: &'a str,
    path: &'a str,
}

impl Allowed<'_> {
    fn read(list: &str) -> Result<Allowed<'_>> {
        let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line| match *str::split_whitespace(line).collect::<Vec<&str>>() {
            [by, path, _, ..] => Ok(Entry { by, path }),
            _ => Err(format!("{LIST}: `{line}` must name a crate, what it may show, and the reason")),
        };
        lines.map(entry).collect::<Result<Vec<_>>>().map(Allowed)
    }

    /// What `package` shows and the list does not have, and where.
    fn problems(&self, package: &str, shows: &Shows) -> Vec<String> {
        let is_allowed = |path: &str| {
            STANDARD.iter().any(|standard| is_within(path, standard))
                || self.0.iter().any(|entry| entry.by == package && is_within(path, entry.path))
        };
        let refused = shows.iter().filter(|(path, _)| !is_allowed(path));
        refused.map(|(path, items)| refusal(path, items)).collect()
    }

    /// The entries that nothing needs.
    fn unused(&self, shown: &BTreeMap<String, Shows>) -> Vec<String> {
        let is_used = |entry: &Entry<'_>| {
            shown.get(entry.by).is_some_and(|shows| shows.keys().any(|path| is_within(path, entry.path)))
        };
        let unused = self.0.iter().filter(|entry| !is_used(entry));
        unused.map(|entry| format!("{LIST}: {} does not show {} any more", entry.by, entry.path)).collect()
    }
}

/// Names the type, its crate, and the first items that show it.
fn refusal(path: &str, items: &BTreeSet<String>) -> String {
    let of = path.split("::").next().unwrap_or(path);
    let first: Vec<&str> = items.iter().map(String::as_str).take(3).collect();
    let more = if items.len() > 3 { format!(" and {} more", items.len() - 3) } else { String::new() };
    format!("{path} of the crate {of} shows in {}{more}; {LIST} does not allow it", first.join(", "))
}

/// Whether `path` is `whole` or in it.
fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The documentation of a crate as rustdoc writes it for programs.
struct Documentation(Value);

/// Has the documentation of `package` in the workspace of `folder` written.
fn documented(folder: &Path, package: &str, target: &Path) -> Result<Documentation> {
    let mut rustdoc = cargo();
    rustdoc.current_dir(folder).args(["rustdoc", "--quiet", "--locked", "--lib", "--package", package]);
    rustdoc.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    execute(rustdoc.env("RUSTDOC", unstable_rustdoc()?).env("CARGO_TARGET_DIR", target))?;
    let file = target.join("doc").join(package.replace('-', "_")).with_extension("json");
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(&file).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&text).map(Documentation).map_err(|error| unreadable(&error))
}

/// A rustdoc that takes unstable options although it is a stable one. The variable is for it alone: some build
/// scripts look at it, so that everything would be built anew if cargo had it.
fn unstable_rustdoc() -> Result<PathBuf> {
    let program = target().join("unstable-rustdoc");
    let rustdoc = std::env::var("RUSTDOC").unwrap_or_else(|_| "rustdoc".to_owned());
    let script = format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec '{rustdoc}' \"$@\"\n");
    // Renamed when it is whole, because another cargo may be about to run it.
    let unfinished = target().join(format!("unstable-rustdoc-{}", std::process::id()));
    let written = fs::write(&unfinished, script)
        .and_then(|()| fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&unfinished, &program));
    written.map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(program)
}

impl Documentation {
    /// What the public items of the crate show.
    fn shows(&self) -> Shows {
        let mut walk = Walk { documentation: self, seen: BTreeSet::new(), named: Vec::new(), shows: Shows::new() };
        let root = &self.0["root"];
        let name = self.item(root).and_then(|item| item["name"].as_str()).unwrap_or_default();
        walk.visit(root, name);
        while let Some(id) = walk.named.pop() {
            walk.visit(id, &self.path(id).unwrap_or_default());
        }
        walk.shows
    }

    /// The item of this crate with a number.
    fn item(&self, id: &Value) -> Option<&Value> {
        self.0["index"].get(id.to_string()).filter(|item| item["crate_id"] == 0)
    }

    /// The full path of what a number means, wherever it is defined.
    fn path(&self, id: &Value) -> Option<String> {
        let path = self.0["paths"].get(id.to_string())?["path"].as_array()?;
        Some(path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("::"))
    }
}

/// A walk from the root of a crate to everything that a user of it can name.
struct Walk<'a> {
    documentation: &'a Documentation,
    seen: BTreeSet<String>,
    /// What signatures name. It is visited last, so that what is exported is found at the path of its export.
    named: Vec<&'a Value>,
    shows: Shows,
}

impl<'a> Walk<'a> {
    /// Looks at an item, and at what is in it. `path` is where a user finds it.
    fn visit(&mut self, id: &Value, path: &str) {
        let Some(item) = self.documentation.item(id).filter(|_| self.seen.insert(id.to_string())) else { return };
        let Some((kind, inner)) = item["inner"].as_object().and_then(|inner| inner.iter().next()) else { return };
        match kind.as_str() {
            "use" => self.reexport(inner, path),
            // Those that the compiler writes promise nothing, and `impl<T> From<T> for T` shows nothing of ours.
            "impl" if inner["is_synthetic"] == true || !inner["blanket_impl"].is_null() => {}
            "impl" => self.look(inner, &implementation(inner, path)),
            _ => self.look(inner, path),
        }
    }

    /// `pub use`: what is ours is at its new place; what is foreign shows as a whole.
    fn reexport(&mut self, reexport: &'a Value, path: &str) {
        let parent = path.rsplit_once("::").map_or(path, |(parent, _)| parent);
        let name = reexport["name"].as_str().filter(|_| reexport["is_glob"] != true);
        let path = name.map_or_else(|| parent.to_owned(), |name| format!("{parent}::{name}"));
        if self.documentation.item(&reexport["id"]).is_some() {
            self.visit(&reexport["id"], &path);
        } else {
            self.show(&reexport["id"], reexport["source"].as_str(), &path);
        }
    }

    /// Finds what a part of an item names: the items in it by lists of numbers, types and traits by an object with
    /// `path`, `id` and `args`. Every kind of type, bound and signature is made of these.
    fn look(&mut self, part: &'a Value, path: &str) {
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| self.look(part, path)),
            Value::Object(parts) => {
                if let (Some(id), Some(name), Some(_)) = (parts.get("id"), parts.get("path"), parts.get("args")) {
                    self.name(id, name.as_str(), path);
                }
                for (key, part) in parts {
                    match key.as_str() {
                        "fields" | "implementations" | "impls" | "items" | "tuple" | "variants" => {
                            self.items(part, path)
                        }
                        _ => self.look(part, path),
                    }
                }
            }
            _ => {}
        }
    }

    /// Visits the items of a list. In a type, `tuple` is a list of types and not of numbers.
    fn items(&mut self, list: &'a Value, path: &str) {
        for part in list.as_array().into_iter().flatten() {
            match self.documentation.item(part).map(|item| item["name"].as_str()) {
                Some(Some(name)) => self.visit(part, &format!("{path}::{name}")),
                // A `use` has its name elsewhere; an `impl` has none.
                Some(None) if self.is_use(part) => self.visit(part, &format!("{path}::_")),
                Some(None) => self.visit(part, path),
                None => self.look(part, path),
            }
        }
    }

    fn is_use(&self, id: &Value) -> bool {
        self.documentation.item(id).is_some_and(|item| item["inner"].get("use").is_some())
    }

    /// A type or trait in a signature. The methods of what is ours can be called even if its module is private.
    fn name(&mut self, id: &'a Value, name: Option<&str>, item: &str) {
        if self.documentation.item(id).is_some() {
            self.named.push(id);
        } else {
            self.show(id, name, item);
        }
    }

    /// `item` shows what has this number, if it is foreign. What rustdoc leaves out of the documentation has none
    /// of its paths either.
    fn show(&mut self, id: &Value, name: Option<&str>, item: &str) {
        let documentation = &self.documentation.0;
        if documentation["paths"].get(id.to_string()).is_some_and(|path| path["crate_id"] == 0) {
            return;
        }
        let path = self.documentation.path(id).or_else(|| name.map(str::to_owned));
        if let Some(path) = path {
            self.shows.entry(path).or_default().insert(item.to_owned());
        }
    }
}

/// How an `impl` that is found at `path` is called.
fn implementation(inner: &Value, path: &str) -> String {
    let of = inner["for"]["resolved_path"]["path"].as_str().unwrap_or("a type");
    inner["trait"]["path"].as_str().map_or_else(|| path.to_owned(), |name| format!("{path} (impl {name} for {of})"))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// What the crate that was made for these tests shows.
    static SHOWS: LazyLock<Shows> = LazyLock::new(|| {
        let folder = root().join("xtask/tests/public-types");
        documented(&folder, "shown", &target().join("public-types")).expect("rustdoc reads it").shows()
    });

    #[test]
    fn a_type_is_found_wherever_it_shows() {
        let found: Vec<(&str, &str)> = SHOWS
            .iter()
            .filter_map(|(path, items)| Some((path.strip_prefix("foreign::")?, items)))
            .flat_map(|(path, items)| items.iter().map(move |item| (path, item.as_str())))
            .collect();
        let expected = [
            ("Alias", "shown::Alias"),
            ("Argument", "shown::argument"),
            ("Array", "shown::array"),
            ("Associated", "shown::associated"),
            ("Bound", "shown::bound"),
            ("Closure", "shown::closure"),
            ("Constant", "shown::CONSTANT"),
            ("Default_", "shown::WithDefault"),
            ("Dynamic", "shown::dynamic"),
            ("Field", "shown::Enum::Other::field"),
            ("Generic", "shown::Struct (impl From for Struct)"),
            ("Generic", "shown::Struct (impl From for Struct)::from"),
            ("Implemented", "shown::Struct (impl Implemented for Struct)"),
            ("Implementor", "shown::Ours (impl Ours for foreign::Implementor)"),
            ("Inherent", "shown::Struct::inherent"),
            ("Leaked", "shown::Reached::leaks"),
            ("Nested", "shown::Struct::field"),
            ("Opaque", "shown::opaque"),
            ("Reexported", "shown::Reexported"),
            ("Result_", "shown::Alias"),
            ("Returned", "shown::returned"),
            ("Super", "shown::Trait"),
            ("TraitMethod", "shown::Trait::method"),
            ("Variant", "shown::Enum::Variant::0"),
            ("Where", "shown::where_clause"),
            ("Wrapper", "shown::Struct::field"),
            ("globbed", "shown"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_the_list_does_not_have_is_named_with_its_place() {
        let allowed = Allowed::read("# a comment\n\nshown allowed for the test\nshown foreign::Alias for the test\n");
        let problems = allowed.expect("it can be read").problems("shown", &SHOWS);
        let argument =
            "foreign::Argument of the crate foreign shows in shown::argument; xtask/public-types.txt does not allow it";
        assert!(problems.iter().any(|problem| problem == argument), "{problems:#?}");
        let refuses = |path: &str| problems.iter().any(|problem| problem.starts_with(path));
        assert!(!refuses("allowed::") && !refuses("foreign::Alias ") && !refuses("std::"), "{problems:#?}");
    }

    #[test]
    fn an_entry_is_for_one_crate_and_has_a_reason() {
        let allowed = Allowed::read("other foreign for the test").expect("it can be read");
        assert!(!allowed.problems("shown", &SHOWS).is_empty());
        assert!(Allowed::read("shown foreign").is_err_and(|error| error.contains("the reason")));
    }

    #[test]
    fn an_entry_that_nothing_needs_is_named() {
        let allowed = Allowed::read("shown allowed for the test\nshown http for the test\n").expect("it can be read");
        let shown = BTreeMap::from([("shown".to_owned(), SHOWS.clone())]);
        assert_eq!(allowed.unused(&shown), ["xtask/public-types.txt: shown does not show http any more"]);
    }

    #[test]
    fn a_path_is_within_whole_names() {
        assert!(is_within("http::Uri", "http") && is_within("http", "http"));
        assert!(!is_within("http_body::Body", "http"));
    }
}
