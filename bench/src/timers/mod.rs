//! A hundred thousand tasks that sleep once, for 1 to 1000 ms: what their timers cost, and how late
//! they wake.
//!
//! Each subject is a process of its own, on one CPU, started anew each round. All sleepers are
//! started, and every one has told when it wants to wake, before the first deadline comes. From
//! then until the last has woken the process' CPU time is measured: it holds what it takes to find
//! out who is due, to wake for it, and to run and end the task, but not to set the timer up. The
//! deadlines are spread evenly and in random order, a hundred in each millisecond.
//!
//! tokio's timers have a granularity of 1 ms and thus wake a hundred tasks at a time; async-io's
//! and barecoro's are exact and wake nearly each task by itself, unless barecoro is allowed to be
//! as late as tokio is.

mod async_io;
mod barecoro;
mod tokio;
mod world;

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::aim::Aim;
use crate::child::Killed;
use crate::distribution::{Distribution, PARTS};
use crate::report::{self, Row};
use crate::rounds::{self, Effort};
use crate::statistics::{quantile, spread};
use crate::table;
use world::World;

/// How many sleep.
const SLEEPERS: usize = 100_000;
/// What tokio's granularity is.
const SLACK: Duration = Duration::from_millis(1);
/// The shortest sleep.
const SHORTEST: Duration = Duration::from_millis(1);
/// How much longer each next one is, in the order of their deadlines.
const GAP: Duration = Duration::from_nanos(999_000_000 / SLEEPERS as u64);
/// How long they have to get ready, once they are spawned.
const GET_READY: Duration = Duration::from_millis(500);
/// A run that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose timers.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Timers {
    Barecoro,
    BarecoroExact,
    BarecoroWithSlack,
    Tokio,
    AsyncIo,
}

impl Timers {
    const fn name(self) -> &'static str {
        match self {
            Self::Barecoro => "barecoro, 20 µs",
            Self::BarecoroExact => "barecoro, exact",
            Self::BarecoroWithSlack => "barecoro, 1 ms",
            Self::Tokio => "tokio, 1 ms",
            Self::AsyncIo => "async-io, exact",
        }
    }

    /// Lets them sleep in this process, and prints what was measured.
    pub fn sleep(self) -> io::Result<()> {
        let world = World::new();
        let measured = match self {
            Self::Barecoro => barecoro::sleep(world, None),
            Self::BarecoroExact => barecoro::sleep(world, Some(Duration::ZERO)),
            Self::BarecoroWithSlack => barecoro::sleep(world, Some(SLACK)),
            Self::Tokio => tokio::sleep(world),
            Self::AsyncIo => async_io::sleep(world),
        };
        println!("{}", serde_json::to_string(&measured?)?);
        Ok(())
    }
}

/// What a process measured.
#[derive(Serialize, Deserialize)]
struct Measured {
    /// Nanoseconds of CPU time a sleeper.
    cpu: f64,
    /// Nanoseconds from the deadline to the moment the sleeper ran.
    late_p50: f64,
    late_p99: f64,
    /// The same for each of the parts that are kept of a distribution.
    lateness: Vec<f64>,
}

