//! The first program in a crate of its own, outside of this workspace and with one dependency: what somebody has
//! who follows the quickstart. It is built from what cargo has on this machine already.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crate, in a folder that goes with it.
struct Outside(PathBuf);

impl Outside {
    fn new() -> Outside {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the book is in the workspace");
        let folder = std::env::temp_dir().join(format!("hipflask-outside-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).expect("there is room for a crate");
        let manifest = format!(
            "[package]\nname = \"outside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nhipflask = {{ path = {:?} }}\n",
            workspace.join("crates/hipflask")
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("the folder is ours");
        fs::write(folder.join("src/main.rs"), include_str!("programs/hello.rs")).expect("the folder is ours");
        // The same versions as the workspace's, so that nothing is looked for elsewhere.
        fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the folder is ours");
        Outside(folder)
    }

    /// What cargo prints, which must succeed.
    fn cargo(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg("--offline").args(arguments).current_dir(&self.0);
        // Within the workspace's own folder for what is built, so that the next run has only this crate to build.
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

#[test]
fn the_first_program_builds_and_runs_outside_of_the_workspace() {
    let outside = Outside::new();

    let tested = outside.cargo(&["test", "--quiet"]);
    assert!(tested.contains("test result: ok. 2 passed"), "{tested}");

    let routes = outside.cargo(&["run", "--quiet", "--", "routes"]);
    let rows: Vec<Vec<&str>> = routes.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.contains(&vec!["hello", "GET", "/hello/<name>"]), "{routes}");

    let checked = outside.cargo(&["run", "--quiet", "--", "check"]);
    assert!(checked.contains("nothing wrong"), "{checked}");

    let tree = outside.cargo(&["tree", "--prefix", "none", "--edges", "normal,build", "--format", "{p}"]);
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(crates.iter().any(|name| name.starts_with("hipflask ")), "{tree}");
    assert!(crates.len() <= 60, "the first program needs {} crates:\n{crates:#?}", crates.len());
}
