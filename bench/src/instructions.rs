//! Instructions an operation, counted by valgrind's callgrind.
//!
//! Unlike times they are the same wherever and whenever they are counted with the same compiler, so
//! that `budget.json` says how many there may be: who needs over five per cent more fails. Each
//! number is the difference between a run with many laps and one with fewer, so that starting and
//! ending the program do not count.
//!
//! It does not show how long they take: a mispredicted return is one instruction.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::package;
use crate::report::Row;
use crate::rounds;

/// Laps of the shorter run, and how many more the longer has.
const LAPS: u64 = 10_000;

/// How much more than the budget is allowed.
const TOLERANCE: f64 = 1.05;

/// Counts all workloads. Fails if one is over its budget.
pub fn run() -> io::Result<Vec<Row>> {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        eprintln!("SKIPPED: instructions: no valgrind: {error}");
        return Ok(Vec::new());
    }
    let program = package::build("instructions", "").map_err(io::Error::other)?.join("counted");
    let budget: BTreeMap<String, f64> = serde_json::from_str(include_str!("../budget.json"))?;
    let progress = rounds::progress("instructions", budget.len() + 1);
    let mut rows = Vec::new();
    let mut over = Vec::new();
    for (workload, subject) in WORKLOADS {
        let counted = count(&program, workload)?;
        let allowed = budget.get(workload).copied().ok_or(io::ErrorKind::NotFound)?;
        if counted > allowed * TOLERANCE {
            over.push(format!("{workload}: {counted:.1} instructions, and {allowed} are allowed"));
        }
        rows.push(row(subject, "the budget", counted, allowed).aim(TOLERANCE));
        if workload == "round_trip" {
            let theirs = count(&program, "round_trip_corosensei")?;
            rows.push(row(subject, "corosensei", counted, theirs));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if over.is_empty() { Ok(rows) } else { Err(io::Error::other(over.join("; "))) }
}

/// The workloads that have a budget, and how the rows call them.
const WORKLOADS: [(&str, &str); 3] = [
    ("round_trip", "barecoro, round_trip"),
    ("yield", "barecoro, yield"),
    ("spawn_join", "barecoro, spawn_join"),
];

fn row(subject: &'static str, peer: &'static str, ours: f64, theirs: f64) -> Row {
    Row::new("instructions", peer, 1, &[ours], &[theirs]).subject(subject).unit("instr.")
}

/// Instructions a lap.
fn count(program: &Path, workload: &str) -> io::Result<f64> {
    let counted = |laps: u64| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let output = valgrind.arg(program).args([workload, &laps.to_string()]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find_map(|line| line.split_once("Collected :"));
        line.and_then(|(_, number)| number.trim().parse::<f64>().ok())
            .ok_or_else(|| io::Error::other(format!("valgrind did not count {workload}: {said}")))
    };
    Ok((counted(2 * LAPS)? - counted(LAPS)?) / LAPS as f64)
}
