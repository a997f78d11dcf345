//! However a command ends, nothing stays: no process and no file.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

/// What a test waits at most for anything. Only a failing test ever does.
const PATIENCE: Duration = Duration::from_secs(60);

/// `cargo xtask services`, as far as it is ready.
struct Services {
    child: Child,
    folder: PathBuf,
    postgresql: String,
}

impl Services {
    fn start() -> Services {
        // A shell that starts programs in the background lets them ignore SIGINT, which a terminal never does.
        let mut command = Command::new("env");
        command.args(["--default-signal", XTASK, "services"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("`env` is part of every system");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut lines = lines.map(|line| line.expect("text"));
        let url = lines.find_map(|line| Some(line.strip_prefix("export TEST_POSTGRES_URL=")?.to_owned()));
        let url = url.expect("PostgreSQL runs");
        let address = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("the URL has a host");
        assert!(lines.any(|line| line == "CTRL+C ends it"));
        let folder = std::env::temp_dir().join(format!("hipflask-{}", child.id()));
        Services { child, folder, postgresql: address.to_owned() }
    }

    fn is_served(&self) -> bool {
        TcpStream::connect(&self.postgresql).is_ok()
    }
}

#[test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` installs"]
fn no_signal_leaves_anything_behind() {
    // A terminal that is closed sends SIGHUP; SIGKILL leaves a program no time for anything.
    for signal in ["INT", "TERM", "HUP", "KILL"] {
        let mut services = Services::start();
        assert!(services.is_served() && services.folder.is_dir(), "it is there as long as it is wanted");
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$0\" \"$1\"", signal, &services.child.id().to_string()]);
        assert!(kill.status().expect("there is a shell").success());
        services.child.wait().expect("it is our child");
        eventually(|| !services.folder.exists(), &format!("the folder stays after SIG{signal}"));
        assert!(!services.is_served(), "PostgreSQL runs on after SIG{signal}");
        // The watcher is the last to go.
        eventually(|| processes_of(&services.folder).is_empty(), &format!("a process stays after SIG{signal}"));
    }
}

/// Programs that run until they are ended, whatever becomes of the test.
struct Programs(Vec<Child>);

impl Programs {
    fn start(&mut self, folder: &Path, script: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("TMPDIR", folder).stdout(Stdio::piped());
        let mut child = command.spawn().expect("there is a shell");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut said).expect("text");
        assert_eq!(said, "ready\n");
        self.0.push(child);
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn what_was_started_ends_and_nothing_else() {
    let base = std::env::temp_dir().join(format!("hipflask-guard-{}", std::process::id()));
    let (ours, other) = (base.join("ours"), base.join("other"));
    for folder in [&ours, &other] {
        std::fs::create_dir_all(folder).expect("the temporary folder can be written");
    }
    let mut programs = Programs(Vec::new());
    programs.start(&ours, "echo ready; exec sleep 600");
    programs.start(&ours, "trap '' INT; echo ready; exec sleep 600");
    programs.start(&ours, "exec setsid sh -c 'echo ready; exec sleep 600'");
    programs.start(&other, "echo ready; exec sleep 600");
    let mut watcher = Command::new(XTASK);
    let mut watcher = watcher.arg("watch").arg(&ours).stdin(Stdio::piped()).spawn().expect("xtask can be run");
    assert!(ours.is_dir(), "it waits for the end of the pipe");
    drop(watcher.stdin.take());
    assert!(watcher.wait().expect("it is our child").success());
    assert!(!ours.exists() && other.is_dir());
    let ended: Vec<bool> =
        programs.0.iter_mut().map(|child| child.try_wait().expect("they are our children").is_some()).collect();
    assert_eq!(ended, [true, true, true, false]);
    drop(programs);
    std::fs::remove_dir_all(&base).expect("the folder is ours");
}

/// The commands in which the folder is named.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").expect("the system is Linux").flatten();
    let commands = entries.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let commands = commands.map(|command| String::from_utf8_lossy(&command).replace('\0', " "));
    commands.filter(|command| command.contains(&folder)).collect()
}

fn eventually(happened: impl Fn() -> bool, otherwise: &str) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < PATIENCE, "{otherwise}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
