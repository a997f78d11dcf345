//! `cargo xtask oracle`: what the real Flask answers, recorded again, and what its own tests ask, asked of us.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::services::{self, Need};
use crate::{Result, cargo, execute, output, root, target};

/// A package whose own tests are run, and which of them are left out: what serves, needs a network, or asks nothing
/// that could be noted.
struct Suite {
    package: &'static str,
    arguments: &'static [&'static str],
}

const SUITES: [Suite; 2] = [
    Suite {
        package: "Werkzeug",
        arguments: &[
            "--noconftest",
            "--ignore=tests/live_apps",
            "--ignore=tests/test_debug.py",
            "--ignore=tests/test_local.py",
            "--ignore=tests/test_serving.py",
            "--ignore=tests/middleware/test_http_proxy.py",
        ],
    },
    Suite {
        package: "Flask",
        arguments: &["--ignore=tests/test_async.py", "--ignore=tests/test_cli.py", "--ignore=tests/type_check"],
    },
];

/// The command.
pub fn run(arguments: &[String]) -> Result<()> {
    let check = match arguments {
        [] => None,
        [only] if only == "--check" => Some("--check"),
        _ => return Err(format!("`oracle` takes `--check` or nothing, not `{}`", arguments.join(" "))),
    };
    let python = services::python_of_the_project()?;
    execute(Command::new(&python).arg(folder().join("record.py")).args(check))?;
    let calls = calls(&python)?;
    // What is compared with the calls tells how many are equal; the table needs no such list.
    for (tests, told) in [("oracle::", None), ("werkzeug::", Some("--nocapture"))] {
        let mut test = cargo();
        test.args(["test", "--locked", "-p", "hipflask", "--test", "it", tests, "--", "--include-ignored"]).args(told);
        execute(test.env("TEST_WERKZEUG_CALLS", &calls))?;
    }
    Ok(())
}

/// The noted calls, for the tests.
pub fn need() -> Result<Need> {
    let calls = calls(&services::python_of_the_project()?)?;
    let text = fs::read_to_string(&calls).map_err(|error| format!("{}: {error}", calls.display()))?;
    let found = format!("{} of Werkzeug's and Flask's own tests", text.lines().count());
    Ok(Need::prepared(found, "TEST_WERKZEUG_CALLS", calls.display().to_string()))
}

fn folder() -> PathBuf {
    root().join("crates/hipflask/tests/fixtures/oracle")
}

/// The file of what the packages' own tests ask. It is kept until a version or what notes it changes.
fn calls(python: &Path) -> Result<PathBuf> {
    let kept = target().join("oracle");
    let calls = kept.join("calls.jsonl");
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let requirements = read(&root().join("xtask/python/requirements.txt"))?;
    let made_by = format!("{requirements}\n{}\n{}", read(&folder().join("calls.py"))?, include_str!("oracle.rs"));
    let stamp = kept.join("made-by");
    if calls.is_file() && fs::read_to_string(&stamp).is_ok_and(|known| known == made_by) {
        return Ok(calls);
    }
    fs::create_dir_all(&kept).map_err(|error| format!("{}: {error}", kept.display()))?;
    let mut all = Vec::new();
    for suite in &SUITES {
        let noted = note(python, &kept, suite, &requirements)?;
        all.extend(read(&noted)?.lines().map(str::to_owned));
    }
    all.sort_unstable();
    all.dedup();
    let write =
        |path: &Path, text: String| fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    write(&calls, all.join("\n") + "\n")?;
    write(&stamp, made_by)?;
    Ok(calls)
}

/// Runs the tests of a package in its source, which is fetched if it is not here, and returns the file of their calls.
fn note(python: &Path, kept: &Path, suite: &Suite, requirements: &str) -> Result<PathBuf> {
    let package = suite.package;
    let line = requirements.lines().find(|line| line.starts_with(&format!("{package}==")));
    let line = line.ok_or_else(|| format!("the requirements name no version of {package}"))?;
    let name = line.to_lowercase().replace("==", "-");
    let source = kept.join(&name);
    if !source.join("tests").is_dir() {
        let mut fetch = Command::new(python);
        fetch
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", "--dest"])
            .arg(kept)
            .arg(line);
        output(&mut fetch)?;
        let archive = kept.join(format!("{name}.tar.gz"));
        output(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(kept))?;
    }
    let noted = kept.join(format!("{name}.jsonl"));
    _ = fs::remove_file(&noted);
    let mut tests = Command::new(python);
    tests.args(["-m", "pytest", "-q", "-p", "calls", "-p", "no:cacheprovider", "-W", "ignore"]);
    tests.args(suite.arguments).arg("tests").current_dir(&source);
    tests.env("PYTHONPATH", folder()).env("PYTHONDONTWRITEBYTECODE", "1").env("ORACLE_CALLS", &noted);
    // Some of them fail with newer dependencies than they were written for; what they ask is noted all the same.
    let ran = tests.output().map_err(|error| format!("{} cannot be started: {error}", python.display()))?;
    if !noted.is_file() {
        return Err(format!("the tests of {line} noted nothing:\n{}", String::from_utf8_lossy(&ran.stdout)));
    }
    let told = String::from_utf8_lossy(&ran.stdout);
    println!("the tests of {line}: {}", told.lines().next_back().unwrap_or_default());
    Ok(noted)
}
