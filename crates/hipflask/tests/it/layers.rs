//! The layers of ARCHITECTURE.md: a file imports from its own layer or from one below, names the module that a thing
//! is at home in, and goes in no circle that the page does not list. A foreign crate has one place.

use std::collections::{BTreeMap, BTreeSet};
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

    /// The room of the crate that the file belongs to: `routing`.
    fn room(&self) -> &str {
        self.file.split(['/', '.']).next().unwrap_or_default()
    }

    /// The module that the file is: `routing::map`.
    fn module(&self) -> Vec<&str> {
        let path = self.file.trim_end_matches(".rs");
        path.trim_end_matches("/mod").split('/').collect()
    }

    /// The paths that the file names in its own crate, whether it imports them or writes them out.
    fn paths(&self) -> Vec<Vec<String>> {
        let own: Vec<String> = self.module().into_iter().map(str::to_owned).collect();
        let mut paths = Vec::new();
        for (keyword, around) in [("crate::", Vec::new()), ("super::", own[..own.len() - 1].to_vec())] {
            for at in self.begins_of(keyword) {
                // A macro's `$crate` is written for the caller of the macro.
                if !self.text[..at].ends_with('$') {
                    expand(&around, &self.text[at + keyword.len()..], &mut paths);
                }
            }
        }
        for child in self.children() {
            for at in self.begins_of(&format!("{child}::")) {
                expand(&own, &self.text[at..], &mut paths);
            }
        }
        paths
    }

    /// The modules that it declares.
    fn children(&self) -> Vec<&str> {
        let lines = self.text.lines().filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod "));
        lines.filter(|(before, _)| before.is_empty() || before.starts_with("pub")).map(|(_, name)| name).collect()
    }

    fn begins_of(&self, word: &str) -> Vec<usize> {
        let begins = |at: &usize| !self.text[..*at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
        self.text.match_indices(word).map(|(at, _)| at).filter(begins).collect()
    }
}

/// The paths of `a::b::{c, d::e}` at the beginning of `text`, each below `around`.
fn expand(around: &[String], text: &str, paths: &mut Vec<Vec<String>>) {
    let text = text.trim_start();
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let path = |name: &str| around.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>();
    match text[name.len()..].strip_prefix("::") {
        Some(rest) if rest.starts_with('{') => {
            for part in parts(&rest[1..]) {
                expand(&path(&name), part, paths);
            }
        }
        Some(rest) if !name.is_empty() => expand(&path(&name), rest, paths),
        _ if text.starts_with('{') => parts(&text[1..]).into_iter().for_each(|part| expand(around, part, paths)),
        _ => paths.push(path(&name)),
    }
}

/// The parts of `a::{b, c}, d}`, up to the brace that closes it.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(group[begin..at].trim());
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// The Rust files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the sources are here") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, &mut found);
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = files(&folder);
    // The root names everything, because it is the public surface.
    let sources = found.iter().map(|path| Source::read(&folder, path)).filter(|source| source.file != "lib.rs");
    sources.collect()
}

/// The rooms by layer as `lib.rs` lists them: `// 1 vocabulary: …`, then the modules.
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

/// The table of ARCHITECTURE.md: `| 1 vocabulary | `base` … |`.
fn layers_of_the_table() -> BTreeMap<&'static str, u32> {
    let rows = ARCHITECTURE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let layer = cells.next()?.split(' ').next()?.parse::<u32>().ok()?;
        Some(cells.next()?.split('`').skip(1).step_by(2).map(move |module| (module, layer)))
    });
    rows.flatten().collect()
}

/// The circles that the page allows: `- circle: `a.rs` `b.rs`, because …`.
fn circles_of_the_page() -> BTreeSet<Vec<String>> {
    let lines = ARCHITECTURE.lines().filter_map(|line| line.strip_prefix("- circle: "));
    let files = |line: &str| {
        let mut files: Vec<String> = line.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        files.sort();
        files
    };
    lines.map(files).collect()
}

/// Which files each file names.
struct Arrows(BTreeMap<String, BTreeSet<String>>);

impl Arrows {
    fn of(sources: &[Source]) -> Arrows {
        let homes: BTreeMap<Vec<&str>, &str> =
            sources.iter().map(|source| (source.module(), source.file.as_str())).collect();
        let target = |path: &[String]| {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            (1..=names.len()).rev().find_map(|len| homes.get(&names[..len])).map(|file| (*file).to_owned())
        };
        let arrows = sources.iter().map(|source| {
            let mut targets: BTreeSet<String> = source.paths().iter().filter_map(|path| target(path)).collect();
            targets.remove(&source.file);
            (source.file.clone(), targets)
        });
        Arrows(arrows.collect())
    }

