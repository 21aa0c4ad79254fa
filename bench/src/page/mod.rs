//! `docs/performance.md` and its plots, written from the results in `target/bench`.

mod axis;
mod kind;
mod machine;
mod plot;
mod plots;
mod sections;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;

use crate::aim::Aim;
use crate::instructions::THE_BUDGET;
use crate::origin::Origin;
use crate::report::{self, Skipped};
use crate::statistics;
use crate::table::{self, quantity, thousands};
use plots::Drawn;
use sections::{SECTIONS, Section};

/// A row as it was saved.
#[derive(Deserialize)]
struct Row {
    name: String,
    subject: String,
    peer: String,
    n: usize,
    ns_median: f64,
    peer_ns_median: f64,
    /// Results from before they were kept have none.
    quartiles: Option<[f64; 2]>,
    peer_quartiles: Option<[f64; 2]>,
    unit: String,
    rounds: usize,
    ratio: f64,
    spread: Option<f64>,
    label: Option<String>,
    note: Option<String>,
    #[serde(default)]
    aims: Vec<Aim>,
    // Before what takes all that is left.
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    extra: BTreeMap<String, f64>,
}

/// What comes after it stays as it is.
const BY_HAND: &str = "<!-- Below this line nothing is written by the benchmark. -->";

/// Writes the page from what has been measured, whenever that was.
pub fn write() -> io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::create_dir_all(docs.join("performance"))?;
    let mut rows = Vec::new();
    for section in SECTIONS {
        for name in section.names {
            match report::load::<Row>(name) {
                Ok(some) => rows.extend(some),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    eprintln!("the page lacks {name}: it was not measured");
                }
                Err(error) => {
                    let why = format!("the results of {name} are not as this program writes them");
                    return Err(io::Error::other(format!("{why}: {error}")));
                }
            }
        }
    }
    if let Some(Row { name, .. }) = rows.iter().find(|row| row.origin.is_quick()) {
        return Err(io::Error::other(format!(
            "the page is written from full runs only, and {name} was run with --quick: \
             `just bench {name}` measures it in full"
        )));
    }
    let plots = plots::draw(&rows, &docs.join("performance"), &machine::caption(&rows))?;
    let path = docs.join("performance.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let by_hand = before.split_once(BY_HAND).map_or("", |(_, after)| after);
    fs::write(&path, format!("{}\n{BY_HAND}{by_hand}", page(&rows, &plots)))?;
    eprintln!("wrote docs/performance.md and {} plots", plots.len());
    Ok(())
}

fn page(rows: &[Row], plots: &[Drawn]) -> String {
    let mut page = String::from("# Performance\n\n");
    page.push_str(&machine::description(rows));
    page.push_str(sections::METHOD);
    page.push_str("\n## What was aimed at\n\n");
    aims(&mut page, rows);
    page.push_str("\n## Where barecoro is not first\n\n");
    not_first(&mut page, rows);
    not_measured(&mut page);
    for section in SECTIONS {
        let of_it: Vec<_> =
            rows.iter().filter(|row| section.names.contains(&row.name.as_str())).collect();
        if !of_it.is_empty() {
            write_section(&mut page, section, &of_it, plots);
        }
    }
    page
}

fn write_section(page: &mut String, section: &Section, rows: &[&Row], plots: &[Drawn]) {
    let _infallible = write!(page, "\n## {}\n\n{}\n\n", section.title, section.text);
    for Drawn { name, title } in plots.iter().filter(|plot| section.plots.contains(&plot.name)) {
        let _infallible = writeln!(page, "![{title}](performance/{name}.svg)\n");
    }
    table(page, rows.iter().copied());
    details(page, rows);
}

/// Every aim, with what was measured.
fn aims(page: &mut String, rows: &[Row]) {
    page.push_str(sections::AIMS);
    page.push_str("| name | n | subject | beside | what | measured | at most | |\n");
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    let all = || rows.iter().flat_map(|row| row.aims.iter().map(move |aim| (row, aim)));
    for (row, aim) in all() {
        let peer = if aim.of == "ratio" { row.peer.as_str() } else { "" };
        let _infallible = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            thousands(row.n as f64),
            row.subject,
            aim.beside.as_deref().unwrap_or(peer),
            aim.of,
            quantity(aim.value, &aim.unit),
            quantity(aim.at_most, &aim.unit),
            verdict(aim),
        );
    }
    // The budgets hold what was reached: they keep it, and say nothing of the aims.
    let (budgets, aims): (Vec<_>, Vec<_>) = all().partition(|(row, _)| row.peer == THE_BUDGET);
    let met = |some: &[(&Row, &Aim)]| some.iter().filter(|(_, aim)| aim.is_met()).count();
    let _infallible = writeln!(
        page,
        "\n{} of {} aims are met, and {} of {} budgets of instructions are kept.",
        met(&aims),
        aims.len(),
        met(&budgets),
        budgets.len(),
    );
}

