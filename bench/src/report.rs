//! The results: a table for people, a file for each benchmark for programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Serialize;

use crate::statistics::Summary;
use crate::table;

/// One comparison.
#[derive(Serialize)]
pub struct Row {
    name: &'static str,
    subject: &'static str,
    peer: &'static str,
    n: usize,
    ns_median: f64,
    ns_min: f64,
    /// What the values are, whatever the names of their fields say: ns, bytes or instructions.
    unit: &'static str,
    rounds: usize,
    /// The median over the rounds of subject / peer.
    ratio: f64,
    peer_ns_median: f64,
    /// The interquartile range of the rounds' ratios over their median.
    spread: f64,
    /// What else this benchmark measures.
    #[serde(flatten)]
    extra: BTreeMap<&'static str, f64>,
    /// Why the two have not done quite the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    /// What the ratio is meant to be at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    aim: Option<f64>,
}

impl Row {
    /// Compares barecoro's times by round with a peer's.
    pub fn new(
        name: &'static str,
        peer: &'static str,
        n: usize,
        ours: &[f64],
        theirs: &[f64],
    ) -> Self {
        let summary = Summary::of(ours, theirs);
        Self {
            name,
            subject: "barecoro",
            peer,
            n,
            ns_median: summary.median,
            ns_min: summary.min,
            unit: "ns",
            rounds: ours.len(),
            ratio: summary.ratio,
            peer_ns_median: summary.peer_median,
            spread: summary.spread,
            extra: BTreeMap::new(),
            note: None,
            aim: None,
        }
    }

    /// Says which variant of barecoro it is.
    pub fn subject(mut self, subject: &'static str) -> Self {
        self.subject = subject;
        self
    }

    /// Says that the values are not nanoseconds.
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Says why the two have not done quite the same.
    pub fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// Adds a field.
    pub fn with(mut self, field: &'static str, value: f64) -> Self {
        self.extra.insert(field, value);
        self
    }

    /// Adds a field if its value is known.
    pub fn with_some(self, field: &'static str, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Says what the ratio is meant to be at most.
    pub fn aim(mut self, at_most: f64) -> Self {
        self.aim = Some(at_most);
        self
    }

    /// Whether the aim is met. Noisy if half of the rounds lie in a range that is wider than the
    /// way from the ratio to the aim.
    fn verdict(&self) -> String {
        let Some(aim) = self.aim else { return self.note.unwrap_or_default().to_owned() };
        let met = if self.ratio <= aim { "met" } else { "NOT MET" };
        let distance = (aim - self.ratio).abs() / self.ratio;
        if self.spread > distance { format!("{met} (noisy)") } else { met.to_owned() }
    }

    fn cells(&self, cycles_per_ns: f64) -> [String; COLUMNS] {
        [
            self.name.to_owned(),
            self.n.to_string(),
            self.subject.to_owned(),
            self.peer.to_owned(),
            format!("{:.2}", self.ns_min),
            format!("{:.2}", self.ns_median),
            if self.unit == "ns" {
                format!("{:.1}", self.ns_median * cycles_per_ns)
            } else {
                self.unit.to_owned()
            },
            format!("{:.2}", self.peer_ns_median),
            format!("{:.3}", self.ratio),
            format!("{:.1} %", self.spread * 100.0),
            self.aim.map_or_else(String::new, |aim| format!("<= {aim:.2}")),
            self.verdict(),
        ]
    }
}

const COLUMNS: usize = 12;

const HEADINGS: [&str; COLUMNS] = [
    "name", "n", "subject", "peer", "min", "median", "cycles", "peer's", "ratio", "spread", "aim",
    "verdict",
];

/// Whether a column is text, to be put to the left.
const IS_TEXT: [bool; COLUMNS] =
    [true, false, true, true, false, false, false, false, false, false, false, true];

/// Prints all rows as a table.
pub fn print(rows: &[Row], cycles_per_ns: f64) {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| row.cells(cycles_per_ns)));
    table::print(&lines, IS_TEXT);
    println!(
        "\nns and cycles an operation of the subject; ratio: subject / peer, less is better. \
         The time-stamp counter ticks {cycles_per_ns:.2} times a ns."
    );
}

/// Where results are written: `target/bench` below the root of the repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
}

/// Writes `<name>.json` there.
pub fn save<T: Serialize>(name: &str, what: &[T]) -> io::Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name).with_extension("json"), serde_json::to_vec_pretty(what)?)
}
