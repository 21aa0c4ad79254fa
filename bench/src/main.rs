//! Measures barecoro beside the libraries that one would choose instead.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml -- [NAME] [--quick]
//! ```
//!
//! Each comparison runs its contenders by turns in one process, on one CPU: see `rounds`. The
//! modules of the benchmarks say what each does and what it does not show.

mod aim;
mod bodies;
mod child;
mod comparison;
mod contender;
mod cpu;
mod demo;
mod distribution;
mod echo;
mod foreign;
mod hello;
mod instructions;
mod libraries;
mod memory;
mod million;
mod one_runnable;
mod origin;
mod package;
mod page;
mod process_clock;
mod report;
mod round_trip;
mod rounds;
mod spawn;
mod statistics;
mod sync;
mod table;
mod timers;
mod unguarded;
mod yields;

use std::io;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};

use cpu::Cpus;
use echo::serve::Library;
use foreign::Foreign;
use memory::Tasks;
use origin::Origin;
use report::Row;
use rounds::Effort;
use timers::Timers;

/// Measures barecoro beside the libraries that one would choose instead.
#[derive(Parser)]
struct Arguments {
    /// The benchmark to run; all of them by default.
    name: Option<Name>,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Only write docs/performance.md and its plots, from the results that there are.
    #[arg(long)]
    page: bool,
    /// Be one of the servers of `echo`.
    #[arg(long, hide = true)]
    serve: Option<Library>,
    /// Be one of the sleeping processes of `timers`.
    #[arg(long, hide = true)]
    sleep: Option<Timers>,
    /// Be one of the processes of `memory`.
    #[arg(long, hide = true, requires = "tasks")]
    occupy: Option<Tasks>,
    /// How many tasks that has.
    #[arg(long, hide = true)]
    tasks: Option<usize>,
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
    /// Values that hop from task to task through channels.
    ChannelHop,
    /// A thousand tasks in a ring, each woken by the one before.
    WakeRing,
    /// Lock and unlock what nobody else wants.
    Lock,
    /// A TCP echo server's CPU time for a request, on 1, 50 and 1,000 connections.
    Echo,
    /// The CPU time of a hundred thousand sleepers' timers, and how late they wake.
    Timers,
    /// The memory of a task that waits.
    Memory,
    /// Spawning and waking a million tasks: the example `million`.
    Million,
    /// From the start to the end of a program that says hello, and its size.
    Hello,
    /// How long the demonstration program takes, and its size.
    Demo,
    /// Instructions an operation, which have a budget.
    Instructions,
}

impl Name {
    fn text(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Builds what it runs besides this program, so that the time it takes is not taken for its own.
    fn prepare(self) -> io::Result<()> {
        let foreign: &[Foreign] = match self {
            Self::RoundTrip | Self::RoundTripOutlined | Self::RoundTripDeep => &[foreign::BOOST],
            Self::Yield => &[foreign::BOOST, foreign::GO, foreign::ORIGINAL],
            Self::OneRunnable => &[foreign::ORIGINAL],
            Self::SpawnJoin
            | Self::SpawnJoinBatch
            | Self::ChannelHop
            | Self::WakeRing
            | Self::Lock
            | Self::Memory => &[foreign::GO],
            _ => &[],
        };
        for program in foreign {
            let _reported_later = program.build();
        }
        match self {
            Self::Echo => echo::subjects::build(),
            Self::Hello => hello::build(),
            Self::Million => drop(million::build()?),
            Self::Demo => drop(demo::build()?),
            Self::Instructions => drop(instructions::build()?),
            _ => {}
        }
        Ok(())
    }

    fn run(self, effort: &Effort) -> io::Result<Vec<Row>> {
        Ok(match self {
            Self::RoundTrip => round_trip::flat(effort),
            Self::RoundTripOutlined => round_trip::outlined(effort),
            Self::RoundTripDeep => round_trip::deep(effort),
            Self::Yield => yields::run(effort),
            Self::OneRunnable => one_runnable::run(effort),
            Self::SpawnJoin => spawn::one(effort),
            Self::SpawnJoinBatch => spawn::batch(effort),
            Self::ChannelHop => sync::channel_hop(effort),
            Self::WakeRing => sync::wake_ring(effort),
            Self::Lock => sync::lock(effort),
            Self::Echo => echo::run(effort)?,
            Self::Timers => timers::run(effort)?,
            Self::Memory => memory::run(effort)?,
            Self::Million => million::run(effort)?,
            Self::Hello => hello::run(effort)?,
            Self::Demo => demo::run()?,
            Self::Instructions => instructions::run()?,
        })
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    if let Some(library) = arguments.serve {
        return library.serve();
    }
    if let Some(timers) = arguments.sleep {
        return timers.sleep();
    }
    if let (Some(library), Some(tasks)) = (arguments.occupy, arguments.tasks) {
        return library.occupy(tasks);
    }
    if arguments.page {
        return page::write();
    }
    let names = arguments.name.map_or_else(|| Name::value_variants().to_vec(), |name| vec![name]);
    eprintln!("building what is compared");
    names.iter().try_for_each(|name| name.prepare())?;
    let cpus = Cpus::find()?;
    let effort = if arguments.quick { Effort::quick(cpus) } else { Effort::full(cpus) };
    match cpu::stay_on(cpus.last) {
        Ok(()) => eprintln!("pinned to CPU {}", cpus.last),
        Err(error) => eprintln!("not pinned to one CPU, expect more noise: {error}"),
    }
    let origin = Origin::now(&effort);
    let start = Instant::now();
    let cycles_per_ns = cpu::cycles_per_ns();
    let mut rows = Vec::new();
    for name in &names {
        let began = Instant::now();
        let of_this = name.run(&effort)?;
        eprintln!("{}: {:.1} s", name.text(), began.elapsed().as_secs_f64());
        report::save_rows(&name.text(), &of_this, &origin)?;
        rows.extend(of_this);
    }
    report::save_skipped(&names.into_iter().map(Name::text).collect::<Vec<_>>())?;
    report::print(&rows, cycles_per_ns);
    eprintln!("took {:.0} s", start.elapsed().as_secs_f64());
    if arguments.name.is_none() && !arguments.quick {
        page::write()?;
    }
    Ok(())
}
