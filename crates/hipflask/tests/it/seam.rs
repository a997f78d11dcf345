//! "Whatever ours can do, yours can": the batteries in `builtin` are written with what is public in the core.
//!
//! The compiler decides. In a copy of the crate every room except `builtin` is in a module `seam`, and what is
//! `pub(crate)` there is visible in that module only. So to `builtin` it is as private as to a crate of yours, and it
//! either compiles or names what an extension could not. (`pub` is public: the lint `unreachable_pub` sees to that.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `builtin` may use all the same, by file and name, each with how an extension gets there.
const ALLOWED: [(&str, &str, &str); 6] = [
    ("app/mod.rs", "fn bare(", "`App::new`, which is made of it"),
    ("base/clock.rs", "fn push_rfc3339(", "`DateTime::now`; this one formats each second once, for the log"),
    ("base/decimal.rs", "fn push(", "`to_string`; this one is for the log, and takes a tenth of that"),
    ("base/decimal.rs", "fn text(", "`to_string`, likewise, for templates"),
    ("base/decimal.rs", "type Digits", "the room for it"),
    ("context/mod.rs", "fn lend_here(", "`std::mem::swap` with `Frozen::context`, which this one saves making"),
];

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn what_comes_with_the_core_names_only_what_is_public() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seam");
    let _ = fs::remove_dir_all(copy.join("src"));
    write(&copy.join("Cargo.toml"), &manifest());
    fs::copy(Path::new(CRATE).join("../../Cargo.lock"), copy.join("Cargo.lock")).expect("the lock file is there");
    copy_sources(&copy.join("src"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--offline", "--quiet", "--color=never", "--target-dir"]);
    cargo.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder"));
    let checked = cargo.current_dir(&copy).output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "publish what these name, or write them with what is public:\n{errors}");
}

#[test]
fn exceptions_are_there_and_extensions_need_none() {
    for (file, item, instead) in ALLOWED {
        let text = fs::read_to_string(Path::new(CRATE).join("src").join(file)).expect("the file is there");
        assert!(
            text.contains(&format!("pub(crate) {item}")),
            "{file} has no `{item}` any more; take it out of the list ({instead})"
        );
    }
    for extension in ["hipflask-sql", "hipflask-auth"] {
        for (file, text) in sources(&Path::new(CRATE).join("..").join(extension).join("src")) {
            assert!(!text.contains("__private"), "{extension}: {} names what is for macros", file.display());
        }
    }
}

/// The crate and its workspace in one file, so that the copy is a workspace of its own.
fn manifest() -> String {
    let root = Path::new(CRATE).join("../..").canonicalize().expect("the workspace is there");
    let read = |path: PathBuf| fs::read_to_string(path).expect("a manifest is text");
    let workspace = read(root.join("Cargo.toml"));
    let from = |section: &str| &workspace[workspace.find(section).expect("the workspace has this section")..];
    let own = read(Path::new(CRATE).join("Cargo.toml"));
    let own = own.split("[dev-dependencies]").next().unwrap_or_default();
    let path = format!("path = \"{}/crates", root.display());
    format!("{own}\n[workspace]\n\n{}", from("[workspace.package]").replace("path = \"crates", &path))
        .replace("name = \"hipflask\"", "name = \"seam\"")
        .replace("readme = \"../../README.md\"", "")
}

fn copy_sources(to: &Path) {
    let root = fs::read_to_string(Path::new(CRATE).join("src/lib.rs")).expect("the root is text");
    let rooms: Vec<&str> = root.lines().filter_map(room).filter(|room| *room != "builtin").collect();
    let kept = root.lines().filter(|line| room(line).is_none_or(|room| room == "builtin")).collect::<Vec<_>>();
    let (public, own): (Vec<&str>, Vec<&str>) =
        rooms.iter().partition(|room| root.contains(&format!("pub mod {room};")));
    let aliases = format!("use crate::seam::{{{}}};\npub use crate::seam::{{{}}};", own.join(", "), public.join(", "));
    write(&to.join("lib.rs"), &format!("{}\nmod seam;\n{aliases}\n", kept.join("\n")));
    let declared: String = rooms.iter().map(|room| format!("pub mod {room};\n")).collect();
    write(&to.join("seam/mod.rs"), &declared);
    for (file, text) in sources(&Path::new(CRATE).join("src")) {
        if file.starts_with("builtin") {
            write(&to.join(file), &text);
        } else if file != Path::new("lib.rs") {
            write(&to.join("seam").join(&file), &hidden(&file, &text));
        }
    }
}

/// The room that a line of the root declares.
fn room(line: &str) -> Option<&str> {
    line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')
}

/// The text with everything that is for the crate alone taken away from `builtin`.
fn hidden(file: &Path, text: &str) -> String {
    let hide = |line: &str| {
        let allowed =
            |(of, item, _): &(&str, &str, &str)| file == Path::new(of) && line.contains(&format!("pub(crate) {item}"));
        if line.trim_start().starts_with("pub(crate) mod") {
            line.replace("pub(crate) mod", "pub mod")
        } else if ALLOWED.iter().any(allowed) {
            line.to_owned()
        } else {
            line.replace("pub(crate)", "pub(in crate::seam)")
        }
    };
    text.lines().map(hide).collect::<Vec<_>>().join("\n")
}

/// Every file below `folder` by its path in there.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).expect("the sources are here") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a source file is text");
                found.push((path.strip_prefix(folder).expect("it was found in there").to_owned(), text));
            }
        }
    }
    found
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}
