//! Load on a server, and what it costs: the server on one core, the load generator `wrk` on another.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::guard;
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
#[derive(Clone)]
pub struct Server {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
}

/// A request that is sent again and again.
#[derive(Clone, Default)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn get(path: &str) -> Request {
        Request { method: "GET", path: path.to_owned(), ..Request::default() }
    }

    pub fn post(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Request { method: "POST", path: path.to_owned(), headers, body: body.into() }
    }
}

/// How long a run of the load generator is, and over how many connections.
#[derive(Clone, Copy)]
pub struct Load {
    pub connections: u32,
    pub warm_up: u32,
    pub seconds: u32,
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
    /// The most resident memory so far, in MiB.
    pub memory: f64,
}

impl Server {
    /// A program of the bench, which takes `run --port PORT` as ours does.
    pub fn of_the_bench(program: &Path) -> Server {
        let arguments = ["run", "--port", "{port}"].map(str::to_owned).to_vec();
        Server { program: program.to_owned(), arguments, environment: vec![secret()] }
    }

    /// Starts it on the first core and waits until it listens.
    pub fn start(&self) -> Result<Started> {
        let mut started = self.launch()?;
        started.wait()?;
        Ok(started)
    }

    /// Starts it on the first core.
    pub fn launch(&self) -> Result<Started> {
        let port = free_port()?;
        // It is in a group of its own, which CTRL+C does not reach; so it has to end when we do.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "taskset", "-c", "0"]).arg(&self.program);
        command.args(self.arguments.iter().map(|argument| argument.replace("{port}", &port.to_string())));
        command.envs(self.environment.iter().cloned()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("setpriv cannot be started: {error}"))?;
        Ok(Started { child, port, program: self.program.display().to_string() })
    }
}

/// The key that every server signs with; some want 64 bytes.
pub fn secret() -> (&'static str, String) {
    ("FLASK_SECRET_KEY", "a key that is long enough for every server, and that is only for the bench".to_owned())
}

/// A server that runs, until this value is dropped.
pub struct Started {
    child: Child,
    pub port: u16,
    program: String,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.signal("TERM");
        let _ = wait_for("the end", || !matches!(self.child.try_wait(), Ok(None)));
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

impl Started {
    /// Waits until it listens.
    pub fn wait(&mut self) -> Result<()> {
        let mut ended = None;
        wait_for(&self.program, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })?;
        ended.map_or(Ok(()), |status| Err(format!("{} ended at once ({status})", self.program)))
    }

    /// Asks it to end, which takes a while; dropping it waits for that.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// To the whole group: a server for Python has processes of its own.
    fn signal(&self, name: &str) {
        let _ = guard::signal(name, &[format!("-{}", self.child.id())]);
    }

    /// Sends requests for some seconds.
    pub fn measure(&self, request: &Request, load: Load) -> Result<Sample> {
        if load.warm_up > 0 {
            wrk("load", self.port, request, load.connections, load.warm_up)?.finish()?;
        }
        let before = self.cpu()?;
        let summary = wrk("load", self.port, request, load.connections, load.seconds)?.finish()?;
        let cpu = self.cpu()? - before;
        Ok(Sample {
            requests_per_second: summary.requests / summary.seconds,
            cpu: cpu.as_secs_f64() * 1e6 / summary.requests,
            p50: summary.p50,
            p99: summary.p99,
            memory: self.peak_memory()?,
        })
    }

    /// Measures while another request is sent over `connections` of its own all the time.
    pub fn measure_beside(&self, other: &Request, connections: u32, request: &Request, load: Load) -> Result<Sample> {
        let beside = wrk("beside", self.port, other, connections, load.warm_up + load.seconds)?;
        let sample = self.measure(request, load);
        beside.finish()?;
        sample
    }

    /// The memory with `count` open connections over which one request has come, in MiB.
    pub fn measure_idle(&self, request: &Request, count: u32) -> Result<f64> {
        let connections: Vec<TcpStream> = (0..count).map(|_| self.connect(request)).collect::<Result<_>>()?;
        let all = self.memory()?;
        let closed = connections.iter().filter(|connection| !is_open(connection)).count();
        match closed {
            0 => Ok(all),
            _ => Err(format!("{closed} of {count} idle connections were closed")),
        }
    }

