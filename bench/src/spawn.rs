//! Starting tasks and waiting for their results.
//!
//! A task spawns others that return a word at once, and joins each, in both libraries. All reuse
//! memory that is warm: barecoro the stacks of the tasks before, tokio what malloc hands out again.
//! tokio has one allocation a task, and runs without its I/O and time drivers.
//!
//! It does not show the first task on a new stack, which costs page faults: some microseconds.

use std::array;
use std::hint::black_box;
use std::time::Instant;

use barecoro::{Runtime, task};

use crate::contender::{Contender, Turns, warm_up};
use crate::report::Row;
use crate::rounds::{self, Effort};

/// Tasks a lap, and in a batch.
const BATCH: u64 = 100;

/// One task at a time: spawn, join, spawn, join.
pub fn one(effort: &Effort) -> Vec<Row> {
    static RUNTIME: Runtime<16> = Runtime::new();
    let times = rounds::run(
        effort,
        "spawn_join",
        &[
            Contender::start(|turns| barecoro(&RUNTIME, &turns, one_in_barecoro)),
            Contender::start(|turns| tokio(turns, one_in_tokio)),
        ],
    );
    vec![Row::new("spawn_join", "tokio", 1, &times[0], &times[1]).aim(0.15)]
}

/// A hundred are spawned, then all are joined.
pub fn batch(effort: &Effort) -> Vec<Row> {
    static RUNTIME: Runtime<128> = Runtime::new();
    let times = rounds::run(
        effort,
        "spawn_join_batch",
        &[
            Contender::start(|turns| barecoro(&RUNTIME, &turns, batch_in_barecoro)),
            Contender::start(|turns| tokio(turns, batch_in_tokio)),
        ],
    );
    vec![Row::new("spawn_join_batch", "tokio", BATCH as usize, &times[0], &times[1])]
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

/// Serves the turns in a task.
fn tokio<L>(turns: Turns, lap: impl Fn() -> L + Send + Sync + 'static)
where
    L: Future<Output = u64> + Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let measure = async move {
        while let Some(laps) = turns.next() {
            for _ in 0..warm_up(laps) {
                black_box(lap().await);
            }
            let start = Instant::now();
            for _ in 0..laps {
                black_box(lap().await);
            }
            turns.answer(start, laps * BATCH);
        }
    };
    runtime.block_on(async { tokio::spawn(measure).await }).expect("no panic");
}

async fn one_in_tokio() -> u64 {
    let mut sum = 0;
    for number in 0..BATCH {
        let number = black_box(number);
        sum += tokio::spawn(async move { number }).await.expect("its result");
    }
    sum
}

async fn batch_in_tokio() -> u64 {
    let tasks: [_; BATCH as usize] = array::from_fn(|number| {
        let number = black_box(number as u64);
        tokio::spawn(async move { number })
    });
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("its result");
    }
    sum
}
