//! The libraries with futures: tasks that await a yield.

use std::time::Instant;

use futures_lite::future::yield_now;

use crate::bodies::{self, Scratch, World, each};
use crate::contender::{Turns, warm_up};
use crate::libraries;

/// Whether the tasks of a library take turns when they yield.
#[derive(Clone, Copy, PartialEq)]
enum Yields {
    ToAll,
    /// The task that yields runs again.
    ToItself,
}

/// A function that runs the workload in a library.
macro_rules! workload {
    ($library:ident, $yield_now:expr, $yields:expr) => {
        pub(super) fn $library(n: usize, turns: Turns) {
            fn body<const K: u64>(world: &'static World) {
                libraries::$library::start(bodies::future::<K, _>(world, $yield_now));
            }
            const BODIES: [fn(&'static World); 16] = each!(body);

            let world = World::new();
            libraries::$library::run(async move {
                for body in BODIES.iter().cycle().skip(1).take(n - 1) {
                    body(world);
                }
                measure(n, turns, world, $yield_now, $yields).await;
            });
        }
    };
}

workload!(tokio, ::tokio::task::yield_now, Yields::ToAll);
workload!(smol, yield_now, Yields::ToAll);
workload!(compio, yield_now, Yields::ToAll);
workload!(glommio, yield_now, Yields::ToAll);
workload!(monoio, yield_now, Yields::ToItself);
workload!(embassy, yield_now, Yields::ToAll);
workload!(embassy_polled, yield_now, Yields::ToAll);

/// The task that measures.
async fn measure<Y: Future<Output = ()>>(
    n: usize,
    turns: Turns,
    world: &'static World,
    yield_now: impl Fn() -> Y,
    yields: Yields,
) {
    let switches = if yields == Yields::ToAll { n as u64 } else { 1 };
    let (mut scratch, mut turn) = (Scratch::<0>::new(), 0);
    while let Some(laps) = turns.next() {
        for _ in 0..warm_up(laps) {
            scratch.step(turn);
            turn += 1;
            yield_now().await;
        }
        let start = Instant::now();
        for _ in 0..laps {
            scratch.step(turn);
            turn += 1;
            yield_now().await;
        }
        turns.answer(start, laps * switches);
    }
    world.claim(turn * (n as u64 - 1));
    world.stop();
    if yields == Yields::ToItself {
        assert!(world.fairness() < 0.5, "who yields to itself lets few others run");
        return; // the others would be waited for in vain
    }
    while !world.has_ended(n - 1) {
        yield_now().await;
    }
    world.check();
    // Its own turns are as many as it claims.
    turns.correct((1.0 + (n as f64 - 1.0) * world.fairness()) / n as f64);
}
