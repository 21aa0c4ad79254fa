//! may, with one worker: coroutines that call `yield_now`. The worker takes from its queue what was
//! put there last, so that the coroutine that yields runs again.

use crate::bodies::{self, Scratch, World};
use crate::contender::Turns;

pub(super) fn run(n: usize, turns: Turns) {
    may::config().set_workers(1);
    // All by one coroutine: while others yield, the worker looks at nothing that comes from outside.
    may::go!(move || {
        let world = World::new();
        let bodies = bodies::MAY.iter().cycle().skip(1).take(n - 1);
        let tasks: Vec<_> = bodies.map(|body| may::go!(move || body(world))).collect();
        measure(n as u64, &turns, world); // one switch a lap
        for task in tasks {
            task.join().expect("no panic");
        }
        assert!(world.fairness() < 0.5, "who yields to itself lets few others run");
    })
    .join()
    .expect("no panic");
}

fn measure(n: u64, turns: &Turns, world: &'static World) {
    let (mut scratch, mut turn) = (Scratch::<0>::new(), 0);
    turns.serve(1, |laps| {
        for _ in 0..laps {
            scratch.step(turn);
            turn += 1;
            may::coroutine::yield_now();
        }
    });
    world.claim(turn * (n - 1));
    world.stop();
}
