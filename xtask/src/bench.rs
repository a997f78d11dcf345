//! `cargo xtask bench`: our server beside its peers, in one interleaved run.

mod chart;
mod check;
mod instructions;
mod report;
mod servers;
mod workloads;

use std::fs;
use std::path::PathBuf;

use crate::guard::Guard;
use crate::load::{self, Load, Request, Server, Started, median};
use crate::services::{self, Need};
use crate::{Result, root, target};
use report::{Results, Row};
use servers::Peer;
use workloads::{Kind, Workload};

/// The command. A run with an error in it writes nothing.
pub fn run(arguments: &[String]) -> Result<()> {
    let plan = Plan::read(arguments)?;
    if plan.counts_instructions {
        instructions::prepare()?;
    } else {
        load::prepare()?;
    }
    load::allow_open_files(workloads::OPEN_FILES)?;
    let made = servers::build(&plan.peers)?;
    let services = Services::start(&plan)?;
    if plan.counts_instructions {
        return instructions::count(&plan, &made, &services);
    }
    let mut rows = Vec::new();
    for workload in &plan.workloads {
        let void = |error| format!("THE RUN IS VOID, nothing was written.\n{}: {error}", workload.name);
        rows.extend(plan.measure(workload, &made, &services).map_err(void)?);
    }
    let about = report::about(&plan, &services, &rows)?;
    let results = Results { about, peers: &plan.peers, rows };
    plan.write(&results)
}

/// What is to be measured.
pub struct Plan {
    workloads: Vec<Workload>,
    peers: Vec<Peer>,
    rounds: usize,
    warm_up: u32,
    seconds: u32,
    /// Whether instructions are counted, and no time is measured.
    counts_instructions: bool,
    /// Whether the results are the whole table.
    is_whole: bool,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Plan> {
        let (mut quick, mut counts_instructions, mut only, mut names) = (false, false, None, Vec::new());
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => quick = true,
                "--instructions" => counts_instructions = true,
                "--only" => only = Some(arguments.next().ok_or("--only wants names of servers: --only ours,axum")?),
                name => names.push(name),
            }
        }
        let only: Option<Vec<&str>> = only.map(|names| names.split(',').collect());
        let is_whole = !quick && only.is_none() && names.is_empty();
        let workloads = chosen(workloads::all(), |workload| workload.name, (!names.is_empty()).then_some(names))?;
        let peers = chosen(servers::all(), |peer| peer.name, only)?;
        let (rounds, warm_up, seconds) = if quick { (2, 0, 1) } else { (7, 1, 2) };
        Ok(Plan { workloads, peers, rounds, warm_up, seconds, counts_instructions, is_whole })
    }

    /// Every server of one workload in turn, as often as there are rounds.
    fn measure(&self, workload: &Workload, made: &servers::Made, services: &Services) -> Result<Vec<Row>> {
        let peers = self.peers.iter().filter(|peer| workload.has(peer.name));
        let mut runs = Vec::new();
        for peer in peers {
            let mut server = made.server(peer);
            server.environment.extend(services.environment(workload));
            let started = server.launch()?;
            runs.push(Run { peer, server, started, request: workload.request(), samples: Vec::new() });
        }
        for run in &mut runs {
            run.started.wait().map_err(|error| format!("{}: {error}", run.peer.name))?;
        }
        check::same_answers(workload, &mut runs)?;
        runs.iter().try_for_each(|run| run.started.settle())?;
        let rounds = self.rounds_of(workload);
        for round in 1..=rounds {
            for run in &mut runs {
                let figures = self.sample(workload, run).map_err(|error| format!("{}: {error}", run.peer.name))?;
                let (name, unit) = (run.peer.name, workload.kind.columns()[0]);
                println!("{:10} {round}/{rounds}  {name:9} {:10.2} {unit}", workload.name, figures[0]);
                run.samples.push(figures);
            }
        }
        runs.iter().for_each(|run| run.started.terminate());
        Ok(runs.into_iter().map(|run| run.row(workload)).collect())
    }

    /// Half of the rounds for what takes long and differs little.
    fn rounds_of(&self, workload: &Workload) -> usize {
        match workload.kind {
            Kind::Requests | Kind::BesideSlow(_) => self.rounds,
            Kind::Bodies(_) | Kind::Idle(_) => self.rounds.div_ceil(2),
        }
    }

    fn sample(&self, workload: &Workload, run: &Run<'_>) -> Result<Vec<f64>> {
        let Run { started, request, samples, .. } = run;
        let warm_up = if samples.is_empty() { self.warm_up } else { 0 };
        let load = Load { connections: workload.connections, warm_up, seconds: self.seconds };
        Ok(match workload.kind {
            Kind::Requests => {
                let sample = started.measure(request, load)?;
                vec![sample.cpu, sample.requests_per_second, sample.p50, sample.p99, sample.memory]
            }
            Kind::Bodies(size) => {
                // Few of them are answered in a second, and those that are under way at the end do not count.
                let sample = started.measure(request, Load { seconds: 2 * self.seconds, ..load })?;
                vec![sample.cpu / size, sample.requests_per_second, sample.p50, sample.p99, sample.memory]
            }
            Kind::BesideSlow(connections) => {
                let sample = started.measure_beside(&workloads::slow(), connections, request, load)?;
                vec![sample.p99, sample.p50, sample.requests_per_second, sample.memory]
            }
            Kind::Idle(count) => {
                // What an allocator keeps of the last round would make this one look cheap.
                let fresh = run.server.start()?;
                check::answers(&fresh, request)?;
                fresh.settle()?;
                let before = fresh.memory()?;
                let all = fresh.measure_idle(request, count)?;
                vec![(all - before) * 1024.0 / f64::from(count), before, all]
            }
        })
    }

    fn write(&self, results: &Results<'_>) -> Result<()> {
        let folder = if self.is_whole { root().join("bench") } else { target().join("bench") };
        let (table, chart) = (folder.join("RESULTS.md"), folder.join("results.svg"));
        let text = results.text();
        let written = fs::write(&table, &text).and_then(|()| fs::write(&chart, chart::svg(results)));
        written.map_err(|error| format!("{}: {error}", folder.display()))?;
        println!("\n{text}\nwritten: {} and {}", table.display(), chart.display());
        Ok(())
    }
}