    /// A connection that has had the beginning of its answer.
    fn connect(&self, request: &Request) -> Result<TcpStream> {
        let head = format!("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", request.method, request.path, self.port);
        let connect = || -> std::io::Result<TcpStream> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(head.as_bytes())?;
            let mut answer = [0; 4096];
            let read = stream.read(&mut answer)?;
            if answer[..read].starts_with(b"HTTP/1.1 200") {
                Ok(stream)
            } else {
                Err(std::io::ErrorKind::InvalidData.into())
            }
        };
        connect().map_err(|error| format!("a connection that was to be idle was not answered: {error}"))
    }

    /// Waits until what the server does after its start is over.
    pub fn settle(&self) -> Result<()> {
        let mut last = self.cpu()?;
        wait_for("a quiet server", || {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.cpu().unwrap_or(last);
            std::mem::replace(&mut last, now) == now
        })
    }

    /// The processor time that the server and its children have used.
    fn cpu(&self) -> Result<Duration> {
        // See proc(5): the fields 14 and 15 are user and system time in ticks of 10 ms, counted after the name.
        let ticks = |stat: &[String]| stat[11].parse::<u64>().unwrap_or(0) + stat[12].parse::<u64>().unwrap_or(0);
        let total: u64 = self.processes()?.iter().map(|process| ticks(&process.stat)).sum();
        Ok(Duration::from_millis(total * 10))
    }

    /// The memory that the server and its children hold, in MiB.
    pub fn memory(&self) -> Result<f64> {
        let pages = |stat: &[String]| stat[21].parse::<f64>().unwrap_or(0.0);
        let pages: f64 = self.processes()?.iter().map(|process| pages(&process.stat)).sum();
        Ok(pages * 4096.0 / f64::from(1 << 20))
    }

    /// The most memory that the server and its children have held, in MiB.
    fn peak_memory(&self) -> Result<f64> {
        let peak = |process: &Process| {
            let status = fs::read_to_string(process.folder.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse::<f64>().ok()
        };
        Ok(self.processes()?.iter().filter_map(peak).sum::<f64>() / 1024.0)
    }

    /// The processes of the server's group.
    fn processes(&self) -> Result<Vec<Process>> {
        let folders = fs::read_dir("/proc").map_err(|error| format!("/proc cannot be read: {error}"))?;
        let of_the_group = |entry: fs::DirEntry| {
            let folder = entry.path();
            let text = fs::read_to_string(folder.join("stat")).ok()?;
            let stat: Vec<String> = text.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect();
            let is_ours = stat.get(2)? == &self.child.id().to_string() && stat.len() > 22;
            is_ours.then_some(Process { folder, stat })
        };
        Ok(folders.flatten().filter_map(of_the_group).collect())
    }
}

/// A process as proc(5) shows it.
struct Process {
    folder: PathBuf,
    /// The fields of `stat` after the name.
    stat: Vec<String>,
}

/// A load generator that runs.
struct Wrk {
    child: Child,
    shown: String,
}

/// What a load generator says at its end: times in milliseconds.
struct Summary {
    requests: f64,
    seconds: f64,
    p50: f64,
    p99: f64,
}

fn wrk(name: &str, port: u16, request: &Request, connections: u32, seconds: u32) -> Result<Wrk> {
    let (script, body) = (target().join(format!("{name}.lua")), target().join(format!("{name}.body")));
    let mut lua = format!("wrk.method = {:?}\n", request.method);
    if !request.body.is_empty() {
        lua += &format!("wrk.body = io.open({body:?}, 'rb'):read('*a')\n");
    }
    for (name, value) in &request.headers {
        lua += &format!("wrk.headers[{name:?}] = {value:?}\n");
    }
    lua += "function done(summary, latency, requests)\n\
        local errors = summary.errors\n\
        print(string.format('measured %d %d %f %f %d %d %d %d %d', summary.requests, summary.duration,\n\
        latency:percentile(50), latency:percentile(99),\n\
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))\nend\n";
    let written = fs::write(&body, &request.body).and_then(|()| fs::write(&script, lua));
    written.map_err(|error| format!("{}: {error}", script.display()))?;
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", "1", "wrk", "-t1", "--timeout", "20s"]);
    wrk.args([format!("-c{connections}"), format!("-d{seconds}s"), "-s".to_owned()]).arg(&script);
    wrk.arg(format!("http://127.0.0.1:{port}{}", request.path));
    let child = wrk.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.map_err(|error| format!("taskset cannot be started: {error}"))?;
    Ok(Wrk { child, shown: format!("{} {}", request.method, request.path) })
}

impl Wrk {
    fn finish(self) -> Result<Summary> {
        let Wrk { child, shown } = self;
        let output = child.wait_with_output().map_err(|error| format!("wrk: {error}"))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let Some(line) = printed.lines().find_map(|line| line.strip_prefix("measured ")) else {
            return Err(format!("wrk measured nothing: {printed}{}", String::from_utf8_lossy(&output.stderr)));
        };
        let figures: Vec<f64> = line.split(' ').filter_map(|figure| figure.parse().ok()).collect();
        let &[requests, duration, p50, p99, ref errors @ ..] = &figures[..] else {
            return Err(format!("wrk printed {line}"));
        };
        let kinds =
            ["connections failed", "reads failed", "writes failed", "answers were no success", "answers came too late"];
        let failed = kinds.iter().zip(errors).filter(|(_, count)| **count > 0.0);
        let failed: Vec<String> = failed.map(|(kind, count)| format!("{count} {kind}")).collect();
        if !failed.is_empty() {
            return Err(format!("{shown}: beside {requests} good answers, {}", failed.join(", ")));
        }
        if requests == 0.0 {
            return Err(format!("{shown}: no answer in {} s", duration / 1e6));
        }
        Ok(Summary { requests, seconds: duration / 1e6, p50: p50 / 1e3, p99: p99 / 1e3 })
    }
}

/// Whether the other side has not closed it; what it has sent is of no interest.
fn is_open(mut stream: &TcpStream) -> bool {
    let mut rest = [0; 4096];
    let silent = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    stream.set_nonblocking(true).is_ok()
        && match stream.read(&mut rest) {
            Ok(read) => read > 0,
            Err(error) => silent(error),
        }
}

/// Lets this process, and what it starts, have so many files open.
pub fn allow_open_files(count: u32) -> Result<()> {
    let limit = format!("--nofile={count}:{count}");
    output(Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limit])).map(drop)
}

/// The middle one, or the mean of the two in the middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!([median(vec![3.0, 1.0, 2.0]), median(vec![1.0, 3.0])], [2.0, 2.0]);
    }
}
