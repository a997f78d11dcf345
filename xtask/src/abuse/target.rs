//! The server that is attacked.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::connection::{Answer, Connection, answers};
use crate::guard::Guard;
use crate::{Result, target};

/// One process of `tests/abuse_target`. It ends with the guard.
pub struct Target {
    process: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Target {
    /// Starts it, and waits until it says where it serves.
    pub fn start(guard: &Guard, number: usize) -> Result<Target> {
        let log = guard.folder().join(format!("target-{number}.log"));
        let told = |error: std::io::Error| format!("the target cannot be started: {error}");
        let file = File::create(&log).map_err(told)?;
        let mut command = Command::new(target().join("debug/abuse-target"));
        command.args(["--no-debug", "run", "--port", "0"]).stdin(Stdio::null());
        command.stdout(file.try_clone().map_err(told)?).stderr(file);
        let mut process = guard.guard(&mut command).spawn().map_err(told)?;
        let address = address(&mut process, &log)?;
        Ok(Target { process, address, log })
    }

    /// The answer to a plain GET; the default if there is none.
    pub fn get(&self, path: &str) -> Answer {
        let Ok(mut connection) = Connection::open(self.address) else { return Answer::default() };
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
        connection.read_for(Duration::from_secs(5));
        answers(&connection.received, false).pop().unwrap_or_default()
    }

    /// How often `/canary` has run.
    pub fn canary(&self) -> Result<i64> {
        let answer = self.get("/canary-count");
        let count = std::str::from_utf8(&answer.body).ok().and_then(|count| count.parse().ok());
        count.ok_or_else(|| "the canary's count cannot be read".to_owned())
    }

    pub fn is_alive(&self) -> bool {
        self.get("/ping").body == b"pong"
    }

    /// How much memory the process has, in MiB.
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        kibibytes.and_then(|kibibytes| kibibytes.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    /// What has been logged so far.
    pub fn log(&self) -> Vec<u8> {
        fs::read(&self.log).unwrap_or_default()
    }
}

fn address(process: &mut Child, log: &PathBuf) -> Result<SocketAddr> {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let found = text.split_once("Running on http://").and_then(|(_, rest)| rest.split_once('\n'));
        if let Some((address, _)) = found {
            return address.trim().parse().map_err(|error| format!("`{address}` is not an address: {error}"));
        }
        let has_ended = process.try_wait().is_ok_and(|status| status.is_some());
        if has_ended || begun.elapsed() > Duration::from_secs(30) {
            return Err(format!("the target does not serve; it said:\n{text}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
