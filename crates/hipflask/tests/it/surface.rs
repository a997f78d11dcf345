//! What a program sees of the crate: few names at the root and in the prelude, the rest in modules that say what they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const MOST_AT_THE_ROOT: usize = 40;
const MOST_IN_THE_PRELUDE: usize = 30;

/// The names that `pub use` gives in a text, except traits whose methods alone are wanted (`as _`) and modules.
fn names(text: &str) -> BTreeSet<String> {
    let uses = text.split("pub use ").skip(1).filter_map(|after| after.split_once(';'));
    let words = |(path, _): (&str, _)| -> Vec<String> {
        let (_, names) = path.rsplit_once("::").expect("a path has a crate in front");
        let listed = path.split_once('{').map_or(names, |(_, listed)| listed.trim_end_matches('}'));
        listed.split(',').map(|name| name.rsplit(" as ").next().unwrap_or_default().trim().to_owned()).collect()
    };
    uses.flat_map(words).filter(|name| !["", "_", "self"].contains(&name.as_str())).collect()
}

/// The root without what is inside its modules, and the prelude.
fn root_and_prelude() -> (String, String) {
    let text = include_str!("../../src/lib.rs");
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|l| l.to_owned() + "\n").collect();
    let (mut root, mut prelude, mut inside) = (String::new(), String::new(), None);
    for line in code.lines() {
        match inside {
            None if line.starts_with("pub mod ") && line.ends_with('{') => inside = Some(line.contains("prelude")),
            None => root.push_str(line),
            Some(_) if line == "}" => inside = None,
            Some(true) => prelude.push_str(line),
            Some(false) => {}
        }
    }
    (root, prelude)
}

/// The macros that programs call, which are at the root wherever they are written. One that begins with `__` has its name
/// in a module.
fn exported_macros(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the sources are here") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.append(&mut exported_macros(&path));
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file is text");
        let after = text.split("#[macro_export]\nmacro_rules! ").skip(1);
        let names = after.filter_map(|after| after.split([' ', '{']).next());
        found.extend(names.filter(|name| !name.starts_with("__")).map(str::to_owned));
    }
    found
}

#[test]
fn the_root_and_the_prelude_are_short() {
    let (root, prelude) = root_and_prelude();
    let mut root = names(&root);
    root.append(&mut exported_macros(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));
    for known in ["App", "Form", "abort", "get", "serve", "url_for", "Status"] {
        assert!(root.contains(known), "`{known}` is found: {root:?}");
    }
    assert!(root.len() <= MOST_AT_THE_ROOT, "{} names; put some into a module: {root:?}", root.len());
    let constants = prelude.matches("pub const ").count();
    let prelude = names(&prelude);
    assert!(prelude.contains("App") && prelude.contains("url_for"), "{prelude:?}");
    assert!(prelude.len() <= MOST_IN_THE_PRELUDE, "{} names: {prelude:?}", prelude.len());
    assert_eq!(constants, 5, "the methods, and no more");
    let elsewhere: Vec<_> = prelude.difference(&root).collect();
    assert!(elsewhere.is_empty(), "what the prelude has is at the root too: {elsewhere:?}");
}
