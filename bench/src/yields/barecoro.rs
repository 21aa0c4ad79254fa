//! barecoro: tasks that call `yield_now`.

use ::barecoro::{Runtime, RuntimeBuilder, task};

use super::{FEW, SMALL_STACK_SIZE, SOME, STACK_SIZE};
use crate::bodies::{self, Scratch, World};
use crate::contender::Turns;

static FEW_TASKS: Runtime<16> = Runtime::new();
static SOME_TASKS: Runtime<1_016> = Runtime::new();
static MANY_TASKS: Runtime<100_016> = Runtime::new();

pub(super) fn run(n: usize, turns: &Turns) {
    match n {
        FEW => measure(FEW_TASKS.builder().stack_size(STACK_SIZE), n, turns),
        SOME => measure(SOME_TASKS.builder().stack_size(STACK_SIZE), n, turns),
        _ => measure(MANY_TASKS.builder().stack_size(SMALL_STACK_SIZE), n, turns),
    }
}

fn measure<const SLOTS: usize>(runtime: RuntimeBuilder<SLOTS>, n: usize, turns: &Turns) {
    let world = World::new();
    let ran = runtime.run(|| {
        for body in bodies::BARECORO.iter().cycle().skip(1).take(n - 1) {
            drop(task::spawn(move || body(world)).expect("a slot for each task"));
        }
        let (mut scratch, mut turn) = (Scratch::<0>::new(), 0);
        turns.serve(n as u64, |laps| {
            for _ in 0..laps {
                scratch.step(turn);
                turn += 1;
                task::yield_now();
            }
        });
        world.claim(turn * (n as u64 - 1));
        world.stop();
    });
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
    world.check();
}
