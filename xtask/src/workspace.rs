//! The packages of this workspace.

use std::path::PathBuf;

use serde_json::Value;

use crate::{Result, cargo, output};

/// A package of the workspace.
pub struct Package {
    pub name: String,
    /// Where its manifest is.
    pub folder: PathBuf,
    /// Whether strangers depend on it: nothing forbids that it is published.
    pub is_published: bool,
}

/// All of them, in the order of their names.
pub fn packages() -> Result<Vec<Package>> {
    let metadata = output(cargo().args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut packages: Vec<Package> = packages.iter().filter_map(package).collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

/// The packages that strangers depend on.
pub fn published() -> Result<Vec<Package>> {
    Ok(packages()?.into_iter().filter(|package| package.is_published).collect())
}

fn package(package: &Value) -> Option<Package> {
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        folder: PathBuf::from(package["manifest_path"].as_str()?).parent()?.to_owned(),
        is_published: package["publish"].is_null(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_published_and_these_commands_are_not() {
        let packages = packages().expect("this is a workspace");
        let find = |name: &str| packages.iter().find(|package| package.name == name).expect("it is there");
        assert!(find("hipflask").is_published);
        assert!(!find("xtask").is_published);
        assert!(find("xtask").folder.ends_with("xtask"));
    }
}
