//! `cargo xtask abuse`: hostile requests, sent to `tests/abuse_target` byte by byte.
//!
//! The cases are in `tests/abuse`, whose README describes their format. Each says what the answer may be and what
//! must not happen; after each, the server must still answer. What needs something that does not exist yet is
//! counted as not built, never as passed.

mod assertion;
mod bytes;
mod case;
mod connection;
mod frames;
mod http2;
mod play;
mod signed;
mod target;

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use crate::guard::Guard;
use crate::{Result, cargo, execute};

use self::case::{Case, Kind};
use self::target::Target;

/// How many servers are attacked at once. Most of the time is spent on waiting for what must not come.
const SERVERS: usize = 4;

/// What became of a case.
enum Outcome {
    Passed,
    Failed(Vec<String>),
    /// A test of another suite checks it.
    Held,
    /// It needs something that does not exist.
    NotBuilt,
    LeftOut,
}

/// The command. `--slow` adds the cases that wait for time-outs; other words choose cases by how their names begin.
pub fn run(arguments: &[String]) -> ExitCode {
    match attack(arguments) {
        Ok(outcomes) => {
            let has_failed = report(&outcomes);
            if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

type Outcomes = Vec<(Case, Outcome)>;

fn attack(arguments: &[String]) -> Result<Outcomes> {
    let is_slow_wanted = arguments.iter().any(|argument| argument == "--slow");
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let is_chosen = |case: &Case| chosen.is_empty() || chosen.iter().any(|start| case.id.starts_with(start.as_str()));
    let cases: VecDeque<Case> = case::all()?.into_iter().filter(is_chosen).collect();
    execute(cargo().args(["build", "--quiet", "--locked", "--package", "abuse-target"]))?;
    let guard = Guard::temporary()?;
    let cases = Mutex::new(cases);
    let outcomes = Mutex::new(Vec::new());
    let (guarding, waiting, told) = (&guard, &cases, &outcomes);
    std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..SERVERS)
            .map(|number| scope.spawn(move || attacker(number, guarding, waiting, told, is_slow_wanted)))
            .collect();
        attackers.into_iter().try_for_each(|attacker| attacker.join().map_err(|_| "an attacker panicked".to_owned())?)
    })?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    Ok(outcomes)
}

/// Takes case after case, and plays each against a server of its own.
fn attacker(
    number: usize,
    guard: &Guard,
    cases: &Mutex<VecDeque<Case>>,
    outcomes: &Mutex<Outcomes>,
    is_slow_wanted: bool,
) -> Result<()> {
    let mut target = Target::start(guard, number)?;
    loop {
        let Some(case) = cases.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return Ok(()) };
        let outcome = match &case.kind {
            Kind::HeldBy(test) => held(test),
            Kind::NotBuilt => Outcome::NotBuilt,
            Kind::Played(_) if case.is_slow && !is_slow_wanted => Outcome::LeftOut,
            Kind::Played(scenes) => {
                let problems = play::play(&case, scenes, &target);
                if !target.is_alive() {
                    target = Target::start(guard, number)?;
                }
                if problems.is_empty() { Outcome::Passed } else { Outcome::Failed(problems) }
            }
        };
        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((case, outcome));
    }
}

/// Whether the test that holds a case, `FILE FUNCTION`, exists.
fn held(test: &str) -> Outcome {
    let (file, function) = test.split_once(' ').unwrap_or((test, ""));
    let source = std::fs::read_to_string(crate::root().join(file)).unwrap_or_default();
    if source.contains(&format!("fn {function}()")) {
        Outcome::Held
    } else {
        Outcome::Failed(vec![format!("there is no test `{function}` in {file}")])
    }
}

/// Prints what became of the cases, by area; whether one failed.
fn report(outcomes: &Outcomes) -> bool {
    let mut areas: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    let passed: Vec<&str> = ids(outcomes, |outcome| matches!(outcome, Outcome::Passed));
    let mut has_failed = false;
    for (case, outcome) in outcomes {
        // A refusal proves nothing where nothing is ever allowed.
        let control = case.control.as_deref().filter(|control| !passed.contains(control));
        let place = match outcome {
            Outcome::Passed => match control {
                Some(control) if outcomes.iter().any(|(other, _)| other.id == control) => {
                    println!("failed: {} {}: its control, {control}, did not pass", case.id, case.title);
                    1
                }
                _ => 0,
            },
            Outcome::Failed(problems) => {
                println!("failed: {} {}: {}", case.id, case.title, problems.join("; "));
                1
            }
            Outcome::Held => 2,
            Outcome::NotBuilt => 3,
            Outcome::LeftOut => 4,
        };
        has_failed |= place == 1;
        areas.entry(&case.area).or_default()[place] += 1;
    }
    print_table(&areas);
    has_failed || outcomes.is_empty()
}

fn ids(outcomes: &Outcomes, is_meant: impl Fn(&Outcome) -> bool) -> Vec<&str> {
    outcomes.iter().filter(|(_, outcome)| is_meant(outcome)).map(|(case, _)| case.id.as_str()).collect()
}

fn print_table(areas: &BTreeMap<&str, [usize; 5]>) {
    let mut sum = [0; 5];
    println!(
        "{:<20}{:>8}{:>8}{:>18}{:>11}{:>10}",
        "area", "passed", "failed", "held by a test", "not built", "left out"
    );
    let line = |name: &str, [passed, failed, held, missing, left]: [usize; 5]| {
        println!("{name:<20}{passed:>8}{failed:>8}{held:>18}{missing:>11}{left:>10}");
    };
    for (area, counts) in areas {
        line(area, *counts);
        for (total, count) in sum.iter_mut().zip(counts) {
            *total += count;
        }
    }
    line("all", sum);
}
