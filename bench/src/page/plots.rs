//! Which plots there are.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::Row;
use super::plot::{Plot, Series};
use crate::echo::Distribution;
use crate::report;

/// Draws all into a folder. Returns the names of those for which there are results.
pub fn draw(rows: &[Row], folder: &Path) -> io::Result<Vec<&'static str>> {
    let by_n =
        |name, title, x, y, scale| (name, Plot { title, x, y, series: over_n(rows, name, scale) });
    let plots = [
        by_n("yield", "A switch among n tasks", "tasks", "ns", 1.0),
        by_n("echo", "CPU time of a request", "connections", "µs", 1e-3),
        by_n("memory", "Resident memory of a task that waits", "tasks", "bytes", 1.0),
        ("echo_latency", latencies()),
    ];
    let mut drawn = Vec::new();
    for (name, plot) in plots {
        if !plot.series.is_empty() {
            plot.draw(&folder.join(name).with_extension("svg"))?;
            drawn.push(name);
        }
    }
    Ok(drawn)
}

/// A line for each subject and peer of a benchmark.
fn over_n(rows: &[Row], name: &str, scale: f64) -> Vec<Series> {
    let mut lines: BTreeMap<&str, BTreeMap<usize, f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.name == name && row.note.is_none()) {
        lines.entry(&row.subject).or_default().insert(row.n, row.ns_median * scale);
        lines.entry(&row.peer).or_default().insert(row.n, row.peer_ns_median * scale);
    }
    let series = lines.into_iter().map(|(name, points)| Series {
        name: name.to_owned(),
        points: points.into_iter().map(|(n, value)| (n as f64, value)).collect(),
    });
    series.collect()
}

/// The latencies of `echo` on fifty connections, the rare ones apart.
fn latencies() -> Plot<'static> {
    let distributions: Vec<Distribution> = report::load(Distribution::FILE).unwrap_or_default();
    let fifty = distributions.into_iter().filter(|distribution| distribution.n == 50);
    let series = fifty.map(|distribution| Series {
        name: distribution.subject,
        points: distribution
            .points
            .into_iter()
            .filter(|(part, _)| *part >= 0.5)
            .map(|(part, ns)| (1.0 / (1.0 - part), ns / 1e3))
            .collect(),
    });
    Plot {
        title: "Latency on 50 connections: one request in so many takes longer",
        x: "one in",
        y: "µs",
        series: series.collect(),
    }
}
