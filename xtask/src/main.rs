//! The project's own commands. `cargo xtask` alone lists them.

mod bench;
mod budget;
mod deny;
mod each_crate;
mod fresh;
mod guard;
mod load;
mod minimal_versions;
mod oracle;
mod public_types;
mod services;
mod test;
mod typos;
mod workspace;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const HELP: &str = "\
cargo xtask COMMAND

  test [ARGUMENTS]   Start what the tests need (PostgreSQL, Chromium, Python with Flask), installing what is
                     missing when it may, and run every test. ARGUMENTS go to `cargo test`, for instance
                     `-p hipflask-sql`; without any, the examples of the documentation are run too.
  services           Start what the tests need and keep it, for tests that are run by hand.
  oracle [--check]   Ask the real Flask the table of crates/hipflask/tests/fixtures/oracle again, and Hipflask after it;
                     then ask Hipflask what Werkzeug's and Flask's own tests ask. `--check` records nothing anew.
  deny               Check the dependencies: licences, and known advisories from the copy in xtask/advisories.
  typos              Check the spelling; typos.toml has the words that are right all the same.
  each-crate         Check every package alone, with the features that it asks for itself.
  minimal-versions   Check the published crates with the oldest dependencies that they allow.
  public-types       Check which types of other crates show in public signatures; xtask/public-types.txt has
                     those that may.
  fresh              Run the README's two commands on a Debian with nothing but Rust, gcc and git. Wants root,
                     2 GB of disk and a quarter of an hour.
  budget             Measure what a developer waits for: crates, build times, size of the binary, CPU per request.
  bench [WORKLOADS]  Measure our server beside its peers, and write bench/RESULTS.md and bench/results.svg.
                     `--quick` takes a few minutes, `--only ours,axum` picks servers; what is not the whole
                     run is written to the target folder.
";

/// What went wrong, in one or more lines for a person.
type Result<T, E = String> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first().map(|(command, rest)| (command.as_str(), rest)) {
        Some(("test", rest)) => return test::run(rest),
        Some(("services", [])) => test::services(),
        Some(("deny", [])) => deny::run(),
        Some(("typos", [])) => typos::run(),
        Some(("each-crate", [])) => each_crate::run(),
        Some(("minimal-versions", [])) => minimal_versions::run(),
        Some(("oracle", rest)) => oracle::run(rest),
        Some(("public-types", [])) => public_types::run(),
        Some(("fresh", [])) => fresh::run(),
        Some(("budget", [])) => budget::run(),
        Some(("bench", rest)) => bench::run(rest),
        // Not for people: see the module.
        Some(("watch", [folder])) => guard::watch(Path::new(folder)),
        None | Some(("help" | "--help" | "-h", _)) => {
            print!("{HELP}");
            Ok(())
        }
        Some(_) => Err(format!("there is no command `{}`\n\n{HELP}", arguments.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace")
}

/// The folder for what is made while building and testing.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The cargo that runs this program, in the folder of the workspace.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs `command` to its end, its output going where ours goes.
fn execute(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("{} cannot be started: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", shown(command))) }
}

/// Runs `command` to its end; what it printed.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| format!("{} cannot be started: {error}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} failed ({}):\n{}", shown(command), output.status, said.trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` to its end; each line that it prints goes to `screen`, and then to `each`.
fn follow(command: &mut Command, screen: &mut impl Write, mut each: impl FnMut(&str)) -> Result<()> {
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{} cannot be started: {error}", shown(command)))?;
    let lost = |error: std::io::Error| format!("what {} prints cannot be passed on: {error}", shown(command));
    let mut lines = BufReader::new(child.stdout.take().ok_or("what is piped can be read")?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).map_err(lost)? > 0 {
        screen.write_all(&line).map_err(lost)?;
        each(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().map_err(lost)?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", shown(command))) }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    format!("`{}`", words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints_is_read_while_it_is_passed_on() {
        let (mut lines, mut screen) = (Vec::new(), Vec::new());
        let mut program = Command::new("sh");
        program.args(["-c", "echo one; printf two; exit 3"]);
        let outcome = follow(&mut program, &mut screen, |line| lines.push(line.to_owned()));
        assert!(outcome.is_err_and(|error| error.contains("failed (exit status: 3)")));
        assert_eq!(lines, ["one\n", "two"]);
        assert_eq!(screen, b"one\ntwo");
    }
}
