//! The libraries with futures.

use std::array;
use std::hint::black_box;
use std::time::Instant;

use super::BATCH;
use crate::contender::{Turns, warm_up};
use crate::libraries;

/// A function that runs the workload in a library.
macro_rules! workload {
    ($($library:ident),*) => {$(
        pub(super) fn $library(n: u64, turns: Turns) {
            let spawn = |number| libraries::$library::spawn(async move { number });
            libraries::$library::run(measure(n, turns, spawn));
        }
    )*};
}

workload!(tokio, smol, compio, monoio, glommio);

/// The task that measures.
async fn measure<H: Future<Output = u64>>(n: u64, turns: Turns, spawn: impl Fn(u64) -> H) {
    while let Some(laps) = turns.next() {
        for _ in 0..warm_up(laps) {
            lap(n, &spawn).await;
        }
        let start = Instant::now();
        for _ in 0..laps {
            lap(n, &spawn).await;
        }
        turns.answer(start, laps * BATCH);
    }
}

/// A hundred tasks: `n` at a time.
async fn lap<H: Future<Output = u64>>(n: u64, spawn: &impl Fn(u64) -> H) {
    let mut sum = 0;
    if n == 1 {
        for number in 0..BATCH {
            sum += spawn(black_box(number)).await;
        }
    } else {
        let tasks: [H; BATCH as usize] = array::from_fn(|number| spawn(black_box(number as u64)));
        for task in tasks {
            sum += task.await;
        }
    }
    black_box(sum);
}
