//! The memory of a task that waits: what the process grew by, divided by the number of tasks.
//!
//! Each subject is a process of its own for each number of tasks. It starts them, lets all run until
//! they wait, and compares its resident memory, its page tables and its mappings with those before.
//! The tasks hold nothing, which flatters libraries with futures: their tasks are as small as what
//! they hold, while a stack is whole pages (unless packed).
//!
//! It does not show memory that comes with depth, and which a stack then keeps.

mod occupy;
mod process;

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use occupy::Tasks;

use crate::child::Killed;
use crate::report::{self, Row};
use crate::rounds::{self, Effort};
use crate::table::{self, thousands};

/// Numbers of tasks.
const POINTS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Who has no part in it.
const NOT_HERE: [(&str, &str); 3] = [
    (
        "embassy",
        "its tasks are statics of the program, here leaked ones: they are where they are put",
    ),
    ("generator", "its stacks are mappings of the size asked for, as corosensei's are"),
    ("Boost.Context", "its stacks are whatever the program gives it"),
];

/// A run that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a process measured: bytes a task, and mappings in all.
#[derive(Serialize, Deserialize)]
struct Measured {
    resident: f64,
    page_tables: f64,
    mappings: f64,
}

/// All numbers of tasks with all subjects.
pub fn run(effort: &Effort) -> io::Result<Vec<Row>> {
    let points = if effort.is_quick() { &POINTS[..2] } else { &POINTS[..] };
    let subjects = Tasks::value_variants();
    for (peer, why) in NOT_HERE {
        report::skip("memory", peer, why);
    }
    let progress = rounds::progress("memory", points.len() * subjects.len());
    let mut rows = Vec::new();
    let mut lines = vec![["memory", "n", "bytes", "page table", "mappings"].map(str::to_owned)];
    for &n in points {
        let mut measured = Vec::new();
        for subject in subjects {
            progress.inc(1);
            if n > subject.most() {
                let who = format!("{}, n = {}", subject.name(), thousands(n as f64));
                report::skip(
                    "memory",
                    &who,
                    "its stacks need more than the 65,530 mappings there can be",
                );
                continue;
            }
            measured.push((*subject, in_a_process(*subject, n)?));
        }
        lines.extend(measured.iter().map(|(subject, one)| {
            let numbers = [one.resident, one.page_tables, one.mappings].map(thousands);
            let [resident, page_tables, mappings] = numbers;
            [subject.name().to_owned(), thousands(n as f64), resident, page_tables, mappings]
        }));
        let (ours, peers): (Vec<_>, Vec<_>) =
            measured.iter().partition(|(subject, _)| subject.is_ours());
        for (subject, us) in &ours {
            rows.extend(peers.iter().map(|(peer, them)| {
                Row::new("memory", peer.name(), n, &[us.resident], &[them.resident])
                    .subject(subject.name())
                    .unit("bytes")
                    .with("page_table_bytes", us.page_tables)
                    .with("mappings", us.mappings)
                    .with("peer_page_table_bytes", them.page_tables)
                    .with("peer_mappings", them.mappings)
            }));
        }
    }
    progress.finish_and_clear();
    table::print(&lines, [true, false, false, false, false]);
    println!();
    Ok(rows)
}

/// Runs this program again with the hidden option `--occupy`.
fn in_a_process(tasks: Tasks, n: usize) -> io::Result<Measured> {
    let name = tasks.to_possible_value().expect("none is hidden");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--occupy", name.get_name(), "--tasks", &n.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let said = Killed::start(command)?.output(PATIENCE)?;
    serde_json::from_str(&said)
        .map_err(|_| io::Error::other(format!("{} tasks of {} failed", n, tasks.name())))
}
