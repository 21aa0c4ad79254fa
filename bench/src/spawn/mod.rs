//! Starting tasks and waiting for their results.
//!
//! A task spawns others that return a word at once, and joins each, in all libraries. All reuse
//! memory that is warm: barecoro the stacks of the tasks before, others what malloc hands out again,
//! which is at least one allocation a task.
//!
//! Labelled cold is barecoro with stacks whose memory was given back to the kernel before: what a
//! task costs when there have never been so many, most of it page faults. The others have nothing
//! that would compare; a future has no stack.
//!
//! embassy has no join: its tasks are statics without a result.

mod futures;

use std::array;
use std::hint::black_box;
use std::time::{Duration, Instant};

use barecoro::{Runtime, task};

use crate::comparison::Comparison;
use crate::contender::{Span, Turns};
use crate::foreign;
use crate::report::{self, Row};
use crate::rounds::Effort;

/// Tasks a lap, and in a batch.
const BATCH: u64 = 100;

/// One task at a time: spawn, join, spawn, join.
pub fn one(effort: &Effort) -> Vec<Row> {
    static WARM: Runtime<16> = Runtime::new();
    static COLD: Runtime<16> = Runtime::new();
    let ours = Comparison::new("spawn_join", 1)
        .subject("barecoro", |turns| warm(&WARM, &turns, one_in_barecoro))
        .subject(COLD_STACKS, |turns| cold::<16, 1>(&COLD, &turns));
    let mut rows = compare(effort, 1, ours);
    if let Some(row) = rows.iter_mut().find(|row| row.peer_name() == "tokio") {
        row.aim(0.15);
    }
    rows
}

/// A hundred are spawned, then all are joined.
pub fn batch(effort: &Effort) -> Vec<Row> {
    static WARM: Runtime<128> = Runtime::new();
    static COLD: Runtime<128> = Runtime::new();
    const N: usize = BATCH as usize;
    let ours = Comparison::new("spawn_join_batch", N)
        .subject("barecoro", |turns| warm(&WARM, &turns, batch_in_barecoro::<N>))
        .subject(COLD_STACKS, |turns| cold::<128, N>(&COLD, &turns));
    compare(effort, BATCH, ours)
}

/// The variant of barecoro whose stacks have no memory yet.
const COLD_STACKS: &str = "barecoro, cold";

fn compare(effort: &Effort, n: u64, comparison: Comparison) -> Vec<Row> {
    let name = comparison.name();
    report::skip(name, "embassy", "a task has no result, and cannot be joined");
    let rows = comparison
        .peer("tokio", move |turns| futures::tokio(n, turns))
        .peer("smol", move |turns| futures::smol(n, turns))
        .peer("compio", move |turns| futures::compio(n, turns))
        .peer("monoio", move |turns| futures::monoio(n, turns))
        .peer("glommio", move |turns| futures::glommio(n, turns))
        .peer(
            "may",
            move |turns| if n == 1 { may::<1>(turns) } else { may::<{ BATCH as usize }>(turns) },
        )
        .foreign("Go", foreign::GO, &[name])
        .run(effort);
    let note = |row: Row| match row.subject_name() {
        COLD_STACKS => row.note("the peer's memory is warm"),
        _ => row,
    };
    rows.into_iter().map(note).collect()
}

/// Serves the turns in the first task.
fn warm<const SLOTS: usize>(
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

/// The same with stacks whose memory is given back before they are used again, `N` at a time. That
/// itself is not timed.
fn cold<const SLOTS: usize, const N: usize>(runtime: &'static Runtime<SLOTS>, turns: &Turns) {
    let ran = runtime.run(|| {
        while let Some(laps) = turns.next() {
            let mut time = Duration::ZERO;
            for _ in 0..laps {
                runtime.trim();
                let start = Instant::now();
                black_box(batch_in_barecoro::<N>());
                time += start.elapsed();
            }
            turns.answer_with(Span { time, operations: laps * N as u64 });
        }
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
fn batch_in_barecoro<const N: usize>() -> u64 {
    let tasks: [_; N] = array::from_fn(|number| {
        let number = black_box(number as u64);
        task::spawn(move || number).expect("a free slot")
    });
    tasks.into_iter().map(|task| task.join().expect("its result")).sum()
}

/// Serves the turns in a coroutine of may's one worker, `N` coroutines at a time.
fn may<const N: usize>(turns: Turns) {
    may::config().set_workers(1);
    let measure = may::go!(move || {
        turns.serve(BATCH, |laps| {
            for _ in 0..laps * (BATCH / N as u64) {
                let tasks: [_; N] = array::from_fn(|number| {
                    let number = black_box(number as u64);
                    may::go!(move || number)
                });
                let results = tasks.into_iter().map(|task| task.join().expect("no panic"));
                black_box(results.sum::<u64>());
            }
        });
    });
    measure.join().expect("no panic");
}
