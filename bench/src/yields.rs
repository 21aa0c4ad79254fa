//! Many tasks that all yield: what a switch from one task to the next costs.
//!
//! N tasks of sixteen kinds (see `bodies`) take turns. In barecoro and tokio the N-th is the loop
//! that measures, which does what body 0 does. In corosensei, which has no scheduler, a loop
//! resumes N coroutines in a `Vec` one after the other: a switch there is a resume and a suspend,
//! and finding the next coroutine costs nothing but going on in the `Vec`.
//!
//! tokio runs without its I/O and time drivers, which leaves it nothing to look at between
//! batches of tasks; most programs enable them and pay more.
//!
//! It shows the cost of switching among tasks that do next to nothing, in the order in which they
//! and their stacks lie in memory; with 100,000 this is mostly the cost of cache misses, which a
//! processor's prefetchers soften in that order. It does not show tasks with deep stacks, or woken
//! in random order.

use std::time::Instant;

use barecoro::{Runtime, RuntimeBuilder, task};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};

use crate::bodies::{self, Scratch, World};
use crate::contender::{Contender, Turns, warm_up};
use crate::report::Row;
use crate::rounds::{self, Effort};
use crate::unguarded;

const FEW: usize = 10;
const SOME: usize = 1_000;
const MANY: usize = 100_000;

const STACK_SIZE: usize = 64 * 1024;
/// For a hundred thousand.
const SMALL_STACK_SIZE: usize = 16 * 1024;

static FEW_TASKS: Runtime<16> = Runtime::new();
static SOME_TASKS: Runtime<1_016> = Runtime::new();
static MANY_TASKS: Runtime<100_016> = Runtime::new();

/// All sizes against both peers.
pub fn run(effort: &Effort) -> Vec<Row> {
    let few = compare(
        effort,
        FEW,
        |turns| {
            coroutines((0..FEW).map(|_| guarded_stack()), &turns);
        },
        |turns| barecoro(FEW_TASKS.builder().stack_size(STACK_SIZE), FEW, &turns),
    );
    let some = compare(
        effort,
        SOME,
        |turns| {
            coroutines((0..SOME).map(|_| guarded_stack()), &turns);
        },
        |turns| barecoro(SOME_TASKS.builder().stack_size(STACK_SIZE), SOME, &turns),
    );
    let many = compare(
        effort,
        MANY,
        |turns| {
            coroutines(unguarded::map(MANY, SMALL_STACK_SIZE).into_iter(), &turns);
        },
        |turns| barecoro(MANY_TASKS.builder().stack_size(SMALL_STACK_SIZE), MANY, &turns),
    );
    let [few_corosensei, few_tokio] = few;
    let [some_corosensei, some_tokio] = some;
    let [many_corosensei, many_tokio] = many;
    vec![
        few_corosensei,
        few_tokio.aim(0.15),
        some_corosensei.aim(1.0),
        some_tokio.aim(0.15),
        many_corosensei.aim(1.0),
        many_tokio.aim(0.5),
    ]
}

/// A row against corosensei and one against tokio.
fn compare(
    effort: &Effort,
    n: usize,
    corosensei: impl FnOnce(Turns) + Send + 'static,
    barecoro: impl FnOnce(Turns) + Send + 'static,
) -> [Row; 2] {
    let contenders = [
        Contender::start(barecoro),
        Contender::start(corosensei),
        Contender::start(move |turns| tokio(n, turns)),
    ];
    let times = rounds::run(effort, &format!("yield, n = {n}"), &contenders);
    [
        Row::new("yield", "corosensei", n, &times[0], &times[1]),
        Row::new("yield", "tokio", n, &times[0], &times[2]),
    ]
}

fn barecoro<const SLOTS: usize>(runtime: RuntimeBuilder<SLOTS>, n: usize, turns: &Turns) {
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

fn guarded_stack() -> DefaultStack {
    DefaultStack::new(STACK_SIZE).expect("memory for a stack")
}

fn coroutines<S>(stacks: impl ExactSizeIterator<Item = S>, turns: &Turns)
where
    S: corosensei::stack::Stack + 'static,
{
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

fn tokio(n: usize, turns: Turns) {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let bodies = bodies::TOKIO.iter().cycle().skip(1).take(n - 1);
        let mut tasks: Vec<_> = bodies.map(|spawn| spawn(world)).collect();
        tasks.push(tokio::spawn(measure_in_tokio(n as u64, turns, world)));
        for task in tasks {
            task.await.expect("a body does not panic");
        }
    });
    world.check();
}

/// The task that measures. It is a task like the others: what is passed to `block_on` is polled
/// out of turn.
async fn measure_in_tokio(n: u64, turns: Turns, world: &'static World) {
    let (mut scratch, mut turn) = (Scratch::<0>::new(), 0);
    while let Some(laps) = turns.next() {
        for _ in 0..warm_up(laps) {
            scratch.step(turn);
            turn += 1;
            tokio::task::yield_now().await;
        }
        let start = Instant::now();
        for _ in 0..laps {
            scratch.step(turn);
            turn += 1;
            tokio::task::yield_now().await;
        }
        turns.answer(start, laps * n);
    }
    world.claim(turn * (n - 1));
    world.stop();
}