/// All subjects by turns.
pub fn run(effort: &Effort) -> io::Result<Vec<Row>> {
    let others = "monoio, compio, glommio, may, Go and embassy";
    report::skip(
        "timers",
        others,
        "the aims are about tokio's and async-io's, and no more were written",
    );
    let subjects = Timers::value_variants();
    let mut measured: Vec<Vec<Measured>> = subjects.iter().map(|_| Vec::new()).collect();
    // A round takes over ten seconds.
    let count = if effort.is_quick() { 1 } else { 15 };
    let progress = rounds::progress("timers", count);
    for round in 0..count {
        for index in rounds::order(round, subjects.len()) {
            measured[index].push(in_a_process(subjects[index])?);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    print(subjects, &measured);
    let distributions: Vec<_> = subjects
        .iter()
        .zip(&measured)
        .map(|(subject, runs)| distribution(*subject, runs))
        .collect();
    report::save(Distribution::TIMERS, &distributions)?;
    let [usual, exact, with_slack, tokio, async_io] = &measured[..] else {
        unreachable!("there are five subjects");
    };
    let mut rows = vec![
        compare(Timers::BarecoroWithSlack, with_slack, Timers::Tokio, tokio),
        compare(Timers::Barecoro, usual, Timers::Tokio, tokio),
        compare(Timers::Barecoro, usual, Timers::AsyncIo, async_io),
        compare(Timers::BarecoroExact, exact, Timers::AsyncIo, async_io),
    ];
    // Half of the CPU time of who is as late.
    for row in [0, 2, 3] {
        rows[row].aim(0.5);
    }
    for aim in lateness_of_async_io(usual, async_io) {
        rows[2].aim_at(aim);
    }
    Ok(rows)
}

/// What async-io's lateness was when the aim was set, in nanoseconds, where half and a hundredth of
/// all sleepers were later.
const LATE_P50: f64 = 18e3;
const LATE_P99: f64 = 48e3;

/// To be no later than the peer was then, and no later than it is.
fn lateness_of_async_io(ours: &[Measured], theirs: &[Measured]) -> [Aim; 4] {
    let aim = |of, late: fn(&Measured) -> f64, bound| {
        let all: Vec<_> = ours.iter().map(late).collect();
        Aim::about(of, median(ours, late), bound, "ns").with_spread(spread(&all))
    };
    let aim_beside = |of, late| aim(of, late, median(theirs, late)).beside(Timers::AsyncIo.name());
    let [p50, p99]: [fn(&Measured) -> f64; 2] = [|run| run.late_p50, |run| run.late_p99];
    [
        aim("lateness, p50", p50, LATE_P50),
        aim_beside("lateness, p50, in this run", p50),
        aim("lateness, p99", p99, LATE_P99),
        aim_beside("lateness, p99, in this run", p99),
    ]
}

fn compare(subject: Timers, ours: &[Measured], peer: Timers, theirs: &[Measured]) -> Row {
    let cpu = |runs: &[Measured]| -> Vec<f64> { runs.iter().map(|run| run.cpu).collect() };
    Row::new("timers", peer.name(), SLEEPERS, &cpu(ours), &cpu(theirs))
        .subject(subject.name())
        .with("late_p50_ns", median(ours, |run| run.late_p50))
        .with("late_p99_ns", median(ours, |run| run.late_p99))
        .with("peer_late_p50_ns", median(theirs, |run| run.late_p50))
        .with("peer_late_p99_ns", median(theirs, |run| run.late_p99))
}

/// The rounds' medians of each quantile.
fn distribution(subject: Timers, runs: &[Measured]) -> Distribution {
    Distribution::new(subject.name(), SLEEPERS, |part| {
        let place = PARTS.iter().position(|of| *of == part).expect("it is one of them");
        median(runs, |run| run.lateness[place])
    })
}

fn median(runs: &[Measured], of: impl Fn(&Measured) -> f64) -> f64 {
    quantile(&runs.iter().map(of).collect::<Vec<_>>(), 0.5)
}

fn print(subjects: &[Timers], measured: &[Vec<Measured>]) {
    let headings = ["timers", "CPU ms", "late p50 µs", "late p99 µs"];
    let mut lines = vec![headings.map(str::to_owned)];
    for (subject, runs) in subjects.iter().zip(measured) {
        lines.push([
            subject.name().to_owned(),
            format!("{:.1}", median(runs, |run| run.cpu) * SLEEPERS as f64 / 1e6),
            format!("{:.1}", median(runs, |run| run.late_p50) / 1e3),
            format!("{:.1}", median(runs, |run| run.late_p99) / 1e3),
        ]);
    }
    table::print(&lines, [true, false, false, false]);
    println!();
}

/// Runs this program again with the hidden option `--sleep`.
fn in_a_process(timers: Timers) -> io::Result<Measured> {
    let name = timers.to_possible_value().expect("none is hidden");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--sleep", name.get_name()]).stdin(Stdio::null()).stdout(Stdio::piped());
    let said = Killed::start(command)?.output(PATIENCE)?;
    serde_json::from_str(&said)
        .map_err(|_| io::Error::other(format!("{} did not sleep as it should", timers.name())))
}
