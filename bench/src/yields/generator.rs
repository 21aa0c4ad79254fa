//! generator: coroutines in a `Vec`, resumed one after the other.

use super::STACK_SIZE;
use crate::bodies::{self, World};
use crate::contender::Turns;

pub(super) fn run(n: usize, turns: &Turns) {
    let world = World::new();
    let words = STACK_SIZE / size_of::<usize>();
    let bodies = bodies::GENERATOR.iter().cycle().take(n);
    let mut generators: Vec<_> = bodies.map(|body| body(words, world)).collect();
    turns.serve(n as u64, |laps| {
        world.claim(laps * n as u64);
        for _ in 0..laps {
            for generator in &mut generators {
                generator.resume();
            }
        }
    });
    world.stop();
    for generator in &mut generators {
        generator.resume();
        assert!(generator.is_done(), "a body has ended");
    }
    world.check();
}
