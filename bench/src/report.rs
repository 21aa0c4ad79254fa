//! The results: a table for people, a file for each benchmark for programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::aim::Aim;
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
    /// Of the subject's values.
    quartiles: [f64; 2],
    /// What the values are, whatever the names of their fields say: ns, bytes or instructions.
    unit: &'static str,
    rounds: usize,
    /// The median over the rounds of subject / peer.
    ratio: f64,
    peer_ns_median: f64,
    peer_quartiles: [f64; 2],
    /// The interquartile range of the rounds' ratios over their median.
    spread: f64,
    /// The same of the subject's values alone.
    subject_spread: f64,
    /// What else this benchmark measures.
    #[serde(flatten)]
    extra: BTreeMap<&'static str, f64>,
    /// Why the two have not done quite the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    /// What it is meant to be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aims: Vec<Aim>,
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
            quartiles: summary.quartiles,
            unit: "ns",
            rounds: ours.len(),
            ratio: summary.ratio,
            peer_ns_median: summary.peer_median,
            peer_quartiles: summary.peer_quartiles,
            spread: summary.spread,
            subject_spread: summary.subject_spread,
            extra: BTreeMap::new(),
            note: None,
            aims: Vec::new(),
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
    pub fn aim(&mut self, at_most: f64) {
        self.aims.push(Aim::of_ratio(self.ratio, at_most, self.spread));
    }

    /// Says what the subject's median is meant to be at most.
    pub fn aim_at_median(&mut self, at_most: f64) {
        self.aim_at(Aim {
            of: "median".to_owned(),
            value: self.ns_median,
            at_most,
            unit: self.unit.to_owned(),
            spread: self.subject_spread,
        });
    }

    /// Says what something is meant to be at most.
    pub fn aim_at(&mut self, aim: Aim) {
        self.aims.push(aim);
    }

    pub fn subject_name(&self) -> &'static str {
        self.subject
    }

    pub fn peer_name(&self) -> &'static str {
        self.peer
    }

    pub fn has_note(&self) -> bool {
        self.note.is_some()
    }

    pub fn peer_median(&self) -> f64 {
        self.peer_ns_median
    }

    fn cells(&self, cycles_per_ns: f64) -> [String; COLUMNS] {
        let aims = self.aims.iter().map(|aim| format!("<= {} {}", aim.at_most, aim.unit));
        let verdicts: Vec<_> = self.aims.iter().map(Aim::verdict).collect();
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
            aims.collect::<Vec<_>>().join(", ").replace(" ,", ","),
            if verdicts.is_empty() {
                self.note.unwrap_or_default().to_owned()
            } else {
                verdicts.join(", ")
            },
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

/// Prints all rows as a table, and who is missing from it.
pub fn print(rows: &[Row], cycles_per_ns: f64) {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| row.cells(cycles_per_ns)));
    table::print(&lines, IS_TEXT);
    println!(
        "\nns and cycles an operation of the subject; ratio: subject / peer, less is better. \
         The time-stamp counter ticks {cycles_per_ns:.2} times a ns."
    );
    for one in &*skipped() {
        println!("NOT MEASURED: {} with {}: {}", one.name, one.peer, one.why);
    }
}

/// A peer, or all of a benchmark, that could not take part.
#[derive(Clone, Serialize, Deserialize)]
pub struct Skipped {
    pub name: String,
    pub peer: String,
    pub why: String,
}

impl Skipped {
    /// Where they are kept.
    pub const FILE: &str = "skipped";
}

static SKIPPED: Mutex<Vec<Skipped>> = Mutex::new(Vec::new());

fn skipped() -> std::sync::MutexGuard<'static, Vec<Skipped>> {
    SKIPPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that a peer cannot take part in a benchmark, at once, at the end, and in the results.
pub fn skip(name: &str, peer: &str, why: &str) {
    eprintln!("SKIPPED: {name} with {peer}: {why}");
    skipped().push(Skipped { name: name.to_owned(), peer: peer.to_owned(), why: why.to_owned() });
}

/// Writes who was skipped in these benchmarks, and keeps what was said about the others.
pub fn save_skipped(names: &[String]) -> io::Result<()> {
    let mut all: Vec<Skipped> = load(Skipped::FILE).unwrap_or_default();
    all.retain(|one| !names.contains(&one.name));
    all.extend(skipped().iter().cloned());
    save(Skipped::FILE, &all)
}

/// Where results are written: `target/bench` below the root of the repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
}

fn file(name: &str) -> PathBuf {
    folder().join(name).with_extension("json")
}

/// Writes `<name>.json` there.
pub fn save<T: Serialize>(name: &str, what: &[T]) -> io::Result<()> {
    fs::create_dir_all(folder())?;
    fs::write(file(name), serde_json::to_vec_pretty(what)?)
}

/// What was saved under a name.
pub fn load<T: serde::de::DeserializeOwned>(name: &str) -> io::Result<Vec<T>> {
    Ok(serde_json::from_slice(&fs::read(file(name))?)?)
}
