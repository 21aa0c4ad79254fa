//! corosensei: coroutines in a `Vec`, resumed one after the other.

use ::corosensei::stack::{DefaultStack, Stack};
use ::corosensei::{Coroutine, CoroutineResult};

use super::{SMALL_STACK_SIZE, SOME, STACK_SIZE};
use crate::bodies::{self, World};
use crate::contender::Turns;
use crate::unguarded;

pub(super) fn run(n: usize, turns: &Turns) {
    if n <= SOME {
        let guarded = |_| DefaultStack::new(STACK_SIZE).expect("memory for a stack");
        measure((0..n).map(guarded), turns);
    } else {
        measure(unguarded::map(n, SMALL_STACK_SIZE).into_iter(), turns);
    }
}

fn measure<S: Stack + 'static>(stacks: impl ExactSizeIterator<Item = S>, turns: &Turns) {
    let (world, n) = (World::new(), stacks.len() as u64);
    let mut coroutines: Vec<_> = stacks
        .zip(bodies::COROSENSEI.iter().cycle())
        .map(|(stack, body)| {
            Coroutine::<(), (), (), S>::with_stack(stack, move |yielder, ()| body(yielder, world))
        })
        .collect();
    turns.serve(n, |laps| {
        world.claim(laps * n);
        for _ in 0..laps {
            for coroutine in &mut coroutines {
                coroutine.resume(());
            }
        }
    });
    world.stop();
    for mut coroutine in coroutines {
        assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())), "a body has ended");
    }
    world.check();
}
