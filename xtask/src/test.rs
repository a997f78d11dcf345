//! `cargo xtask test`: every test, with what the tests need.

use crate::{Result, cargo, execute, services};

/// The command. What cannot be prepared is named, and fails the tests that need it.
pub fn run(arguments: &[String]) -> Result<()> {
    let needs = [
        ("PostgreSQL", services::postgresql()),
        ("Chromium", services::chromium()),
        ("Python with Flask", services::python()),
    ];
    let mut tests = cargo();
    tests.args(["test", "--locked", "--no-fail-fast"]);
    let names_packages = |argument: &String| argument == "-p" || argument.starts_with("--package");
    if !arguments.iter().any(names_packages) {
        tests.arg("--workspace");
    }
    tests.args(arguments);
    let mut missing = Vec::new();
    for (name, need) in &needs {
        match need {
            Ok(need) => {
                println!("{name}: {}", need.found);
                tests.envs(need.environment.iter().cloned());
            }
            Err(reason) => missing.push(format!("the tests that need {name} did not run: {reason}")),
        }
    }
    // The ignored tests are those that need one of the services.
    if !arguments.iter().any(|argument| argument == "--") {
        tests.arg("--");
    }
    let outcome = execute(tests.arg("--include-ignored"));
    missing.extend(outcome.err());
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}
