//! `cargo xtask deny`: which dependencies are allowed.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustsec::{Advisory, Lockfile};
use serde_json::Value;

use crate::{Result, cargo, output, root, target};

/// The licences that a dependency may ask for.
const LICENCES: &[&str] = &["MIT", "Apache-2.0", "Unicode-3.0", "Zlib", "BSD-2-Clause", "BSD-3-Clause", "ISC"];

/// Packages of other licences, each with the reason: nothing that is served is built from them.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("cssparser", "MPL-2.0", "selectors in tests, unchanged"),
    ("cssparser-macros", "MPL-2.0", "selectors in tests, unchanged"),
    ("dtoa-short", "MPL-2.0", "selectors in tests, unchanged"),
    ("selectors", "MPL-2.0", "selectors in tests, unchanged"),
];

/// The advisories that do not concern us, each with the reason.
const IGNORED: &[(&str, &str)] = &[];

/// The command.
pub fn run() -> Result<()> {
    let problems = [licences()?, advisories(&root().join("Cargo.lock"))?].concat();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// The packages whose licence is none of ours.
fn licences() -> Result<Vec<String>> {
    let metadata = output(cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    println!("{} packages, licences {}", packages.len(), LICENCES.join(", "));
    let refused = |package: &Value| {
        let licence = package["license"].as_str();
        let excepted = |(name, text, _): &&(&str, &str, &str)| package["name"] == *name && licence == Some(*text);
        if let Some((name, text, reason)) = EXCEPTIONS.iter().find(excepted) {
            println!("excepted: {name} is licensed under {text} ({reason})");
            return None;
        }
        let problem = match licence.map(|text| spdx::Expression::parse_mode(text, spdx::ParseMode::LAX)) {
            None => "has no licence in its manifest".to_owned(),
            Some(Err(error)) => format!("has a licence that cannot be read: {error}"),
            Some(Ok(licence)) if licence.evaluate(is_allowed) => return None,
            Some(Ok(licence)) => format!("is licensed under {licence}, which xtask/src/deny.rs does not allow"),
        };
        Some(format!("{} {} {problem}", package["name"].as_str()?, package["version"].as_str()?))
    };
    Ok(packages.iter().filter_map(refused).collect())
}

fn is_allowed(requirement: &spdx::LicenseReq) -> bool {
    let id = requirement.license.id();
    id.is_some_and(|id| LICENCES.contains(&id.name)) && requirement.addition.is_none()
}

/// The packages of `lockfile` with a known vulnerability. What is only unmaintained, unsound or yanked is printed.
fn advisories(lockfile: &Path) -> Result<Vec<String>> {
    let crates = unpacked()?;
    let lockfile = Lockfile::load(lockfile).map_err(|error| format!("{}: {error}", lockfile.display()))?;
    let mut problems = Vec::new();
    for package in &lockfile.packages {
        let Ok(files) = std::fs::read_dir(crates.join(package.name.as_str())) else { continue };
        for file in files.flatten() {
            let advisory = Advisory::load_file(file.path()).map_err(|error| error.to_string())?;
            let id = advisory.id().as_str();
            if advisory.metadata.withdrawn.is_some() || !advisory.versions.is_vulnerable(&package.version) {
                continue;
            }
            let found = format!("{} {}: {id}: {}", package.name, package.version, advisory.title());
            match (IGNORED.iter().find(|(ignored, _)| *ignored == id), &advisory.metadata.informational) {
                (Some((_, reason)), _) => println!("ignored: {found} ({reason})"),
                (None, Some(notice)) => println!("note: {found} ({notice})"),
                (None, None) => problems.push(found),
            }
        }
    }
    let about = std::fs::read_to_string(root().join("xtask/advisories/README.md")).unwrap_or_default();
    let newest = about.lines().find(|line| line.starts_with("Newest")).unwrap_or("of unknown age");
    println!("{} packages in the lock file against the advisories. {newest}", lockfile.packages.len());
    Ok(problems)
}

/// The advisories by crate: the copy of the RustSec database that the project carries, so that the check needs no
/// network.
fn unpacked() -> Result<PathBuf> {
    let folder = target().join("advisories");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let archive = root().join("xtask/advisories/crates.tar.gz");
    output(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder))?;
    Ok(folder.join("crates"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vulnerable_version_is_found() {
        let lockfile = std::env::temp_dir().join(format!("hipflask-deny-{}.lock", std::process::id()));
        let package = "version = 3\n\n[[package]]\nname = \"smallvec\"\nversion = \"0.6.9\"\n";
        std::fs::write(&lockfile, package).expect("the temporary folder can be written");
        let problems = advisories(&lockfile).expect("the advisories can be read");
        std::fs::remove_file(&lockfile).expect("the file is ours");
        assert!(problems.iter().any(|problem| problem.contains("RUSTSEC-2019-0009")), "{problems:?}");
    }

    #[test]
    fn a_licence_must_be_on_the_list() {
        let allowed = |text| spdx::Expression::parse(text).expect("it is a licence").evaluate(is_allowed);
        assert!(allowed("MIT OR GPL-3.0-only"));
        assert!(!allowed("MIT AND GPL-3.0-only"));
        assert!(!allowed("AGPL-3.0-only"));
    }
}
