//! Instructions an operation, counted by valgrind's callgrind.
//!
//! Unlike times they are the same wherever and whenever they are counted with the same compiler, so
//! that `budget.json` says how many there may be. The package in `instructions/` counts and checks
//! them, also without this program, which only makes rows of it.
//!
//! It does not show how long they take: a mispredicted return is one instruction.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::aim::Aim;
use crate::package;
use crate::report::{self, Row};

/// How much more than the budget is allowed, as the package has it.
const TOLERANCE: f64 = 1.05;

/// What the rows call it.
pub const THE_BUDGET: &str = "the budget";

/// The workloads, and how the rows call them.
const WORKLOADS: [(&str, &str); 6] = [
    ("round_trip", "barecoro, round_trip"),
    ("yield", "barecoro, yield"),
    ("spawn_join", "barecoro, spawn_join"),
    ("channel_hop", "barecoro, channel_hop"),
    ("wake", "barecoro, wake"),
    ("lock", "barecoro, lock"),
];

/// Builds what is counted.
pub fn build() -> io::Result<PathBuf> {
    Ok(package::build("instructions", "").map_err(io::Error::other)?.join("counted"))
}

/// Counts all workloads.
pub fn run() -> io::Result<Vec<Row>> {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        report::skip("instructions", THE_BUDGET, &format!("no valgrind: {error}"));
        return Ok(Vec::new());
    }
    let others = "all peers but corosensei in round_trip";
    report::skip("instructions", others, "the counts are there to keep a budget");
    eprintln!("instructions");
    let output = Command::new(build()?).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers = |workload| -> Option<(f64, Option<f64>)> {
        let of_it = |line: &&str| line.split(' ').next() == Some(workload);
        let mut numbers = said.lines().find(of_it)?.split(' ').skip(1).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok)))
    };
    let mut rows = Vec::new();
    for (workload, subject) in WORKLOADS {
        let (counted, Some(budget)) = numbers(workload).ok_or_else(|| failed(&output.stderr))?
        else {
            return Err(io::Error::other(format!("{workload} has no budget")));
        };
        let mut row = row(subject, THE_BUDGET, counted, budget);
        row.aim_at(Aim::of_ratio(counted / budget, TOLERANCE, None).exact());
        rows.push(row);
    }
    let (ours, _) = numbers("round_trip").ok_or_else(|| failed(&output.stderr))?;
    let (theirs, _) = numbers("round_trip_corosensei").ok_or_else(|| failed(&output.stderr))?;
    rows.insert(1, row(WORKLOADS[0].1, "corosensei", ours, theirs));
    Ok(rows)
}

fn failed(said: &[u8]) -> io::Error {
    io::Error::other(String::from_utf8_lossy(said).into_owned())
}

fn row(subject: &'static str, peer: &'static str, ours: f64, theirs: f64) -> Row {
    Row::new("instructions", peer, 1, &[ours], &[theirs]).subject(subject).unit("instr.")
}
