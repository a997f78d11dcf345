//! `cargo xtask minimal-versions`: the published crates with the oldest versions that their manifests allow.
//!
//! A program that has an older version of a dependency in its lock file than we have in ours builds with it. What our
//! own dependencies demand of theirs is not looked at.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{Result, cargo, execute, root, target, workspace};

/// The command.
pub fn run() -> Result<()> {
    let folder = copy()?;
    let mut resolve = cargo();
    // The option is unstable; on the stable compiler this variable allows it. The build goes without, because some
    // build scripts take it for a sign that they can use what is unstable.
    resolve.env("RUSTC_BOOTSTRAP", "1").args(["generate-lockfile", "--quiet", "-Z", "direct-minimal-versions"]);
    execute(resolve.current_dir(&folder)).map_err(|error| format!("{error}: raise a version in Cargo.toml"))?;
    let mut check = cargo();
    check.args(["check", "--quiet", "--locked", "--workspace"]).env("CARGO_TARGET_DIR", target());
    execute(check.current_dir(&folder))
        .map_err(|error| format!("{error}: a dependency is older than the code needs; raise its version in Cargo.toml"))
}

/// A workspace of the published crates alone: manifests of its own, and the sources by links, so that what did not
/// change is not compiled again.
fn copy() -> Result<PathBuf> {
    let folder = target().join("minimal-versions");
    let crates = workspace::published()?;
    let copied = || -> std::io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        for package in &crates {
            let copy = folder.join(package.folder.strip_prefix(root()).unwrap_or(&package.folder));
            fs::create_dir_all(&copy)?;
            fs::write(copy.join("Cargo.toml"), of_the_user(&fs::read_to_string(package.folder.join("Cargo.toml"))?))?;
            link_all(&package.folder, &copy)?;
        }
        fs::write(folder.join("Cargo.toml"), of_the_published(&fs::read_to_string(root().join("Cargo.toml"))?))
    };
    copied().map_err(|error| format!("the crates cannot be copied to {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Links what is in `from` and not in `to`.
fn link_all(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if !to.join(&name).exists() {
            symlink(from.join(&name), to.join(&name))?;
        }
    }
    Ok(())
}

/// A crate's manifest without what only its own tests need, which would raise the versions.
fn of_the_user(manifest: &str) -> String {
    let mut is_kept = true;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_kept = !matches!(*line, "[dev-dependencies]" | "[[test]]" | "[[bench]]" | "[[example]]");
        }
        is_kept
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// The manifest of the workspace with the published crates as its only members.
fn of_the_published(manifest: &str) -> String {
    let is_kept = |line: &&str| !line.starts_with("default-members =") && !line.starts_with("exclude =");
    let lines = manifest.lines().filter(is_kept);
    let lines = lines.map(|line| if line.starts_with("members =") { "members = [\"crates/*\"]" } else { line });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tests_need_raises_no_version() {
        let manifest =
            "[dependencies]\nhttp = \"1\"\n\n[dev-dependencies]\nhyper = \"1.9\"\n\n[lints]\nworkspace = true\n";
        assert_eq!(of_the_user(manifest), "[dependencies]\nhttp = \"1\"\n\n[lints]\nworkspace = true\n");
        assert_eq!(of_the_user("[lib]\n[[test]]\nname = \"x\"\n[lints]\n"), "[lib]\n[lints]\n");
    }

    #[test]
    fn the_published_crates_are_the_only_members() {
        let manifest =
            "[workspace]\nmembers = [\"crates/*\", \"xtask\"]\ndefault-members = [\"xtask\"]\nexclude = []\n";
        assert_eq!(of_the_published(manifest), "[workspace]\nmembers = [\"crates/*\"]\n");
    }
}
