//! What the tests need beside Rust. Every run has its own services, so that one which happens to run on the
//! machine hides nothing.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::guard::Guard;
use crate::{Result, execute, output, root, target};

/// Something that the tests need, ready for them. What runs ends with the [`Guard`] that it was started under.
pub struct Need {
    /// What was found, for a person.
    pub found: String,
    /// The variables by which the tests find it.
    pub environment: Vec<(&'static str, String)>,
    /// The number of its process, if it is one.
    process: Option<u32>,
}

impl Need {
    /// Something that does not run.
    pub fn prepared(found: String, variable: &'static str, value: String) -> Need {
        Need { found, environment: vec![(variable, value)], process: None }
    }

    /// Keeps the service, and what it starts from now on, on one core.
    pub fn keep_on_core(&self, core: u32) -> Result<()> {
        let Some(process) = self.process else { return Ok(()) };
        output(Command::new("taskset").args(["-cp", &core.to_string(), &process.to_string()])).map(drop)
    }
}

/// A PostgreSQL of our own, on a free port, with an empty database.
pub fn postgresql(guard: &Guard) -> Result<Need> {
    let bin = match postgresql_programs() {
        Some(bin) => bin,
        None => {
            install(&["postgresql"])?;
            postgresql_programs().ok_or("the package postgresql brought no initdb")?
        }
    };
    let folder = guard.folder().join("postgresql");
    let data = folder.join("data");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    if is_root()? {
        execute(Command::new("chown").arg("postgres").arg(&folder))?;
    }
    let mut initdb = unprivileged(&bin.join("initdb"))?;
    initdb.args(["--auth=trust", "--username=test", "--no-sync", "-D"]).arg(&data);
    output(guard.guard(&mut initdb))?;
    let port = free_port()?;
    let mut server = unprivileged(&bin.join("postgres"))?;
    server.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    server.args(["-c", "fsync=off", "-c", "max_connections=200"]);
    // CTRL+C is for the tests; the guard ends the server after them.
    guard.guard(&mut server).process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = server.spawn().map_err(|error| format!("postgres cannot be started: {error}"))?;
    let mut ready = Command::new(bin.join("pg_isready"));
    ready.args(["-h", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null());
    wait_for("PostgreSQL", || ready.status().is_ok_and(|status| status.success()))?;
    let version = output(Command::new(bin.join("postgres")).arg("--version"))?;
    Ok(Need {
        found: format!("{}, our own on port {port}", version.trim()),
        environment: vec![("TEST_POSTGRES_URL", format!("postgres://test@127.0.0.1:{port}/postgres"))],
        process: Some(server.id()),
    })
}

/// Runs a file of SQL in the database of [`postgresql`].
pub fn psql(postgresql: &Need, file: &Path) -> Result<()> {
    let mut psql = Command::new(postgresql_programs().unwrap_or_default().join("psql"));
    psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--file"]).arg(file);
    psql.args(postgresql.environment.iter().map(|(_, url)| url));
    output(&mut psql).map(drop)
}

/// The folder of PostgreSQL's server programs, which Debian keeps out of the path.
fn postgresql_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let debian = versions.into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").is_file())
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    Ok(command)
}

/// Chromium and its driver, which the tests start themselves.
pub fn chromium() -> Result<Need> {
    if !(in_path("chromium") && in_path("chromedriver")) {
        install(&["chromium", "chromium-driver"])?;
    }
    let version = output(Command::new("chromedriver").arg("--version"))?;
    Ok(Need { found: version.trim().to_owned(), environment: Vec::new(), process: None })
}

/// A Python environment with the real Flask.
pub fn python() -> Result<Need> {
    let python = python_of_the_project()?;
    let imports = "import flask, importlib.metadata as m; print('Flask', m.version('flask'))";
    let found = output(Command::new(&python).args(["-c", imports]))?;
    Ok(Need::prepared(found.trim().to_owned(), "TEST_PYTHON", python.display().to_string()))
}

/// The interpreter of the environment for tests and checks, kept in the target folder.
pub fn python_of_the_project() -> Result<PathBuf> {
    python_environment(&target().join("python"), &root().join("xtask/python/requirements.txt"))
}

/// The interpreter of an environment in `folder` that has what `requirements` lists, made anew if the list has changed.
pub fn python_environment(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let wanted = std::fs::read_to_string(requirements);
    let wanted = wanted.map_err(|error| format!("{}: {error}", requirements.display()))?;
    let complete = folder.join("complete");
    let has_all = std::fs::read_to_string(&complete).is_ok_and(|has| has == wanted);
    if !has_all || output(Command::new(&python).arg("--version")).is_err() {
        let make = || output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
        if make().is_err() {
            install(&["python3", "python3-venv"])?;
            make()?;
        }
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
        std::fs::write(&complete, wanted).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(python)
}

/// Installs Debian packages, if that is allowed here.
pub fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let by_hand = format!("install {names} by hand, on Debian as root by `apt-get update && apt-get install {names}`");
    if !in_path("apt-get") {
        return Err(format!("this system has no apt-get; {by_hand}"));
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if is_root()? { "env" } else { "sudo" });
        if !is_root()? {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
        output(&mut command)
    };
    println!("installing {names}");
    let arguments: Vec<&str> =
        ["install", "-y", "-q", "--no-install-recommends"].into_iter().chain(packages.iter().copied()).collect();
    // A fresh image has no package lists yet.
    let installed = apt(&arguments).or_else(|_| apt(&["update", "-q"]).and_then(|_| apt(&arguments)));
    installed.map(drop).map_err(|error| format!("{error}\n{by_hand}"))
}

pub fn is_root() -> Result<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

pub fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A port that is not in use, and that was not given before: what got it may not listen yet.
pub fn free_port() -> Result<u16> {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = address.map_err(|error| format!("no port is free: {error}"))?.port();
        if !given.contains(&port) {
            given.push(port);
            return Ok(port);
        }
    }
}

/// Waits until `ready` says so, for half a minute.
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready() {
        if Instant::now() > deadline {
            return Err(format!("{what} was started and does not answer"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
