//! `cargo xtask bench --instructions`: the instructions of a request, counted by callgrind. Unlike times they are the
//! same on a busy machine, and in two runs they differ by less than one in a hundred.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use super::check;
use super::report::figure;
use super::servers::{Made, Peer};
use super::workloads::{Kind, Workload};
use super::{Plan, Services};
use crate::load::{Request, Server, Started};
use crate::{Result, services, target};

/// The two runs, so that what a server does once cancels out.
const RUNS: [u64; 2] = [200, 1_200];

/// Installs what this module needs.
pub fn prepare() -> Result<()> {
    if services::in_path("valgrind") { Ok(()) } else { services::install(&["valgrind"]) }
}

/// Counts for every workload and server of the plan, and prints them as a table.
pub fn count(plan: &Plan, made: &Made, services: &Services) -> Result<()> {
    let peers: Vec<&Peer> = plan.peers.iter().filter(|peer| peer.is_compiled()).collect();
    let mut table =
        format!("| workload | {} |\n|---|", peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(" | "));
    table += &"--:|".repeat(peers.len());
    for workload in plan.workloads.iter().filter(|workload| matches!(workload.kind, Kind::Requests)) {
        let mut row = Vec::new();
        for peer in &peers {
            let counted = || {
                let mut server = made.server(peer);
                server.environment.extend(services.environment(workload));
                of_a_request(workload, &server).map_err(|error| format!("{}, {}: {error}", workload.name, peer.name))
            };
            row.push(if workload.has(peer.name) { figure(counted()? as f64) } else { String::new() });
        }
        println!("{} {}", workload.name, row.join(" "));
        table += &format!("\n| {} | {} |", workload.name, row.join(" | "));
    }
    println!("\n{table}");
    Ok(())
}

fn of_a_request(workload: &Workload, server: &Server) -> Result<u64> {
    let [few, many] = RUNS;
    let [base, total] = [of_requests(workload, server, few)?, of_requests(workload, server, many)?];
    Ok(total.saturating_sub(base) / (many - few))
}

/// The instructions of a server's whole life in which it answers `count` requests over one connection.
fn of_requests(workload: &Workload, server: &Server, count: u64) -> Result<u64> {
    let counts = target().join("bench/callgrind.out");
    let started = under_callgrind(server, &counts).start()?;
    let mut request = workload.request();
    if workload.with_cookies {
        request.headers.push(("Cookie", check::cookies(&started, &request)?));
    }
    send(&started, &request, count).map_err(|error| format!("a request was not answered: {error}"))?;
    drop(started);
    let text = fs::read_to_string(&counts).map_err(|error| format!("{}: {error}", counts.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    line.and_then(|total| total.trim().parse().ok()).ok_or_else(|| "callgrind counted nothing".to_owned())
}

fn under_callgrind(server: &Server, counts: &Path) -> Server {
    let mut arguments = vec!["--tool=callgrind".to_owned(), format!("--callgrind-out-file={}", counts.display())];
    arguments.push(server.program.display().to_string());
    arguments.extend(server.arguments.iter().cloned());
    Server { program: "valgrind".into(), arguments, environment: server.environment.clone() }
}

fn send(server: &Started, request: &Request, count: u64) -> std::io::Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", server.port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    let mut wire = format!("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", request.method, request.path, server.port);
    request.headers.iter().for_each(|(name, value)| wire += &format!("{name}: {value}\r\n"));
    if !request.body.is_empty() {
        wire += &format!("Content-Length: {}\r\n", request.body.len());
    }
    let wire = [wire.as_bytes(), b"\r\n", &request.body].concat();
    let mut answers = BufReader::new(&stream);
    for _ in 0..count {
        (&stream).write_all(&wire)?;
        read_answer(&mut answers)?;
    }
    Ok(())
}

fn read_answer(answers: &mut impl BufRead) -> std::io::Result<()> {
    let (mut line, mut length) = (String::new(), 0);
    answers.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(std::io::Error::other(format!("{line:?}")));
    }
    while !line.trim().is_empty() {
        line.clear();
        answers.read_line(&mut line)?;
        if let Some((name, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().map_err(|_| std::io::Error::other(format!("{name}: {value}")))?;
        }
    }
    answers.read_exact(&mut vec![0; length])
}
