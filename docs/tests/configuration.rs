//! Compares the tables of the page on configuration with what the core knows and reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hipflask::prelude::*;
use serde_json::Value;

const PAGE: &str = include_str!("../configuration.md");

/// A row of the table under "Keys of the core".
struct Row {
    default: Value,
    meaning: &'static str,
}

fn section() -> &'static str {
    let section = PAGE.split("\n## Keys of the core\n").nth(1).expect("the page has the heading");
    section.split("\n## ").next().unwrap_or_default()
}

fn code(cell: &str) -> Option<&str> {
    cell.trim().strip_prefix('`')?.strip_suffix('`')
}

/// The keys with a default: four cells.
fn documented() -> BTreeMap<&'static str, Row> {
    let rows = section().lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [key, default, meaning, _] = cells[..] else { return None };
        let key = code(key)?;
        let default = serde_json::from_str(code(default).unwrap_or_else(|| panic!("the default of {key} is code")));
        Some((key, Row { default: default.unwrap_or_else(|error| panic!("the default of {key}: {error}")), meaning }))
    });
    rows.collect()
}

/// The keys without one: two cells.
fn documented_without_default() -> BTreeSet<&'static str> {
    let rows = section().lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        if cells.len() == 2 { code(cells[0]) } else { None }
    });
    rows.collect()
}

/// The keys that the core's sources read: a literal in a call that reads one.
fn read_by_the_core() -> BTreeSet<String> {
    fn collect(folder: &Path, keys: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the sources are here") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                collect(&path, keys);
            } else {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                let code = code.collect::<Vec<_>>().join("\n");
                for call in ["get", "find", "switch", "seconds", "configured", "value"] {
                    let calls = code.split(call).skip(1).filter_map(|rest| {
                        let rest =
                            if rest.starts_with("::<") { rest.split_once(">(")?.1 } else { rest.strip_prefix('(')? };
                        rest.strip_prefix('"')?.split('"').next()
                    });
                    let is_key = |key: &&str| key.len() > 3 && key.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
                    keys.extend(calls.filter(is_key).map(str::to_owned));
                }
            }
        }
    }
    let mut keys = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/hipflask/src"), &mut keys);
    keys
}

#[test]
fn the_table_has_every_key_with_its_default() {
    // Outside debug mode no secret key is made.
    let app = App::new("doc", ".").config("DEBUG", false).freeze().expect("there is nothing in it");
    let documented = documented();
    let known: Vec<&str> = app.config().keys().collect();
    assert_eq!(documented.keys().copied().collect::<Vec<_>>(), known, "left the page, right config.rs, in order");
    for (key, row) in documented {
        let default: Value = app.config().get(key).expect("it is known");
        match key {
            // It differs between the two kinds of build, and was set above.
            "DEBUG" => {
                let debug = App::new("doc", ".").freeze().expect("there is nothing in it").config().debug();
                assert_eq!((row.default == true, debug), (true, cfg!(debug_assertions)));
            }
            _ => assert_eq!(row.default, default, "the default of {key}: left the page, right config.rs"),
        }
    }
}

#[test]
fn what_is_read_is_documented_and_what_is_not_read_is_said_to_be_without_effect() {
    let (documented, read) = (documented(), read_by_the_core());
    let without_default = documented_without_default();
    assert!(read.len() > 30, "reads are found: {read:?}");
    let missing: Vec<&String> = read.iter().filter(|key| !documented.contains_key(key.as_str())).collect();
    assert_eq!(missing, without_default.iter().collect::<Vec<_>>(), "left the sources, right the second table");
    for (key, row) in documented {
        assert_eq!(!read.contains(key), row.meaning.starts_with("no effect"), "{key}: {}", row.meaning);
    }
}
