//! Programs of the book in crates of their own, outside this workspace, with the dependencies that their page adds and
//! no others: what a reader who follows the page has. They are built from what cargo already has on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../README.md");
const QUICKSTART: &str = include_str!("../quickstart.md");

/// A crate, in a folder that is removed with it.
struct Outside(PathBuf);

impl Outside {
    fn new(name: &str, dependencies: &[String]) -> Outside {
        let folder = std::env::temp_dir().join(format!("hipflask-outside-{name}-{}", std::process::id()));
        let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        let outside = Outside(folder);
        outside.write("Cargo.toml", &format!("{package}\n[dependencies]\n{}\n", dependencies.join("\n")));
        // The same versions as the workspace's, so that nothing is looked for elsewhere.
        outside.write("Cargo.lock", include_str!("../../Cargo.lock"));
        outside
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("there is room for a crate");
        fs::write(path, text).expect("the folder is ours");
    }

    /// What cargo prints, which must succeed.
    fn cargo(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg("--offline").args(arguments).current_dir(&self.0);
        // In the workspace's own target folder, so that the next run has only these crates to build.
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("outside"));
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("RUSTFLAGS");
        let output = command.output().expect("cargo runs this test, so there is a cargo");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "cargo {arguments:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The dependencies that a page adds, as lines of a manifest: what follows each `cargo add`.
fn added_by(page: &str) -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("crates");
    let line = |words: &str| match words.split_whitespace().collect::<Vec<_>>()[..] {
        ["--path", path] => {
            let name = path.rsplit('/').next().unwrap_or_default();
            format!("{name} = {{ path = {:?} }}", crates.join(name))
        }
        [name, "--features", feature] => format!("{name} = {{ version = \"*\", features = [{feature:?}] }}"),
        [name] => format!("{name} = \"*\""),
        _ => panic!("this `cargo add` is new here: {words}"),
    };
    page.split("cargo add ").skip(1).map(|rest| line(rest.split(['\n', '`']).next().unwrap_or_default())).collect()
}

/// The programs of a page, with the lines that are not shown.
fn programs(page: &str) -> Vec<String> {
    let blocks = page.split("```rust\n").skip(1).map(|text| text.split("```").next().unwrap_or_default());
    let shown = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n";
    blocks.map(|block| block.lines().map(shown).collect()).collect()
}

#[test]
fn the_programs_of_the_readme_build_and_run_outside_the_workspace() {
    let outside = Outside::new("outside", &added_by(README));
    outside.write("src/main.rs", include_str!("programs/hello.rs"));
    outside.write("src/bin/guestbook.rs", &programs(README)[1]);
    outside.write("templates/guestbook.html", include_str!("programs/guestbook/templates/guestbook.html"));

    let tested = outside.cargo(&["test", "--quiet"]);
    assert!(tested.contains("test result: ok. 2 passed"), "{tested}");

    let routes = outside.cargo(&["run", "--quiet", "--bin", "outside", "--", "routes"]);
    let rows: Vec<Vec<&str>> = routes.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.contains(&vec!["hello", "GET", "/hello/<name>"]), "{routes}");

    for program in ["outside", "guestbook"] {
        let checked = outside.cargo(&["run", "--quiet", "--bin", program, "--", "check"]);
        assert!(checked.contains("nothing wrong"), "{program}: {checked}");
    }

    let tree = outside.cargo(&["tree", "--prefix", "none", "--edges", "normal,build", "--format", "{p}"]);
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(crates.iter().any(|name| name.starts_with("hipflask ")), "{tree}");
    assert!(crates.len() <= 60, "the first program needs {} crates:\n{crates:#?}", crates.len());
}

#[test]
fn the_programs_of_the_quickstart_build_outside_the_workspace() {
    let outside = Outside::new("quickstart", &added_by(QUICKSTART));
    // One library has them all, each in a function of its own as in a documentation test: nothing has to be linked.
    let functions = programs(QUICKSTART).into_iter().enumerate();
    let functions: String =
        functions.map(|(number, text)| format!("pub fn program_{number}() {{\n{text}}}\n")).collect();
    outside.write("src/lib.rs", &format!("#![allow(dead_code)]\n{functions}"));
    outside.cargo(&["build", "--quiet"]);
}
