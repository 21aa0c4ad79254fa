//! A TCP echo server for messages of 64 bytes: the CPU time that a server spends on a request.
//!
//! Server and load are processes of their own, on a CPU each; with a single connection both are on
//! the same, as there is nothing to be done at the same time, and waking the other CPU of a virtual
//! machine costs more than all else. Each subject's server stays for all rounds, which go by turns;
//! a turn is so many milliseconds of load, of which the server's CPU clock is read before and after,
//! while it is idle.
//!
//! CPU time, not requests per second, is what is compared: it changes least when the machine's
//! speed does, and the load is not much faster than the servers. Most of it is the kernel's, for
//! TCP on the loopback interface, which is the same for all.
//!
//! It does not show large messages, many requests at a time on a connection, connections that come
//! and go, or what a network card's interrupts cost.

mod load;
pub mod serve;
mod server;
pub mod subjects;
mod syscalls;

use std::io;
use std::thread::sleep;
use std::time::Duration;

use load::{Latencies, Load};
use server::{Driver, Server, Subject};
use syscalls::SystemCalls;

use crate::aim::Aim;
use crate::cpu;
use crate::distribution::Distribution;
use crate::report::{self, Row};
use crate::rounds::{self, Effort};
use crate::statistics::{quantile, spread};
use crate::table::{self, thousands};

/// Numbers of connections.
const POINTS: [usize; 3] = [1, 50, MANY];
const MANY: usize = 1_000;

/// What is not measured before each turn.
const WARM_UP: Duration = Duration::from_millis(30);
/// How often system calls are counted at most. How many there are depends on how many requests come
/// while others are dealt with, and differs from one time to the next by a factor of two.
const COUNTS: usize = 15;
/// After the load's end, until the server sleeps.
const SETTLE: Duration = Duration::from_millis(2);

/// What was measured of a subject: a value for each round.
struct Measured {
    name: &'static str,
    is_ours: bool,
    driver: Driver,
    /// Nanoseconds of CPU time a request.
    cpu: Vec<f64>,
    requests_per_second: Vec<f64>,
    /// Nanoseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Of all rounds.
    latencies: Latencies,
    /// Of a request. Empty if they cannot be counted.
    system_calls: Vec<f64>,
}

/// A subject that takes part at a number of connections.
struct Taking {
    server: Server,
    load: Load,
    measured: Measured,
}

/// All numbers of connections with all subjects.
pub fn run(effort: &Effort) -> io::Result<Vec<Row>> {
    raise_limit_of_files()?;
    let subjects = subjects::able();
    let (mut rows, mut distributions) = (Vec::new(), Vec::new());
    for n in POINTS {
        let measured = at(effort, n, &subjects)?;
        print(n, &measured);
        rows.extend(compare(n, &measured));
        distributions.extend(measured.iter().map(|one| one.distribution(n)));
    }
    report::save(Distribution::ECHO, &distributions)?;
    Ok(rows)
}

fn at(effort: &Effort, n: usize, subjects: &[Subject]) -> io::Result<Vec<Measured>> {
    let here = effort.cpus.last;
    let there = if n == 1 { here } else { effort.cpus.first };
    cpu::stay_on(here)?;
    let mut taking = Vec::new();
    for subject in subjects {
        match take(subject, n, there) {
            Ok(part) => taking.push(part),
            Err(why) => report::skip("echo", subject.name, &why),
        }
    }
    // With many connections a turn holds few of each.
    let turn = if n < MANY { effort.process_turn } else { 2 * effort.process_turn };
    let counts = effort.process_rounds.min(COUNTS);
    let progress = rounds::progress(&format!("echo, n = {n}"), effort.process_rounds + counts);
    for round in 0..effort.process_rounds {
        for index in rounds::order(round, taking.len()) {
            let part = &mut taking[index];
            part.turn(turn).map_err(|error| {
                io::Error::new(error.kind(), format!("echo with {}: {error}", part.measured.name))
            })?;
        }
        progress.inc(1);
    }
    if let Err(error) = count_system_calls(&mut taking, counts, || progress.inc(1)) {
        report::skip("echo", "counts of system calls", &error.to_string());
    }
    progress.finish_and_clear();
    Ok(taking.into_iter().map(|part| part.measured).collect())
}

/// In turns that are not timed.
fn count_system_calls(
    taking: &mut [Taking],
    rounds: usize,
    round_is_done: impl Fn(),
) -> io::Result<()> {
    for round in 0..rounds {
        for index in rounds::order(round, taking.len()) {
            taking[index].count_system_calls()?;
        }
        round_is_done();
    }
    Ok(())
}

/// As exact as system calls are shown: a call in a thousand requests is the load's coming and going.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Starts a subject and warms it up.
fn take(subject: &Subject, n: usize, on: usize) -> Result<Taking, String> {
    let command = subject.command()?;
    let start = || {
        let server = Server::start(command, on)?;
        let mut load = Load::connect(server.port(), n)?;
        load.run(4 * WARM_UP)?;
        io::Result::Ok((server, load))
    };
    let (server, load) = start().map_err(|error| error.to_string())?;
    let measured = Measured {
        name: subject.name,
        is_ours: subject.is_ours(),
        driver: subject.driver,
        cpu: Vec::new(),
        requests_per_second: Vec::new(),
        p50: Vec::new(),
        p99: Vec::new(),
        latencies: load::latencies(),
        system_calls: Vec::new(),
    };
    Ok(Taking { server, load, measured })
}