    fn reached_from<'a>(&'a self, file: &'a str) -> BTreeSet<&'a str> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
        while let Some(file) = open.pop() {
            let targets = self.0[file].iter().map(String::as_str);
            open.extend(targets.filter(|target| reached.insert(*target)));
        }
        reached
    }

    /// The sets of files that each lead to all others of their set.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|file| (file.as_str(), self.reached_from(file))).collect();
        let circle_of = |file: &String| -> Vec<String> {
            let back = reached[file.as_str()].iter().filter(|other| reached[**other].contains(file.as_str()));
            back.map(|other| (*other).to_owned()).collect()
        };
        self.0.keys().map(circle_of).filter(|circle| !circle.is_empty()).collect()
    }
}

#[test]
fn the_page_and_the_root_tell_the_same_layers() {
    let layers = layers_of_the_root();
    assert_eq!(layers_of_the_table(), layers, "left ARCHITECTURE.md, right the comments in lib.rs");
    assert_eq!(layers.values().max(), Some(&6));
    for source in sources() {
        assert!(layers.contains_key(source.room()), "{} is in no layer", source.file);
    }
}

#[test]
fn no_file_imports_from_a_layer_above_or_from_the_root() {
    let layers = layers_of_the_root();
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for source in sources() {
        let own = layers[source.room()];
        for path in source.paths() {
            looked_at += 1;
            match layers.get(path[0].as_str()) {
                Some(layer) if *layer > own => {
                    wrong.push(format!("{} (layer {own}) names `{}` (layer {layer})", source.file, path.join("::")));
                }
                Some(_) => {}
                None => wrong.push(format!("{} names `{}`: name its home", source.file, path.join("::"))),
            }
        }
    }
    assert!(looked_at > 300, "imports are found: {looked_at}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_go_in_no_circle_but_those_that_the_page_lists() {
    let found = Arrows::of(&sources()).circles();
    assert_eq!(found, circles_of_the_page(), "left the code, right ARCHITECTURE.md");
}

#[test]
fn circles_are_found() {
    let source = |file: &str, text: &str| Source { file: file.to_owned(), text: text.to_owned() };
    let sources = [
        source("a.rs", "use crate::b::{self, c::{D, E}};"),
        source("b/mod.rs", "mod c;\n\nuse crate::e::X;"),
        source("b/c.rs", "fn f() { crate::a::g(); }"),
        source("d.rs", "use crate::a::F;\nmacro_rules! m { () => { $crate::f::G } }"),
        source("e.rs", ""),
        source("f.rs", "use crate::d::H;"),
    ];
    let circle = ["a.rs", "b/c.rs"].map(str::to_owned).to_vec();
    assert_eq!(Arrows::of(&sources).circles(), BTreeSet::from([circle]));
}

#[test]
fn no_file_has_more_than_500_lines() {
    /// Files that are longer, and why.
    const LONGER: [(&str, &str); 0] = [];
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = fs::read_dir(&crates).expect("the crates are here").map(|entry| entry.expect("readable").path());
    let lines = |path: &Path| fs::read_to_string(path).expect("a source file is text").lines().count();
    let name = |path: &Path| path.strip_prefix(&crates).expect("in there").to_string_lossy().replace('\\', "/");
    let lengths = sources.flat_map(|krate| files(&krate.join("src"))).map(|path| (name(&path), lines(&path)));
    let found: BTreeMap<String, usize> = lengths.filter(|(_, lines)| *lines > 500).collect();
    let listed: Vec<&str> = LONGER.iter().map(|(file, _)| *file).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), listed, "left the files, right the list: {found:?}");
}

#[test]
fn a_foreign_crate_has_one_place() {
    let sources = sources();
    for (foreign, place) in [
        ("hyper", "server"),
        ("httparse", "server"),
        ("hyper_util", "server"),
        ("minijinja", "builtin/templating"),
        ("getrandom", "signing"),
        ("hmac", "signing"),
        ("sha1", "signing"),
        ("miniz_oxide", "signing"),
        ("ring", "signing"),
        ("tokio_rustls", "server/tls"),
    ] {
        let path = format!("{foreign}::");
        let at: Vec<&Source> = sources.iter().filter(|source| !source.begins_of(&path).is_empty()).collect();
        assert!(!at.is_empty(), "`{foreign}` is used no more; take it out of this list");
        for source in at {
            assert!(source.file.starts_with(&format!("{place}/")), "{} names `{foreign}`", source.file);
        }
    }
}
