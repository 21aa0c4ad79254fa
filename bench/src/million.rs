//! The example `million`: what it takes to spawn and wake a million tasks.
//!
//! The example itself runs, once for each kind of stack, and prints what it measured: it is about
//! barecoro alone, and the peer is the aim. What others need for as many tasks, where they can have
//! them, is in `memory`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::aim::Aim;
use crate::child::Killed;
use crate::package;
use crate::report::Row;
use crate::rounds::{self, Effort};

/// How many tasks are meant by the aims.
const TASKS: usize = 1_000_000;
/// How many there are if it is only a look.
const FEWER: usize = 100_000;

/// Nanoseconds for a task on a stack that another has used.
const WARM_SPAWN: f64 = 30.0;

/// A run that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(3);

/// How the example calls the stacks, how the rows do, and how many KiB a task may take.
const STACKS: [(&str, &str, f64); 2] =
    [("guarded", "barecoro, guarded stacks", 4.4), ("packed", "barecoro, packed stacks", 1.4)];

/// Builds the example.
pub fn build() -> io::Result<PathBuf> {
    Ok(package::build("million", "").map_err(io::Error::other)?.join("million"))
}

/// Both kinds of stacks.
pub fn run(effort: &Effort) -> io::Result<Vec<Row>> {
    let program = build()?;
    let n = if effort.is_quick() { FEWER } else { TASKS };
    let progress = rounds::progress("million", STACKS.len());
    let mut rows = Vec::new();
    for (kind, subject, kibibytes) in STACKS {
        let mut command = Command::new(&program);
        command.args([&n.to_string(), kind]).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        let said = Killed::start(command)?.output(PATIENCE)?;
        let fields: BTreeMap<_, _> =
            said.split_whitespace().filter_map(|word| word.split_once('=')).collect();
        let field = |name: &str| {
            let number = fields.get(name).and_then(|number| number.parse().ok());
            number.ok_or_else(|| io::Error::other(format!("million does not say {name}: {said}")))
        };
        let warm: f64 = field("warm_spawn_ns")?;
        let (memory, page_tables) = (field("rss_per_task")?, field("pte_per_task")?);
        let mappings = field("vmas")?;
        let mut row = Row::new("million", "the aim", n, &[warm], &[WARM_SPAWN])
            .subject(subject)
            .with("cold_spawn_ns", field("spawn_ns")?)
            .with("warm_spawn_ns", warm)
            .with("wake_ns", field("wake_ns")?)
            .with("memory_bytes", memory)
            .with("page_table_bytes", page_tables)
            .with("mappings", mappings);
        if n == TASKS {
            row.aim_at_median(WARM_SPAWN);
            row.aim_at(Aim::about("memory a task", memory, kibibytes * 1024.0, "bytes"));
            row.aim_at(Aim::about("page tables a task", page_tables, 48.0, "bytes"));
            row.aim_at(Aim::about("mappings of the process", mappings, 64.0, ""));
        }
        rows.push(row);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(rows)
}