fn verdict(aim: &Aim) -> String {
    format!("{}{}", if aim.is_met() { "met" } else { "**not met**" }, aim.doubt())
}

/// Who could not take part.
fn not_measured(page: &mut String) {
    let skipped: Vec<Skipped> = report::load(Skipped::FILE).unwrap_or_default();
    if !skipped.is_empty() {
        page.push_str("\n## What was not measured\n\n");
    }
    for one in skipped {
        let _infallible = writeln!(page, "- `{}` with {}: {}.", one.name, one.peer, one.why);
    }
}

/// Every peer that needed less than the best of ours.
fn not_first(page: &mut String, rows: &[Row]) {
    let mut best: BTreeMap<(&str, usize, &str), &Row> = BTreeMap::new();
    let is_peer = |row: &&Row| !["the aim", THE_BUDGET].contains(&row.peer.as_str());
    for row in rows.iter().filter(is_peer) {
        let kept = best.entry((&row.name, row.n, &row.peer)).or_insert(row);
        // Of instructions each subject is another workload.
        if row.ratio < kept.ratio && row.name != "instructions" {
            *kept = row;
        }
    }
    let behind: Vec<_> = best.values().filter(|row| row.ratio > 1.0).copied().collect();
    if behind.is_empty() {
        page.push_str("Nowhere.\n");
    } else {
        page.push_str(
            "With the better of its variants where there are two. A peer with a note in the last column \
             has not done the same work.\n\n",
        );
        table(page, behind.into_iter());
    }
}

fn table<'a>(page: &mut String, rows: impl Iterator<Item = &'a Row>) {
    page.push_str(
        "| name | n | subject | peer | subject's | peer's | ratio | spread | rounds | |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let _infallible = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} | {:.3} | {} | {} | {} |",
            row.name,
            thousands(row.n as f64),
            row.subject,
            row.peer,
            quantity(row.ns_median, &row.unit),
            quantity(row.peer_ns_median, &row.unit),
            row.ratio,
            table::percent(row.spread),
            row.rounds,
            row.remarks(),
        );
    }
}

impl Row {
    /// What the reader has to know about it.
    fn remarks(&self) -> String {
        let mut remarks: Vec<_> =
            self.label.as_deref().into_iter().chain(self.note.as_deref()).collect();
        let (median, peer_median) = (self.ns_median, self.peer_ns_median);
        remarks.extend(statistics::doubts(self.ratio, self.spread, median, peer_median));
        remarks.join("; ")
    }
}

/// Fields that all rows have, and that the page does not show.
const COMMON: [&str; 2] = ["ns_min", "subject_spread"];

/// What a benchmark measures besides, once for each subject.
fn details(page: &mut String, rows: &[&Row]) {
    let mut lines: BTreeMap<(usize, &str), BTreeMap<&str, f64>> = BTreeMap::new();
    for row in rows {
        for (field, value) in
            row.extra.iter().filter(|(field, _)| !COMMON.contains(&field.as_str()))
        {
            let (subject, field) = match field.strip_prefix("peer_") {
                Some(field) => (row.peer.as_str(), field),
                None => (row.subject.as_str(), field.as_str()),
            };
            lines.entry((row.n, subject)).or_default().insert(field, *value);
        }
    }
    let Some(fields) = lines.values().max_by_key(|fields| fields.len()) else { return };
    let fields: Vec<_> = fields.keys().copied().collect();
    let titles: Vec<_> = fields.iter().map(|field| field.replace('_', " ")).collect();
    let _infallible = write!(
        page,
        "\n| n | subject | {} |\n|---|---|{}\n",
        titles.join(" | "),
        "---|".repeat(fields.len())
    );
    for ((n, subject), values) in &lines {
        let cells = fields.iter().map(|field| match values.get(field) {
            Some(value) if *value < 100.0 => format!("{value:.2}"),
            Some(value) => thousands(*value),
            None => String::new(),
        });
        let cells: Vec<_> = cells.collect();
        let n = thousands(*n as f64);
        let _infallible = writeln!(page, "| {n} | {subject} | {} |", cells.join(" | "));
    }
}
