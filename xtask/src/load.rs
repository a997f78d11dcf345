//! Load on a server, and what it costs: the server on one core, the load generator `wrk` on another.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::services::{self, free_port, wait_for};
use crate::{Result, output, target};

/// Installs what this module needs.
pub fn prepare() -> Result<()> {
    if !services::in_path("wrk") {
        services::install(&["wrk"])?;
    }
    Ok(())
}

/// A server that can be started; `{port}` in its arguments stands for the port it has to listen on.
pub struct Server {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
}

/// A request that is sent again and again.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

/// What a run of the load generator found.
pub struct Sample {
    pub requests_per_second: f64,
    /// User and system time of the server, in microseconds per request.
    pub cpu: f64,
    /// In milliseconds.
    pub p50: f64,
    /// In milliseconds.
    pub p99: f64,
    /// Resident memory after the run, in MiB.
    pub memory: f64,
}

impl Server {
    /// A program of the bench, which takes `run --port PORT` as ours does.
    pub fn of_the_bench(program: &Path) -> Server {
        let arguments = ["run", "--port", "{port}"].map(str::to_owned).to_vec();
        let secret = "a key that is long enough, and only for the bench".to_owned();
        Server { program: program.to_owned(), arguments, environment: vec![("FLASK_SECRET_KEY", secret)] }
    }

    /// Starts it on the first core and waits until it listens.
    pub fn start(&self) -> Result<Started> {
        let port = free_port()?;
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(&self.program);
        command.args(self.arguments.iter().map(|argument| argument.replace("{port}", &port.to_string())));
        command.envs(self.environment.iter().cloned()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("taskset cannot be started: {error}"))?;
        let mut started = Started { child, port };
        let mut ended = None;
        wait_for(&self.program.display().to_string(), || {
            ended = started.child.try_wait().ok().flatten();
            ended.is_some() || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        match ended {
            Some(status) => Err(format!("{} ended at once ({status})", self.program.display())),
            None => Ok(started),
        }
    }
}

/// A server that runs, until this value is dropped.
pub struct Started {
    child: Child,
    pub port: u16,
}

impl Drop for Started {
    fn drop(&mut self) {
        // The whole group: a server for Python has processes of its own.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).stderr(Stdio::null()).status();
        let _ = wait_for("the end", || !matches!(self.child.try_wait(), Ok(None)));
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Started {
    /// Sends requests over 64 connections for some seconds.
    pub fn measure(&self, request: &Request<'_>, seconds: u32) -> Result<Sample> {
        self.wrk(request, 1)?;
        let before = self.cpu()?;
        let printed = self.wrk(request, seconds)?;
        let cpu = self.cpu()? - before;
        let line = printed.lines().find_map(|line| line.strip_prefix("measured ")).ok_or("wrk measured nothing")?;
        let figures: Vec<f64> = line.split(' ').filter_map(|figure| figure.parse().ok()).collect();
        let &[requests, duration, errors, p50, p99] = &figures[..] else { return Err(format!("wrk printed {line}")) };
        if errors > 0.0 || requests == 0.0 {
            return Err(format!("{} {}: {errors} of {requests} answers were errors", request.method, request.path));
        }
        Ok(Sample {
            requests_per_second: requests / (duration / 1e6),
            cpu: cpu.as_secs_f64() * 1e6 / requests,
            p50: p50 / 1e3,
            p99: p99 / 1e3,
            memory: self.memory()?,
        })
    }

    fn wrk(&self, request: &Request<'_>, seconds: u32) -> Result<String> {
        let mut script = format!("wrk.method = {:?}\nwrk.body = {:?}\n", request.method, request.body);
        for (name, value) in request.headers {
            script += &format!("wrk.headers[{name:?}] = {value:?}\n");
        }
        script += "function done(summary, latency, requests)\n\
            local errors = summary.errors.connect + summary.errors.read + summary.errors.write\n\
            errors = errors + summary.errors.status + summary.errors.timeout\n\
            print(string.format('measured %d %d %d %f %f', summary.requests, summary.duration, errors,\n\
            latency:percentile(50), latency:percentile(99)))\nend\n";
        let file = target().join("load.lua");
        fs::write(&file, script).map_err(|error| format!("{}: {error}", file.display()))?;
        let url = format!("http://127.0.0.1:{}{}", self.port, request.path);
        let mut wrk = Command::new("taskset");
        wrk.args(["-c", "1", "wrk", "-t1", "-c64", &format!("-d{seconds}s"), "-s"]).arg(&file).arg(url);
        output(&mut wrk)
    }

    /// The processor time that the server and its children have used.
    fn cpu(&self) -> Result<Duration> {
        // See proc(5): the fields 14 and 15 are user and system time in ticks of 10 ms, counted after the name.
        let ticks = |stat: &[String]| stat[11].parse::<u64>().unwrap_or(0) + stat[12].parse::<u64>().unwrap_or(0);
        let total: u64 = self.processes()?.iter().map(|stat| ticks(stat)).sum();
        Ok(Duration::from_millis(total * 10))
    }

    /// The memory that the server and its children hold, in MiB.
    pub fn memory(&self) -> Result<f64> {
        let pages = |stat: &[String]| stat[21].parse::<f64>().unwrap_or(0.0);
        Ok(self.processes()?.iter().map(|stat| pages(stat)).sum::<f64>() * 4096.0 / f64::from(1 << 20))
    }

    /// The fields of proc(5)'s `stat` after the name, for each process of the server's group.
    fn processes(&self) -> Result<Vec<Vec<String>>> {
        let folders = fs::read_dir("/proc").map_err(|error| format!("/proc cannot be read: {error}"))?;
        let stat = |folder: fs::DirEntry| {
            let text = fs::read_to_string(folder.path().join("stat")).ok()?;
            let fields: Vec<String> = text.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect();
            (fields.get(2)? == &self.child.id().to_string() && fields.len() > 22).then_some(fields)
        };
        Ok(folders.flatten().filter_map(stat).collect())
    }
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
