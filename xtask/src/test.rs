//! `cargo xtask test`: every test, with what the tests need.

use crate::{Result, cargo, execute, services};

/// The command. What cannot be prepared is named, and fails the tests that need it.
pub fn run(arguments: &[String]) -> Result<()> {
    let needs = [
        ("PostgreSQL", services::postgresql()),
        ("Chromium", services::chromium()),
        ("Python with Flask", services::python()),
    ];
    let whole = !arguments.iter().any(|argument| argument == "-p" || argument.starts_with("--package"));
    let mut tests = cargo();
    tests.args(["test", "--locked", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    if whole {
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
    // The ignored tests are those that need one of the services. In the documentation `ignore` means something
    // else: quotations, which are no whole programs.
    if !arguments.iter().any(|argument| argument == "--") {
        tests.arg("--");
    }
    missing.extend(execute(tests.arg("--include-ignored")).err());
    if whole && arguments.is_empty() {
        missing.extend(execute(cargo().args(["test", "--locked", "--no-fail-fast", "--workspace", "--doc"])).err());
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}
