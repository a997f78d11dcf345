//! Ends what a command has started, and removes what it has written, however the command itself ends.
//!
//! A destructor does not run when a signal ends the program. So a second process, the watcher, holds the other end
//! of a pipe and is out of the terminal's reach; when the pipe closes, the command is gone, and the watcher cleans
//! up. It knows what belongs to the command by `TMPDIR`, which is inherited: a list of process numbers would miss
//! what a test has started, and a process group is left too easily.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Result, execute};

/// How long a process has after each signal.
const PATIENCE: Duration = Duration::from_secs(3);

/// A folder that is removed, with every process that has its temporary files there, when this value is dropped or
/// this program ends.
pub struct Guard {
    folder: PathBuf,
    watcher: Child,
}

impl Guard {
    /// Guards `folder`, which is made new.
    pub fn begin(folder: PathBuf) -> Result<Guard> {
        let made = remove(&folder).and_then(|()| fs::create_dir_all(&folder));
        made.and_then(|()| folder.canonicalize()).and_then(Guard::watched).map_err(|error| {
            let folder = folder.display();
            format!("the folder {folder} cannot be made and watched: {error}")
        })
    }

    fn watched(folder: PathBuf) -> std::io::Result<Guard> {
        let mut watcher = Command::new(std::env::current_exe()?);
        // In a group of its own, CTRL+C does not reach it.
        watcher.arg("watch").arg(&folder).process_group(0).current_dir("/");
        let watcher = watcher.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        Ok(Guard { folder, watcher })
    }

    /// Guards a new folder for temporary files.
    pub fn temporary() -> Result<Guard> {
        Guard::begin(std::env::temp_dir().join(format!("hipflask-{}", std::process::id())))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets `command`, and what it starts, end with this value.
    pub fn guard<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("TMPDIR", &self.folder)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

/// The watcher's command: waits until the program that started it is gone, then ends and removes the rest.
pub fn watch(folder: &Path) -> Result<()> {
    // Nothing is ever written; an error says just as well that the other process is gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    // PostgreSQL closes its connections at SIGINT; at SIGTERM it waits for its clients.
    for name in ["INT", "TERM", "KILL"] {
        let left = processes(folder)?;
        if left.is_empty() {
            break;
        }
        // One that has just ended is not a mistake.
        let _ = signal(name, &left);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && !processes(folder)?.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    remove(folder).map_err(|error| format!("{} cannot be removed: {error}", folder.display()))
}

/// The processes whose temporary files are in `folder`.
fn processes(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir("/proc").map_err(|error| format!("/proc cannot be read: {error}"))?;
    let is_guarded = |process: &fs::DirEntry| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        is_of(folder, &environment)
    };
    let numbers = entries.flatten().filter(is_guarded);
    Ok(numbers.map(|process| process.file_name().to_string_lossy().into_owned()).collect())
}

/// Whether a process with this environment, as proc(5) shows it, has its temporary files in `folder`.
fn is_of(folder: &Path, environment: &[u8]) -> bool {
    let mut variables = environment.split(|byte| *byte == 0);
    let temporary = variables.find_map(|variable| variable.strip_prefix(b"TMPDIR="));
    temporary.is_some_and(|path| Path::new(std::ffi::OsStr::from_bytes(path)).starts_with(folder))
}

/// Sends a signal to processes, or groups if there is a `-` before the number. The shell has `kill` built in; the
/// program of this name is not on every system.
pub fn signal(name: &str, processes: &[String]) -> Result<()> {
    execute(Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$@\"", name]).args(processes).stderr(Stdio::null()))
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_belongs_to_the_folder_of_its_temporary_files() {
        let folder = Path::new("/tmp/hipflask-12");
        assert!(is_of(folder, b"HOME=/root\0TMPDIR=/tmp/hipflask-12\0"));
        assert!(is_of(folder, b"TMPDIR=/tmp/hipflask-12/hipflask-13\0HOME=/root\0"), "what runs inside it");
        assert!(!is_of(folder, b"TMPDIR=/tmp/hipflask-123\0"));
        assert!(!is_of(folder, b"TMPDIR=/tmp\0OLD_TMPDIR=/tmp/hipflask-12\0"));
        assert!(!is_of(folder, b""));
    }
}
