//! The chart: for each workload a bar for each server. The text is SVG by hand; its colours follow the reader's.

use std::fmt::Write;

use super::report::{Results, Row, figure};
use super::servers::OURS;
use super::workloads::Workload;

const PANELS_ABREAST: usize = 3;
const PANEL: f64 = 300.0;
const GAP: f64 = 24.0;
const HEADING: f64 = 40.0;
const LINE: f64 = 18.0;
const NAME: f64 = 64.0;
const BAR: f64 = 180.0;

/// A bar so many times as long as the shortest is cut off, or nothing could be seen of the others.
const CUT: f64 = 6.0;

const STYLE: &str = "\
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }\n\
    .title { font-weight: 600; font-size: 14px; }\n\
    .unit { fill: #59636e; }\n\
    .bar { fill: #9aa4af; }\n\
    .ours { fill: #0a69c7; }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #f0f6fc; }\n\
    .unit { fill: #a0aab4; }\n\
    .bar { fill: #656f7a; }\n\
    .ours { fill: #58a6ff; }\n\
    }\n";

/// The chart of the figures that are compared.
pub fn svg(results: &Results<'_>) -> String {
    let workloads = results.workloads();
    let (mut panels, mut y) = (String::new(), GAP);
    for abreast in workloads.chunks(PANELS_ABREAST) {
        for (index, workload) in abreast.iter().enumerate() {
            let x = GAP + index as f64 * (PANEL + GAP);
            let _ = writeln!(panels, "<g transform=\"translate({x} {y})\">\n{}</g>", panel(results, workload));
        }
        let lines = abreast.iter().map(|workload| results.rows_of(workload).count()).max().unwrap_or(0);
        y += HEADING + LINE * lines as f64 + GAP;
    }
    let width = GAP + PANELS_ABREAST as f64 * (PANEL + GAP);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {y}\" width=\"{width}\" height=\"{y}\" role=\"img\">\n\
         <title>What the servers need; a shorter bar is better</title>\n<style>\n{STYLE}</style>\n{panels}</svg>\n"
    )
}

fn panel(results: &Results<'_>, workload: &Workload) -> String {
    let unit = workload.kind.columns()[0];
    let mut panel = format!("<text class=\"title\" y=\"12\">{}</text>\n", workload.name);
    let _ = writeln!(panel, "<text class=\"unit\" y=\"28\">{unit}</text>");
    let figures = || results.rows_of(workload).map(Row::main);
    let most = figures().fold(f64::INFINITY, f64::min) * CUT;
    let scale = BAR / figures().filter(|figure| *figure <= most).fold(f64::MIN_POSITIVE, f64::max);
    for (index, row) in results.rows_of(workload).enumerate() {
        panel += &bar(row, HEADING + LINE * index as f64, (row.main() <= most).then_some(row.main() * scale));
    }
    panel
}

/// The bar of a server at the height `y`; without a length it is cut off.
fn bar(row: &Row, y: f64, length: Option<f64>) -> String {
    let class = if row.server == OURS { "bar ours" } else { "bar" };
    let rectangle = |x: f64, width: f64| {
        format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"12\" rx=\"2\"/>\n")
    };
    let bar = match length {
        Some(length) => rectangle(NAME, length.max(1.0)),
        None => rectangle(NAME, BAR - 14.0) + &rectangle(NAME + BAR - 11.0, 11.0),
    };
    let (text, end) = (y + 10.0, NAME + length.unwrap_or(BAR) + 6.0);
    let (name, figure) = (row.server, figure(row.main()));
    format!("<text y=\"{text}\">{name}</text>\n{bar}<text x=\"{end:.1}\" y=\"{text}\">{figure}</text>\n")
}
