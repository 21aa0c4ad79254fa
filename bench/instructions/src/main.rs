//! Does one thing so many times: `counted WORKLOAD LAPS`.

use std::hint::black_box;
use std::process::ExitCode;

use barecoro::stack::MappedStack;
use barecoro::{Runtime, task};

/// Tasks of `yield`.
const TASKS: u64 = 10;

static RUNTIME: Runtime<16> = Runtime::new();

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let workload = arguments.next();
    let Some(laps) = arguments.next().and_then(|laps| laps.parse().ok()) else {
        return ExitCode::from(2);
    };
    match workload.as_deref() {
        Some("round_trip") => round_trip(laps),
        Some("round_trip_corosensei") => round_trip_corosensei(laps),
        Some("yield") => in_tasks(|| yields(laps)),
        Some("spawn_join") => in_tasks(|| spawns(laps)),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn round_trip(laps: u64) {
    use barecoro::{Coroutine, CoroutineResult};

    let stack = MappedStack::new(64 * 1024).expect("memory for a stack");
    let mut coroutine = Coroutine::<u64, u64, (), _>::new(stack, |yielder, mut value| {
        loop {
            value = yielder.suspend(value + 1);
        }
    });
    let mut value = 0;
    for _ in 0..laps {
        match coroutine.resume(value) {
            CoroutineResult::Yield(next) => value = next,
            CoroutineResult::Return(()) => unreachable!("the loop does not end"),
        }
    }
    black_box(value);
    std::mem::forget(coroutine); // suspended for ever
}

fn round_trip_corosensei(laps: u64) {
    use corosensei::stack::DefaultStack;
    use corosensei::{Coroutine, CoroutineResult};

    let stack = DefaultStack::new(64 * 1024).expect("memory for a stack");
    let mut coroutine = Coroutine::<u64, u64, (), _>::with_stack(stack, |yielder, mut value| {
        loop {
            value = yielder.suspend(value + 1);
        }
    });
    let mut value = 0;
    for _ in 0..laps {
        match coroutine.resume(value) {
            CoroutineResult::Yield(next) => value = next,
            CoroutineResult::Return(()) => unreachable!("the loop does not end"),
        }
    }
    black_box(value);
    std::mem::forget(coroutine); // suspended for ever
}

fn in_tasks(workload: impl FnOnce()) {
    let ran = RUNTIME.run(workload);
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
}

/// So many yields in all.
fn yields(laps: u64) {
    let tasks: [_; TASKS as usize] = std::array::from_fn(|_| {
        task::spawn(move || {
            for _ in 0..laps / TASKS {
                task::yield_now();
            }
        })
        .expect("a free slot")
    });
    for task in tasks {
        assert!(task.join().is_ok(), "a task ends");
    }
}

fn spawns(laps: u64) {
    for lap in 0..laps {
        black_box(task::spawn(move || lap).expect("a free slot").join().expect("its result"));
    }
}
