//! `cargo xtask each-crate`: every package checked alone.
//!
//! When the whole workspace is built, a dependency has the features that any package asks for. A package that
//! forgets one is then still built here, and not at its user's.

use std::time::Instant;

use crate::workspace::{self, Package};
use crate::{Result, cargo, execute};

/// The command.
pub fn run() -> Result<()> {
    let mut problems = Vec::new();
    for package in workspace::packages()? {
        let began = Instant::now();
        problems.extend(checks(&package).iter().filter_map(|arguments| {
            let mut check = cargo();
            check.args(["check", "--quiet", "--locked", "--package", &package.name]).args(*arguments);
            execute(&mut check).err()
        }));
        println!("{}: {:.1} s", package.name, began.elapsed().as_secs_f64());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// What is checked of `package`. Tests and examples bring features of their own; so what strangers depend on is
/// checked without them first, as they build it.
fn checks(package: &Package) -> &'static [&'static [&'static str]] {
    if package.is_published { &[&[], &["--all-targets"]] } else { &[&["--all-targets"]] }
}