/// Those of `all` that are named, in their own order; all of them if none is.
fn chosen<T>(all: Vec<T>, name: fn(&T) -> &'static str, names: Option<Vec<&str>>) -> Result<Vec<T>> {
    let Some(names) = names else { return Ok(all) };
    if let Some(unknown) = names.iter().find(|wanted| !all.iter().any(|one| name(one) == **wanted)) {
        let known: Vec<&str> = all.iter().map(name).collect();
        return Err(format!("there is no `{unknown}`; there are {}", known.join(", ")));
    }
    Ok(all.into_iter().filter(|one| names.contains(&name(one))).collect())
}

/// A server that runs for one workload, and what was measured of it.
struct Run<'a> {
    peer: &'a Peer,
    server: Server,
    started: Started,
    request: Request,
    samples: Vec<Vec<f64>>,
}

impl Run<'_> {
    /// The median of each column.
    fn row(self, workload: &Workload) -> Row {
        let column = |index: usize| self.samples.iter().map(|sample| sample[index]).collect();
        let figures = (0..workload.kind.columns().len()).map(|index| median(column(index))).collect();
        Row { workload: workload.clone(), server: self.peer.name, figures, rounds: column(0) }
    }
}

/// What the servers need beside themselves.
struct Services {
    uploads: PathBuf,
    postgresql: Option<Need>,
    /// Ends PostgreSQL with this value.
    _guard: Guard,
}

impl Services {
    fn start(plan: &Plan) -> Result<Services> {
        let uploads = target().join("bench/uploads");
        fs::create_dir_all(&uploads).map_err(|error| format!("{}: {error}", uploads.display()))?;
        let guard = Guard::temporary()?;
        let mut postgresql = None;
        if plan.workloads.iter().any(|workload| workload.with_database) {
            let need = services::postgresql(&guard)?;
            // Beside the load generator, so that its work is not the server's.
            need.keep_on_core(1)?;
            services::psql(&need, &root().join("bench/database.sql"))?;
            postgresql = Some(need);
        }
        Ok(Services { uploads, postgresql, _guard: guard })
    }

    /// What to say about them in the results.
    fn versions(&self) -> String {
        let found = self.postgresql.iter().map(|need| need.found.split(',').next().unwrap_or_default());
        found.map(|version| format!("; {version}")).collect()
    }

    /// The variables by which the servers find them.
    fn environment(&self, workload: &Workload) -> Vec<(&'static str, String)> {
        let mut environment =
            vec![("BENCH_UPLOADS", self.uploads.display().to_string()), ("BENCH_ROUTES", workload.routes.to_string())];
        if let Some(postgresql) = self.postgresql.as_ref().filter(|_| workload.with_database) {
            let urls = postgresql.environment.iter().map(|(_, url)| ("BENCH_DATABASE_URL", url.clone()));
            environment.extend(urls);
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_run_is_chosen_by_names() {
        let read = |arguments: &[&str]| Plan::read(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
        let plan = read(&["form", "plaintext", "--only", "axum,ours"]).expect("all of them exist");
        assert_eq!(plan.workloads.iter().map(|workload| workload.name).collect::<Vec<_>>(), ["plaintext", "form"]);
        assert_eq!(plan.peers.iter().map(|peer| peer.name).collect::<Vec<_>>(), ["ours", "axum"]);
        assert!(!plan.is_whole && read(&[]).is_ok_and(|plan| plan.is_whole));
        assert!(read(&["fomr"]).err().is_some_and(|error| error.contains("there is no `fomr`")));
        assert!(read(&["--only"]).is_err());
    }
}
