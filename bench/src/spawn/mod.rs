//! Starting tasks and waiting for their results.
//!
//! A task spawns others that return a word at once, and joins each, in all libraries. All reuse
//! memory that is warm: barecoro the stacks of the tasks before, others what malloc hands out again,
//! which is at least one allocation a task.
//!
//! It does not show the first task on a new stack, which costs page faults: some microseconds.

mod futures;

use std::array;
use std::hint::black_box;

use barecoro::{Runtime, task};

use crate::contender::{Contender, Turns};
use crate::foreign;
use crate::report::Row;
use crate::rounds::{self, Effort};

/// Tasks a lap, and in a batch.
const BATCH: u64 = 100;

/// One task at a time: spawn, join, spawn, join.
pub fn one(effort: &Effort) -> Vec<Row> {
    static RUNTIME: Runtime<16> = Runtime::new();
    let ours = Contender::start(|turns| barecoro(&RUNTIME, &turns, one_in_barecoro));
    compare(effort, "spawn_join", 1, ours)
}

/// A hundred are spawned, then all are joined.
pub fn batch(effort: &Effort) -> Vec<Row> {
    static RUNTIME: Runtime<128> = Runtime::new();
    let ours = Contender::start(|turns| barecoro(&RUNTIME, &turns, batch_in_barecoro));
    compare(effort, "spawn_join_batch", BATCH, ours)
}

fn compare(effort: &Effort, name: &'static str, n: u64, ours: Contender) -> Vec<Row> {
    let mut contenders = vec![
        ours,
        Contender::start(move |turns| futures::tokio(n, turns)),
        Contender::start(move |turns| futures::smol(n, turns)),
        Contender::start(move |turns| futures::compio(n, turns)),
        Contender::start(move |turns| futures::monoio(n, turns)),
        Contender::start(move |turns| futures::glommio(n, turns)),
        Contender::start(move |turns| may(n, turns)),
    ];
    let mut peers = vec!["tokio", "smol", "compio", "monoio", "glommio", "may"];
    match foreign::contender(foreign::GO, &[name]) {
        Ok(go) => {
            contenders.push(go);
            peers.push("Go");
        }
        Err(why) => eprintln!("SKIPPED: {name} with Go: {why}"),
    }
    let times = rounds::run(effort, name, &contenders);
    let rows = peers.into_iter().zip(&times[1..]).map(|(peer, theirs)| {
        let row = Row::new(name, peer, n as usize, &times[0], theirs);
        if peer == "tokio" && n == 1 { row.aim(0.15) } else { row }
    });
    rows.collect()
}

/// Serves the turns in the first task.
fn barecoro<const SLOTS: usize>(
    runtime: &'static Runtime<SLOTS>,
    turns: &Turns,
    lap: impl Fn() -> u64,
) {
    let ran = runtime.run(|| {
        turns.serve(BATCH, |laps| {
            for _ in 0..laps {
                black_box(lap());
            }
        });
    });
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
}

#[inline(always)]
fn one_in_barecoro() -> u64 {
    let mut sum = 0;
    for number in 0..BATCH {
        let number = black_box(number);
        sum += task::spawn(move || number).expect("a free slot").join().expect("its result");
    }
    sum
}

#[inline(always)]
fn batch_in_barecoro() -> u64 {
    let tasks: [_; BATCH as usize] = array::from_fn(|number| {
        let number = black_box(number as u64);
        task::spawn(move || number).expect("a free slot")
    });
    tasks.into_iter().map(|task| task.join().expect("its result")).sum()
}

/// Serves the turns in a coroutine of may's one worker.
fn may(n: u64, turns: Turns) {
    may::config().set_workers(1);
    let measure = may::go!(move || {
        turns.serve(BATCH, |laps| {
            for _ in 0..laps * (BATCH / n) {
                let tasks: Vec<_> = (0..n).map(|number| may::go!(move || number)).collect();
                let results = tasks.into_iter().map(|task| task.join().expect("no panic"));
                black_box(results.sum::<u64>());
            }
        });
    });
    measure.join().expect("no panic");
}
