//! Which plots there are.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::Row;
use super::axis::{self, Scale};
use super::plot::{Mark, Panel, Plot};
use crate::distribution::Distribution;
use crate::report;
use crate::table::thousands;

/// A plot that there is.
pub struct Drawn {
    /// Of its file, without what comes after the dot.
    pub name: &'static str,
    pub title: &'static str,
}

const ROUNDS: &str = "Mark and number: the median of the rounds. Bar: the middle half of them.";
const NOT_FROM_ZERO: &str = "Mark and number: the median of the rounds. Bar: the middle half of them. \
                             The axes do not begin at zero.";
const ONCE: &str = "Measured once.";
const QUANTILES: &str = "Mark: the median. Bar: the middle half. \
                         Strokes: 1 in 10, 1 in 100, 1 in 1,000 takes longer.";

/// Draws all into a folder. Returns those for which there are results.
pub fn draw(rows: &[Row], folder: &Path, machine: &str) -> io::Result<Vec<Drawn>> {
    let by_n = |name, title, titles| by_n(rows, name, title, titles);
    let hop = "A hop from task to task through a channel";
    let echo = by_n("echo", "CPU time of an echo server for a request", connections);
    let memory = by_n("memory", "Resident memory of a task that waits", tasks);
    let latency = distributions(Distribution::ECHO, "Latency of an echo", connections);
    let lateness = distributions(Distribution::TIMERS, "How late sleepers wake", tasks);
    let plots = [
        ("yield", by_n("yield", "A switch among n tasks that all yield", tasks)),
        ("channel_hop", by_n("channel_hop", hop, |n| format!("capacity {n}"))),
        ("timers_lateness", lateness),
        ("echo", Plot { scale: Scale::Linear, key: NOT_FROM_ZERO, ..echo }),
        ("echo_latency", latency),
        ("memory", Plot { format: axis::bytes, key: ONCE, ..memory }),
    ];
    let mut drawn = Vec::new();
    for (name, plot) in plots.into_iter().filter(|(_, plot)| !plot.is_empty()) {
        plot.draw(&folder.join(name).with_extension("svg"), machine)?;
        drawn.push(Drawn { name, title: plot.title });
    }
    Ok(drawn)
}

/// How a panel is called after its n.
type Titles = fn(usize) -> String;

fn tasks(n: usize) -> String {
    format!("{} tasks", thousands(n as f64))
}

fn connections(n: usize) -> String {
    if n == 1 { "1 connection".to_owned() } else { format!("{} connections", thousands(n as f64)) }
}

/// How `channel_hop` names those who send four values at a time.
const FOUR_VALUES: &str = ", 4 values";

/// A panel for each n and variant of the workload.
fn by_n(rows: &[Row], name: &str, title: &'static str, titles: Titles) -> Plot {
    let mut panels: BTreeMap<(usize, &str), BTreeMap<String, Mark>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.name == name) {
        let mut add = |who: &str, value, middle, is_apart| {
            let (who, variant) = match who.strip_suffix(FOUR_VALUES) {
                Some(who) => (who, FOUR_VALUES),
                None => (who, ""),
            };
            let mark = Mark { value, middle, is_apart, ..Mark::default() };
            panels.entry((row.n, variant)).or_default().insert(who.to_owned(), mark);
        };
        add(&row.subject, row.ns_median, row.quartiles, false);
        add(&row.peer, row.peer_ns_median, row.peer_quartiles, row.note.is_some());
    }
    let panel = |((n, variant), marks)| Panel { title: titles(n) + variant, marks };
    Plot {
        title,
        panels: panels.into_iter().map(panel).collect(),
        scale: Scale::Logarithmic,
        is_shared: true,
        is_labelled: true,
        format: axis::time,
        key: ROUNDS,
    }
}

/// A panel for each n, with an axis of its own, as their latencies have nothing in common.
fn distributions(file: &str, title: &'static str, titles: Titles) -> Plot {
    let all: Vec<Distribution> = report::load(file).unwrap_or_default();
    let mut panels: BTreeMap<usize, BTreeMap<String, Mark>> = BTreeMap::new();
    for one in all {
        if let Some(mark) = mark(&one) {
            panels.entry(one.n).or_default().insert(one.subject, mark);
        }
    }
    let panel = |(n, marks)| Panel { title: titles(n), marks };
    Plot {
        title,
        panels: panels.into_iter().map(panel).collect(),
        scale: Scale::Logarithmic,
        is_shared: false,
        is_labelled: false,
        format: axis::time,
        key: QUANTILES,
    }
}

fn mark(of: &Distribution) -> Option<Mark> {
    Some(Mark {
        value: of.at(0.5)?,
        middle: Some([of.at(0.25)?, of.at(0.75)?]),
        beyond: vec![of.at(0.9)?, of.at(0.99)?, of.at(0.999)?],
        is_apart: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str, peer: &str, note: Option<&str>) -> Row {
        let json = serde_json::json!({
            "name": "channel_hop", "subject": subject, "peer": peer, "n": 1, "ns_median": 2.0,
            "peer_ns_median": 4.0, "unit": "ns", "rounds": 3, "ratio": 0.5, "spread": 0.0, "note": note,
            "measured": "", "commit": "", "effort": "full", "kernel": "", "cpu": "",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn variants_have_panels_of_their_own() {
        let rows = vec![
            row("barecoro", "tokio", None),
            row("barecoro", "embassy, polled", Some("never sleeps")),
            row("barecoro, 4 values", "tokio, 4 values", None),
        ];
        let plot = by_n(&rows, "channel_hop", "", tasks);
        let titles: Vec<_> = plot.panels.iter().map(|panel| panel.title.as_str()).collect();
        assert_eq!(titles, ["1 tasks", "1 tasks, 4 values"]);
        let [one, four] = [0, 1].map(|panel: usize| &plot.panels[panel].marks);
        assert_eq!(one.keys().collect::<Vec<_>>(), ["barecoro", "embassy, polled", "tokio"]);
        assert_eq!(four.keys().collect::<Vec<_>>(), ["barecoro", "tokio"]);
        assert!(one["embassy, polled"].is_apart && !one["tokio"].is_apart);
    }

    #[test]
    fn a_distribution_has_a_mark_for_each_quantile() {
        let distribution = Distribution::new("tokio", 1, |part| part * 1e3);
        let mark = mark(&distribution).unwrap();
        assert_eq!((mark.value, mark.middle), (500.0, Some([250.0, 750.0])));
        assert_eq!(mark.beyond, [900.0, 990.0, 999.0]);
    }
}