impl Taking {
    fn turn(&mut self, time: Duration) -> io::Result<()> {
        self.load.run(WARM_UP)?;
        sleep(SETTLE);
        let before = self.server.clock().now()?;
        let seen = self.load.run(time)?;
        sleep(SETTLE);
        let cpu = self.server.clock().since(before)?;
        let requests = seen.requests as f64;
        let at = |part: f64, latencies: &Latencies| latencies.value_at_quantile(part) as f64;
        let measured = &mut self.measured;
        measured.cpu.push(cpu.as_nanos() as f64 / requests);
        measured.requests_per_second.push(requests / seen.time.as_secs_f64());
        measured.p50.push(at(0.5, &seen.latencies));
        measured.p99.push(at(0.99, &seen.latencies));
        measured.latencies.add(&seen.latencies).map_err(io::Error::other)?;
        Ok(())
    }

    /// Counts the system calls of the server a request, in a turn that is not timed.
    fn count_system_calls(&mut self) -> io::Result<()> {
        let mut calls = SystemCalls::of(self.server.id())?;
        let seen = self.load.run(2 * WARM_UP)?;
        self.measured.system_calls.push(calls.count()? as f64 / seen.requests as f64);
        Ok(())
    }
}

/// Each of ours against each peer. Each of ours is meant to be no worse than the best peer.
fn compare(n: usize, measured: &[Measured]) -> Vec<Row> {
    let (ours, peers): (Vec<_>, Vec<_>) = measured.iter().partition(|one| one.is_ours);
    let best_peer = best(&peers, Measured::cpu);
    let mut rows = Vec::new();
    for subject in &ours {
        for peer in &peers {
            let mut row = Row::new("echo", peer.name, n, &subject.cpu, &peer.cpu)
                .subject(subject.name)
                .with("requests_per_second", quantile(&subject.requests_per_second, 0.5))
                .with("peer_requests_per_second", quantile(&peer.requests_per_second, 0.5))
                .with("p50_ns", quantile(&subject.p50, 0.5))
                .with("p99_ns", subject.p99())
                .with("peer_p50_ns", quantile(&peer.p50, 0.5))
                .with("peer_p99_ns", peer.p99())
                .with_some("system_calls_per_request", subject.system_calls())
                .with_some("peer_system_calls_per_request", peer.system_calls());
            if best_peer.is_some_and(|best| best.name == peer.name) {
                row.aim(1.0);
                subject.aims(&peers).for_each(|aim| row.aim_at(aim));
            }
            rows.push(row);
        }
    }
    rows
}

/// The one that needs least.
fn best<'a>(some: &[&'a Measured], of: impl Fn(&Measured) -> f64) -> Option<&'a Measured> {
    some.iter().copied().min_by(|one, other| of(one).total_cmp(&of(other)))
}

impl Measured {
    fn cpu(&self) -> f64 {
        quantile(&self.cpu, 0.5)
    }

    fn p99(&self) -> f64 {
        quantile(&self.p99, 0.5)
    }

    fn system_calls(&self) -> Option<f64> {
        (!self.system_calls.is_empty()).then(|| quantile(&self.system_calls, 0.5))
    }

    /// Aims besides CPU time: the best peer's latency, and the system calls of the best peer that
    /// waits for the kernel in the same way. What the two ways need cannot be compared: a visit to a
    /// ring does the work of many calls.
    fn aims(&self, peers: &[&Self]) -> impl Iterator<Item = Aim> {
        let latency = best(peers, Self::p99).map(|best| {
            let aim = Aim::about("p99 of the latencies", self.p99(), best.p99(), "ns");
            aim.with_spread(spread(&self.p99)).beside(best.name)
        });
        let is_alike = |peer: &&&Self| peer.driver == self.driver && !peer.system_calls.is_empty();
        let alike: Vec<_> = peers.iter().filter(is_alike).copied().collect();
        let calls = |one: &Self| one.system_calls().map(hundredths);
        let best = best(&alike, |peer| calls(peer).unwrap_or(f64::INFINITY));
        let calls = calls(self).zip(best.and_then(calls)).zip(best).map(|((ours, bound), best)| {
            let aim = Aim::about("system calls a request", ours, bound, "");
            aim.with_spread(spread(&self.system_calls)).beside(best.name)
        });
        latency.into_iter().chain(calls)
    }

    fn distribution(&self, n: usize) -> Distribution {
        Distribution::new(self.name, n, |part| self.latencies.value_at_quantile(part) as f64)
    }
}

fn print(n: usize, measured: &[Measured]) {
    let headings = ["echo", "n", "CPU µs", "spread", "requests/s", "p50 µs", "p99 µs", "syscalls"];
    let mut lines = vec![headings.map(str::to_owned)];
    let mut sorted: Vec<_> = measured.iter().collect();
    sorted.sort_by(|one, other| one.cpu().total_cmp(&other.cpu()));
    for one in sorted {
        lines.push([
            one.name.to_owned(),
            n.to_string(),
            format!("{:.2}", one.cpu() / 1e3),
            table::percent(spread(&one.cpu)),
            thousands(quantile(&one.requests_per_second, 0.5)),
            format!("{:.1}", quantile(&one.p50, 0.5) / 1e3),
            format!("{:.1}", quantile(&one.p99, 0.5) / 1e3),
            one.system_calls().map_or_else(|| "-".to_owned(), |calls| format!("{calls:.2}")),
        ]);
    }
    table::print(&lines, [true, false, false, false, false, false, false, false]);
    println!();
}

/// The load has a descriptor for each connection to each server.
fn raise_limit_of_files() -> io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
