//! `cargo xtask test`: every test, with what the tests need.

use std::io::IsTerminal;
use std::process::{Command, ExitCode};

use crate::guard::Guard;
use crate::services::{self, Need};
use crate::{Result, cargo, follow};

/// The command. What cannot be prepared is named, and fails the tests that need it. The last line says how many
/// tests passed.
pub fn run(arguments: &[String]) -> ExitCode {
    let mut tally = Tally::default();
    let problems = tests(arguments, &mut tally).unwrap_or_else(|problem| vec![problem]);
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    println!("{}", tally.closing(!problems.is_empty()));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `cargo xtask services`: keeps what the tests need until it is interrupted.
pub fn services() -> Result<()> {
    let guard = Guard::temporary()?;
    let (found, missing) = needs(&guard);
    for (name, value) in found.iter().flat_map(|need| &need.environment) {
        println!("export {name}={value}");
    }
    for problem in missing {
        eprintln!("error: {problem}");
    }
    println!("CTRL+C ends it");
    loop {
        std::thread::park();
    }
}

/// Runs the tests; what went wrong.
fn tests(arguments: &[String], tally: &mut Tally) -> Result<Vec<String>> {
    let guard = Guard::temporary()?;
    let (found, mut problems) = needs(&guard);
    let whole = !arguments.iter().any(|argument| argument == "-p" || argument.starts_with("--package"));
    let mut tests = cargo();
    tests.args(["test", "--locked", "--no-fail-fast", "--tests"]);
    if whole {
        tests.arg("--workspace");
    }
    tests.args(arguments);
    if !arguments.iter().any(|argument| argument == "--") {
        tests.arg("--");
    }
    // The ignored tests are those that need one of the services. In the documentation `ignore` means something
    // else: quotations, which are not whole programs.
    tests.arg("--include-ignored").args(colours(arguments));
    tests.envs(found.into_iter().flat_map(|need| need.environment));
    problems.extend(tally.run(guard.guard(&mut tests)).err());
    if whole && arguments.is_empty() {
        let mut examples = cargo();
        examples.args(["test", "--locked", "--no-fail-fast", "--workspace", "--doc", "--"]).args(colours(arguments));
        problems.extend(tally.run(guard.guard(&mut examples)).err());
    }
    Ok(problems)
}

/// What the tests need, and what of it is not to be had.
fn needs(guard: &Guard) -> (Vec<Need>, Vec<String>) {
    let needs = [
        ("PostgreSQL", services::postgresql(guard)),
        ("Chromium", services::chromium()),
        ("Python with Flask", services::python()),
        ("the calls of Werkzeug's tests", crate::oracle::need()),
    ];
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (name, need) in needs {
        match need {
            Ok(need) => {
                println!("{name}: {}", need.found);
                found.push(need);
            }
            Err(reason) => missing.push(format!("the tests that need {name} did not run: {reason}")),
        }
    }
    (found, missing)
}

/// What keeps the tests' colours, which they would leave out because this program reads what they print.
fn colours(arguments: &[String]) -> Option<&'static str> {
    let is_chosen = arguments.iter().any(|argument| argument.starts_with("--color"));
    let are_wanted = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    (are_wanted && !is_chosen).then_some("--color=always")
}

/// How the tests went that have run so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    /// The tests that failed, by name.
    names: Vec<String>,
}

impl Tally {
    /// Runs `command` to its end, and reads what it prints.
    fn run(&mut self, command: &mut Command) -> Result<()> {
        follow(command, &mut std::io::stdout(), |line| self.read(line))
    }

    /// Counts what a line of a test program says.
    fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            let counted = |word: &str| {
                let before = result.split(word).next().filter(|before| before.len() < result.len())?;
                before.rsplit(' ').next()?.parse::<u64>().ok()
            };
            self.passed += counted(" passed;").unwrap_or(0);
            self.failed += counted(" failed;").unwrap_or(0);
        } else if let Some((name, _)) = line.rsplit_once(" ... ").filter(|(_, end)| end.contains("FAILED")) {
            self.names.push(name.trim_start_matches("test ").to_owned());
        }
    }

    /// The last lines: which tests failed, and how many. What failed outside a test counts as one.
    fn closing(&self, has_problems: bool) -> String {
        let names: String = self.names.iter().map(|name| format!("failed: {name}\n")).collect();
        format!("{names}{} passed, {} failed", self.passed, self.failed.max(u64::from(has_problems)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn the_last_line_has_the_sum_of_all_programs() {
        let output = "\
running 3 tests
test a ... ok
test b ... ignored
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: \x1b[32mok\x1b[m. 40 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.00s
";
        assert_eq!(tally(output).closing(false), "42 passed, 0 failed");
    }

    #[test]
    fn what_failed_is_named_once_more_at_the_end() {
        let output = "\
test csrf::a_token ... FAILED
test docs/src/lib.rs - page (line 3) ... \x1b[31mFAILED\x1b[m
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let closing = "failed: csrf::a_token\nfailed: docs/src/lib.rs - page (line 3)\n1 passed, 2 failed";
        assert_eq!(tally(output).closing(true), closing);
    }

    #[test]
    fn a_run_that_failed_never_says_that_nothing_failed() {
        assert_eq!(tally("").closing(true), "0 passed, 1 failed");
    }
}
