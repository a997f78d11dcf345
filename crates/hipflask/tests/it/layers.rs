//! The layers of ARCHITECTURE.md: a module imports from its own layer or from one below, and a foreign crate has
//! one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ARCHITECTURE: &str = include_str!("../../../../ARCHITECTURE.md");
const ROOT: &str = include_str!("../../src/lib.rs");

/// A file of the core without its comments and without its own tests.
struct Source {
    /// `routing/map.rs`
    file: String,
    text: String,
}

impl Source {
    fn read(folder: &Path, path: &Path) -> Source {
        let text = fs::read_to_string(path).expect("a source file is text");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let file = path.strip_prefix(folder).expect("it was found in there").to_string_lossy().replace('\\', "/");
        Source { file, text: code.join("\n") }
    }

    /// The module of the crate that the file belongs to: `routing`.
    fn module(&self) -> &str {
        self.file.split(['/', '.']).next().unwrap_or_default()
    }

    /// What the file names of its own crate, whether it imports it or writes it out.
    fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (at, _) in self.text.match_indices("crate::") {
            let (before, after) = (&self.text[..at], &self.text[at + "crate::".len()..]);
            // A macro's `$crate` is written for whoever calls the macro.
            if before.ends_with('$') {
                continue;
            }
            match after.strip_prefix('{') {
                Some(group) => names.extend(heads(group)),
                None => names.push(identifier(after)),
            }
        }
        names
    }

    fn mentions(&self, name: &str) -> bool {
        let path = format!("{name}::");
        let begins = |at: usize| !self.text[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
        self.text.match_indices(&path).any(|(at, _)| begins(at))
    }
}

fn identifier(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// What stands first in each part of `{a::{b, c}, d}`, without the brace in front.
fn heads(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.push(identifier(group[begin..at].trim_start()));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn sources() -> Vec<Source> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the sources are here") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true => collect(&path, found),
                false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                false => {}
            }
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&folder, &mut found);
    found.sort();
    // The root names everything, because it is the public surface.
    let sources = found.iter().map(|path| Source::read(&folder, path)).filter(|source| source.file != "lib.rs");
    sources.collect()
}

/// The modules by layer as `lib.rs` lists them: `// 1 vocabulary: …`, then the modules.
fn layers_of_the_root() -> BTreeMap<&'static str, u32> {
    let (mut layer, mut layers) = (0, BTreeMap::new());
    for line in ROOT.lines() {
        if let Some(comment) = line.strip_prefix("// ") {
            layer = comment.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(layer);
        }
        let module = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ");
        if let Some(module) = module.and_then(|module| module.strip_suffix(';')) {
            layers.insert(module, layer);
        }
    }
    layers
}

/// The table of ARCHITECTURE.md: `| 1 vocabulary | `config` … |`.
fn layers_of_the_table() -> BTreeMap<&'static str, u32> {
    let rows = ARCHITECTURE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let layer = cells.next()?.split(' ').next()?.parse::<u32>().ok()?;
        Some(cells.next()?.split('`').skip(1).step_by(2).map(move |module| (module, layer)))
    });
    rows.flatten().collect()
}

/// The module that a name of the crate comes from: itself, or where the root takes it from.
fn home(name: &str) -> Option<&'static str> {
    if let Some((module, _)) = layers_of_the_root().get_key_value(name) {
        return Some(module);
    }
    let exported = ROOT.split("pub use crate::").skip(1).map(|statement| statement.split(';').next().unwrap_or(""));
    let words = |statement: &'static str| statement.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    exported.filter(|statement| !statement.starts_with('{')).find(|s| words(s).any(|word| word == name)).map(identifier)
}

/// Whether the root itself has a function, a macro or something foreign of this name.
fn is_the_roots_own(name: &str) -> bool {
    let root = ROOT.split("\n// 1 vocabulary").nth(1).unwrap_or_default();
    let foreign = root.split("\npub use ").filter(|statement| !statement.starts_with("crate::"));
    [format!("fn {name}"), format!("macro_rules! {name} ")].iter().any(|declared| root.contains(declared))
        || foreign
            .map(|statement| statement.split(';').next().unwrap_or(""))
            .any(|statement| statement.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name))
}

#[test]
fn the_page_and_the_root_tell_the_same_layers() {
    let layers = layers_of_the_root();
    assert_eq!(layers_of_the_table(), layers, "left ARCHITECTURE.md, right the comments in lib.rs");
    assert_eq!(layers.values().max(), Some(&5));
    for source in sources() {
        assert!(layers.contains_key(source.module()), "{} is in no layer", source.file);
    }
}

#[test]
fn no_module_imports_from_a_layer_above() {
    let layers = layers_of_the_root();
    let (mut upward, mut looked_at) = (Vec::new(), 0);
    for source in sources() {
        let own = layers[source.module()];
        for name in source.names() {
            looked_at += 1;
            match home(name) {
                Some(module) if layers[module] > own => upward.push(format!(
                    "{} (layer {own}) names `{name}` of `{module}` (layer {})",
                    source.file, layers[module]
                )),
                Some(_) => {}
                None => assert!(is_the_roots_own(name), "{}: where does `crate::{name}` come from?", source.file),
            }
        }
    }
    assert!(looked_at > 300, "imports are found: {looked_at}");
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn a_foreign_crate_has_one_place() {
    let sources = sources();
    for (foreign, place) in [
        ("hyper", "server"),
        ("httparse", "server"),
        ("hyper_util", "server"),
        ("minijinja", "templating"),
        ("getrandom", "signing"),
        ("hmac", "signing"),
        ("sha1", "signing"),
        ("miniz_oxide", "signing"),
    ] {
        let at: Vec<&Source> = sources.iter().filter(|source| source.mentions(foreign)).collect();
        assert!(!at.is_empty(), "`{foreign}` is used no more; take it out of this list");
        for source in at {
            assert_eq!(source.module(), place, "{} names `{foreign}`", source.file);
        }
    }
}
