//! `cargo xtask budget`: what a developer waits for, beside the same program on axum.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::load::{self, Load, Request, Server};
use crate::{Result, cargo, execute, output, root, target};

const HELLO: &str = "examples/1-hello";
const FLASKR: &str = "examples/flaskr";

/// The command: a table of what is allowed and what was measured. Nothing fails: times are not tests.
pub fn run() -> Result<()> {
    let copies = Copies::make()?;
    let bench = root().join("bench");
    println!("| what | at most | measured |\n|---|---|---|");
    row("crates in hello's build", "60", &crates(root(), "hello")?.to_string());
    row("crates in the same on axum", "", &crates(&bench, "hello-axum")?.to_string());
    let axum = clean_build(&bench, "hello-axum")?;
    row("clean debug build of hello", &seconds(axum), &seconds(clean_build(&copies.folder, "hello")?));
    row("rebuild hello after an edit of a view", "1.0 s", &seconds(copies.rebuild("hello", HELLO, "src/main.rs")?));
    row("rebuild flaskr after an edit of a view", "2.5 s", &seconds(copies.rebuild("flaskr", FLASKR, "src/blog.rs")?));
    let binary = copies.release("hello")?;
    row("stripped release binary of hello", "4.0 MB", &format!("{:.1} MB", binary as f64 / 1e6));
    let (ours, axum) = plaintext(&bench)?;
    let ratio = format!("{ours:.2} µs = {:.2} x", ours / axum);
    row("CPU per request, plaintext, all defaults on", &format!("1.15 x axum's {axum:.2} µs"), &ratio);
    Ok(())
}

fn row(what: &str, allowed: &str, measured: &str) {
    println!("| {what} | {allowed} | {measured} |");
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// How many packages `package` of the workspace in `folder` is built from, itself not counted.
fn crates(folder: &Path, package: &str) -> Result<usize> {
    let mut tree = cargo();
    tree.current_dir(folder).args(["tree", "--locked", "-e", "normal,build", "--prefix", "none", "-p", package]);
    let tree = output(&mut tree)?;
    let packages = tree.lines().map(|line| line.split(" (").next().unwrap_or(line)).collect::<BTreeSet<_>>();
    Ok(packages.len() - 1)
}

/// How long a debug build into an empty target folder takes.
fn clean_build(folder: &Path, package: &str) -> Result<Duration> {
    let made = target().join("budget/clean");
    let _ = fs::remove_dir_all(&made);
    let mut build = cargo();
    build.current_dir(folder).args(["build", "--quiet", "--locked", "-p", package]).env("CARGO_TARGET_DIR", &made);
    execute(cargo().current_dir(folder).args(["fetch", "--quiet", "--locked"]))?;
    let began = Instant::now();
    execute(&mut build)?;
    let took = began.elapsed();
    let _ = fs::remove_dir_all(&made);
    Ok(took)
}

/// The two examples in a workspace of their own, whose files can be edited.
struct Copies {
    folder: PathBuf,
}

impl Copies {
    fn make() -> Result<Copies> {
        let folder = target().join("budget/workspace");
        let made = || -> std::io::Result<()> {
            let _ = fs::remove_dir_all(&folder);
            copy(&root().join(HELLO), &folder.join(HELLO))?;
            copy(&root().join(FLASKR), &folder.join(FLASKR))?;
            let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
            let crates = root().join("crates");
            let manifest = manifest.replace("path = \"crates", &format!("path = \"{}", crates.display()));
            let of_its_own = |line: &&str| !line.starts_with("members =") && !line.starts_with("default-members =");
            let manifest: Vec<&str> = manifest.lines().filter(of_its_own).collect();
            let members = format!("[workspace]\nmembers = [\"{HELLO}\", \"{FLASKR}\"]");
            fs::write(folder.join("Cargo.toml"), manifest.join("\n").replacen("[workspace]", &members, 1))?;
            fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
            Ok(())
        };
        made().map_err(|error| format!("the examples cannot be copied to {}: {error}", folder.display()))?;
        // What the copies do not need leaves their lock file here, so that the builds can be `--locked`.
        output(cargo().current_dir(&folder).args(["metadata", "--format-version=1"]))?;
        Ok(Copies { folder })
    }

    fn build(&self, package: &str) -> Command {
        let mut build = cargo();
        build.current_dir(&self.folder).args(["build", "--quiet", "-p", package]);
        build.env("CARGO_TARGET_DIR", target().join("budget/target"));
        build
    }

    /// The median time of a debug build after a view was edited.
    fn rebuild(&self, package: &str, example: &str, file: &str) -> Result<Duration> {
        execute(&mut self.build(package))?;
        let file = self.folder.join(example).join(file);
        let source = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let view = "async fn ";
        let mut times = Vec::new();
        for edit in 0..5 {
            let begin = source.find(view).ok_or_else(|| format!("{} has no view", file.display()))?;
            let body =
                begin + source[begin..].find("{\n").ok_or_else(|| format!("{} has no body", file.display()))? + 1;
            let edited = format!("{}\n    let _edit = \"{edit}\";{}", &source[..body], &source[body..]);
            fs::write(&file, edited).map_err(|error| format!("{}: {error}", file.display()))?;
            let began = Instant::now();
            execute(&mut self.build(package))?;
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times[times.len() / 2])
    }

    /// The size of the stripped release binary, in bytes.
    fn release(&self, package: &str) -> Result<u64> {
        execute(self.build(package).arg("--release"))?;
        let binary = target().join("budget/target/release").join(package);
        fs::metadata(&binary).map(|file| file.len()).map_err(|error| format!("{}: {error}", binary.display()))
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The median CPU time of a plaintext request in microseconds, ours and axum's, measured in turn.
fn plaintext(bench: &Path) -> Result<(f64, f64)> {
    load::prepare()?;
    let made = target().join("bench");
    let mut build = cargo();
    build.current_dir(bench).args([
        "build",
        "--quiet",
        "--locked",
        "--release",
        "-p",
        "bench-ours",
        "-p",
        "bench-axum",
    ]);
    execute(build.env("CARGO_TARGET_DIR", &made))?;
    let servers = ["bench-ours", "bench-axum"].map(|name| Server::of_the_bench(&made.join("release").join(name)));
    let plaintext = Request::get("/plaintext");
    let load = Load { connections: 64, warm_up: 1, seconds: 4 };
    let mut figures = [Vec::new(), Vec::new()];
    for _round in 0..3 {
        for (server, figures) in servers.iter().zip(&mut figures) {
            figures.push(server.start()?.measure(&plaintext, load)?.cpu);
        }
    }
    let [ours, axum] = figures.map(load::median);
    Ok((ours, axum))
}
