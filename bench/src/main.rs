//! Measures barecoro beside corosensei and tokio.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml -- [NAME] [--quick]
//! ```
//!
//! Each comparison runs its contenders by turns in one process, on one CPU: see `rounds`. The
//! modules of the benchmarks say what each does and what it does not show.

mod bodies;
mod contender;
mod cpu;
mod one_runnable;
mod report;
mod round_trip;
mod rounds;
mod spawn;
mod statistics;
mod unguarded;
mod yields;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use report::Row;
use rounds::Effort;

/// Measures barecoro beside corosensei and tokio.
#[derive(Parser)]
struct Arguments {
    /// The benchmark to run; all of them by default.
    name: Option<Name>,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
}

/// The benchmarks.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Name {
    /// Resume and suspend one coroutine.
    RoundTrip,
    /// The same, suspended in a function that is not inlined.
    RoundTripOutlined,
    /// The same, suspended three such functions deep.
    RoundTripDeep,
    /// Switch among many tasks that all yield.
    Yield,
    /// Yield while all other tasks are parked.
    OneRunnable,
    /// Spawn a task and join it.
    SpawnJoin,
    /// Spawn a hundred tasks, then join them.
    SpawnJoinBatch,
}

impl Name {
    fn text(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, effort: &Effort) -> Vec<Row> {
        match self {
            Self::RoundTrip => round_trip::flat(effort),
            Self::RoundTripOutlined => round_trip::outlined(effort),
            Self::RoundTripDeep => round_trip::deep(effort),
            Self::Yield => yields::run(effort),
            Self::OneRunnable => one_runnable::run(effort),
            Self::SpawnJoin => spawn::one(effort),
            Self::SpawnJoinBatch => spawn::batch(effort),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::quick() } else { Effort::full() };
    match cpu::pin() {
        Ok(cpu) => eprintln!("pinned to CPU {cpu}"),
        Err(error) => eprintln!("not pinned to one CPU, expect more noise: {error}"),
    }
    let cycles_per_ns = cpu::cycles_per_ns();
    let names = arguments.name.map_or_else(|| Name::value_variants().to_vec(), |name| vec![name]);
    let mut rows = Vec::new();
    for name in names {
        let of_this = name.run(&effort);
        if let Err(error) = report::save(&name.text(), &of_this) {
            eprintln!("cannot save the results of {}: {error}", name.text());
            return ExitCode::FAILURE;
        }
        rows.extend(of_this);
    }
    report::print(&rows, cycles_per_ns);
    ExitCode::SUCCESS
}
