//! The tables: what was measured, for people.

use std::fmt::Write;
use std::process::Command;

use super::servers::{OURS, Peer};
use super::workloads::Workload;
use super::{Plan, Services};
use crate::load::median;
use crate::{Result, output, root};

/// The figures of one server in one workload: a median for each of the workload's columns.
pub struct Row {
    pub workload: Workload,
    pub server: &'static str,
    pub figures: Vec<f64>,
    /// The figure that is compared, in each round.
    pub rounds: Vec<f64>,
}

impl Row {
    /// The figure that is compared.
    pub fn main(&self) -> f64 {
        self.figures[0]
    }

    /// What it needs in proportion to `other`. A round's figures were measured within seconds, in which a machine that
    /// is not quiet changes less than in the minutes between the rounds; so the proportions are taken round by round.
    fn proportion(&self, other: &Row) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own / other).collect())
    }

    /// By which part the largest of the rounds is larger than the smallest.
    fn spread(&self) -> f64 {
        let largest = self.rounds.iter().copied().fold(0.0, f64::max);
        largest / self.rounds.iter().copied().fold(f64::INFINITY, f64::min) - 1.0
    }
}

/// Everything that a run has found.
pub struct Results<'a> {
    /// Where and how, in Markdown.
    pub about: String,
    pub peers: &'a [Peer],
    pub rows: Vec<Row>,
}

impl Results<'_> {
    /// The workloads in order.
    pub fn workloads(&self) -> Vec<&Workload> {
        let mut workloads: Vec<&Workload> = self.rows.iter().map(|row| &row.workload).collect();
        workloads.dedup_by_key(|workload| workload.name);
        workloads
    }

    pub fn rows_of(&self, workload: &Workload) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.workload.name == workload.name)
    }

    fn row(&self, workload: &Workload, server: &str) -> Option<&Row> {
        self.rows_of(workload).find(|row| row.server == server)
    }

    /// The whole of `RESULTS.md`.
    pub fn text(&self) -> String {
        let mut text = format!("# Results\n\n{}\n![What a request costs](results.svg)\n\n", self.about);
        text += "## In short\n\nThe figure that counts, smaller is better.\n\n";
        text += &self.table("workload", |row| figure(row.main()));
        if self.rows.iter().any(|row| row.server == OURS) {
            text += "\n## Ours in proportion\n\nOurs divided by the peer, round by round, and of that the median: below 1 ours costs less.\n\n";
            text += &self.table("workload", |row| match self.row(&row.workload, OURS) {
                Some(ours) => format!("{:.2}", ours.proportion(row)),
                None => String::new(),
            });
        }
        for workload in self.workloads() {
            text += &self.details(workload);
        }
        text
    }

    /// A line for each workload and a column for each server.
    fn table(&self, corner: &str, cell: impl Fn(&Row) -> String) -> String {
        let names: Vec<&str> = self.peers.iter().map(|peer| peer.name).collect();
        let mut table = format!("| {corner} | | {} |\n|---|---|{}\n", names.join(" | "), "--:|".repeat(names.len()));
        for workload in self.workloads() {
            let cells = names.iter().map(|name| self.row(workload, name).map(&cell).unwrap_or_default());
            let cells: Vec<String> = cells.collect();
            let unit = workload.kind.columns()[0];
            let _ = writeln!(table, "| {} | {unit} | {} |", workload.name, cells.join(" | "));
        }
        table
    }

    /// All figures of one workload.
    fn details(&self, workload: &Workload) -> String {
        let columns = workload.kind.columns();
        let mut text = format!("\n## {}\n\n{}.\n\n", workload.name, capitalised(workload.about));
        let _ = writeln!(text, "| server | {} | ours / it |", columns.join(" | "));
        let _ = writeln!(text, "|---|{}", "--:|".repeat(columns.len() + 1));
        let ours = self.row(workload, OURS);
        for row in self.rows_of(workload) {
            let cells: Vec<String> = row.figures.iter().copied().map(figure).collect();
            let ratio = ours.map(|ours| format!("{:.2}", ours.proportion(row))).unwrap_or_default();
            let _ = writeln!(text, "| {} | {} | {ratio} |", row.server, cells.join(" | "));
        }
        text
    }
}

/// Three digits that count, and no more than two after the point.
pub fn figure(value: f64) -> String {
    match value {
        1000.0.. => grouped(value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// With a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Where and how, with the versions of everything.
pub fn about(plan: &Plan, services: &Services, rows: &[Row]) -> Result<String> {
    let first_line = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
    let say = |program: &str, argument: &str| output(Command::new(program).arg(argument)).map(first_line);
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(root()).args(arguments)).map(first_line);
    // wrk prints its version and fails.
    let wrk = Command::new("wrk").arg("-v").output().map_err(|error| format!("wrk: {error}"))?;
    let wrk = first_line(String::from_utf8_lossy(&wrk.stdout).into_owned());
    let wrk = wrk.split(" [").next().unwrap_or_default();
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let mut about = format!(
        "{}, commit {}. {} cores, {}; Linux {}. {}; {wrk}{}.\n\n",
        say("date", "-I")?,
        git(&["describe", "--always", "--dirty"])?,
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        processor.trim_start_matches([' ', '\t', ':']),
        say("uname", "-r")?,
        say("rustc", "--version")?,
        services.versions(),
    );
    let _ = writeln!(
        about,
        "Medians of {} rounds of {} s, each server in turn; [README.md](README.md) says how. How quiet the machine was: the \
         dearest round of a server took {:.0} % more than its cheapest (median of all servers and workloads).\n",
        plan.rounds,
        plan.seconds,
        100.0 * median(rows.iter().map(Row::spread).collect()),
    );
    for peer in &plan.peers {
        let _ = writeln!(about, "- {}: {}", peer.name, peer.versions()?);
    }
    Ok(about)
}

#[cfg(test)]
mod tests {
    use super::super::workloads;
    use super::{Row, figure};

    #[test]
    fn a_slow_moment_of_the_machine_changes_no_proportion() {
        let row = |rounds: [f64; 3]| {
            let workload = workloads::all().remove(0);
            Row { workload, server: "ours", figures: vec![rounds[1]], rounds: rounds.to_vec() }
        };
        let (ours, peer) = (row([10.0, 10.0, 30.0]), row([20.0, 60.0, 60.0]));
        assert!((ours.proportion(&peer) - 0.5).abs() < 1e-9);
        assert!((ours.spread() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn figures_have_three_digits_that_count() {
        let shown = [0.456, 9.876, 12.34, 123.4, 1234.5, 1_234_567.0].map(figure);
        assert_eq!(shown, ["0.46", "9.88", "12.3", "123", "1,234", "1,234,567"]);
    }
}
