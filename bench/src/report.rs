//! The results: a table for people, a file for each benchmark for programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::aim::Aim;
use crate::origin::Origin;
use crate::statistics::{self, Summary};
use crate::table::{self, quantity, thousands};

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
    /// The interquartile range of the rounds' ratios over their median, unless there are too few.
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<f64>,
    /// The same of the subject's values alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_spread: Option<f64>,
    /// What else this benchmark measures.
    #[serde(flatten)]
    extra: BTreeMap<&'static str, f64>,
    /// Whether the work is such that the processor does it better or worse than a program's.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'static str>,
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
            label: label(name),
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
        let aim = Aim::about("median", self.ns_median, at_most, self.unit);
        self.aim_at(aim.with_spread(self.subject_spread));
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

    /// Whether the other row is about the same subject's same work.
    fn is_beside(&self, other: &Self) -> bool {
        (self.name, self.n, self.subject) == (other.name, other.n, other.subject)
    }

    /// What goes for all peers.
    fn heading(&self, cycles_per_ns: f64) -> String {
        let cycles = match self.unit {
            "ns" => format!(", {} cycles", thousands(self.ns_median * cycles_per_ns)),
            _ => String::new(),
        };
        format!(
            "{}, n = {}: {} {}{cycles}, at least {}",
            self.name,
            thousands(self.n as f64),
            self.subject,
            quantity(self.ns_median, self.unit),
            quantity(self.ns_min, self.unit),
        )
    }

    fn cells(&self) -> [String; COLUMNS] {
        let Self { ratio, spread, ns_median, peer_ns_median, .. } = *self;
        let remarks = [self.label, self.note].into_iter().flatten();
        let doubts = statistics::doubts(ratio, spread, ns_median, peer_ns_median);
        [
            format!("  {}", self.peer),
            quantity(peer_ns_median, self.unit),
            format!("{ratio:.3}"),
            table::percent(spread),
            self.rounds.to_string(),
            remarks.chain(doubts).collect::<Vec<_>>().join("; "),
        ]
    }

    fn cells_of(&self, aim: &Aim) -> [String; AIM_COLUMNS] {
        let beside = aim.beside.as_deref();
        [
            self.name.to_owned(),
            thousands(self.n as f64),
            self.subject.to_owned(),
            beside.unwrap_or(if aim.of == "ratio" { self.peer } else { "" }).to_owned(),
            aim.of.clone(),
            quantity(aim.value, &aim.unit),
            quantity(aim.at_most, &aim.unit),
            aim.verdict(),
        ]
    }
}

/// What the numbers of a benchmark are to be taken for, if it is one of the processor rather than
/// of the kernel.
fn label(name: &str) -> Option<&'static str> {
    match name {
        // One call in a loop, all of it in the first-level cache, every jump predicted.
        "round_trip" | "one_runnable" | "lock" => Some("flattering"),
        // Suspended behind calls, or by sixteen bodies in turn.
        "round_trip_outlined" | "round_trip_deep" | "yield" | "channel_hop" | "wake_ring" => {
            Some("defeats prediction")
        }
        _ => None,
    }
}

const COLUMNS: usize = 6;
const HEADINGS: [&str; COLUMNS] = ["  peer", "peer's", "ratio", "spread", "rounds", "remarks"];
/// Whether a column is text, to be put to the left.
const IS_TEXT: [bool; COLUMNS] = [true, false, false, false, false, true];

const AIM_COLUMNS: usize = 8;
const AIM_HEADINGS: [&str; AIM_COLUMNS] =
    ["aim", "n", "subject", "beside", "what", "measured", "at most", "verdict"];
const AIM_IS_TEXT: [bool; AIM_COLUMNS] = [true, false, true, true, true, false, false, true];

/// Prints all rows as a table, those that have aims once more, and who is missing.
pub fn print(rows: &[Row], cycles_per_ns: f64) {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut lines = table::aligned(&lines, IS_TEXT);
    lines.by_ref().take(1).for_each(|line| println!("{line}"));
    for of_one in rows.chunk_by(Row::is_beside) {
        println!("{}", of_one[0].heading(cycles_per_ns));
        lines.by_ref().take(of_one.len()).for_each(|line| println!("{line}"));
    }
    println!(
        "\nMedians of an operation; ratio: the median of the rounds' subject / peer, less is better; \
         spread: the interquartile\nrange of those, for at least three rounds. The time-stamp counter \
         ticks {cycles_per_ns:.2} times a ns."
    );
    let aims = rows.iter().flat_map(|row| row.aims.iter().map(|aim| row.cells_of(aim)));
    let aims: Vec<_> = [AIM_HEADINGS.map(str::to_owned)].into_iter().chain(aims).collect();
    if aims.len() > 1 {
        println!();
        table::print(&aims, AIM_IS_TEXT);
    }
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

/// Writes the rows of a benchmark there, each with where it comes from.
pub fn save_rows(name: &str, rows: &[Row], origin: &Origin) -> io::Result<()> {
    #[derive(Serialize)]
    struct Saved<'a> {
        #[serde(flatten)]
        row: &'a Row,
        #[serde(flatten)]
        origin: &'a Origin,
    }

    save(name, &rows.iter().map(|row| Saved { row, origin }).collect::<Vec<_>>())
}

/// What was saved under a name.
pub fn load<T: serde::de::DeserializeOwned>(name: &str) -> io::Result<Vec<T>> {
    Ok(serde_json::from_slice(&fs::read(file(name))?)?)
}
