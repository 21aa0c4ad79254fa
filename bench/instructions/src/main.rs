//! Counts the instructions of an operation by valgrind's callgrind, and checks them against a budget.
//!
//! `counted` counts all workloads, prints a line `WORKLOAD INSTRUCTIONS BUDGET` for each, and fails
//! if one needs over five per cent more than its budget. Each number is the difference between a run
//! with many laps and one with fewer, so that starting and ending the program do not count.
//!
//! `counted WORKLOAD LAPS`, which is what runs under valgrind, does one thing so many times.

use std::env;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode};

use barecoro::stack::MappedStack;
use barecoro::sync::{Channel, Mutex};
use barecoro::{Runtime, task};
use corosensei::stack::DefaultStack;

/// A workload.
struct Workload {
    name: &'static str,
    run: fn(laps: u64),
}

const WORKLOADS: [Workload; 7] = [
    Workload { name: "round_trip", run: round_trip },
    Workload { name: "yield", run: |laps| in_tasks(|| yields(laps)) },
    Workload { name: "spawn_join", run: |laps| in_tasks(|| spawns(laps)) },
    Workload { name: "channel_hop", run: |laps| in_tasks(|| hops(laps)) },
    Workload { name: "wake", run: |laps| in_tasks(|| wakes(laps)) },
    Workload { name: "lock", run: |laps| in_tasks(|| locks(laps)) },
    // A peer, and without a budget.
    Workload { name: "round_trip_corosensei", run: round_trip_corosensei },
];

/// How many instructions there may be, by workload.
const BUDGET: &str = include_str!("../../budget.json");

/// How much more than the budget is allowed.
const TOLERANCE: f64 = 1.05;

/// Laps of the shorter run, and how many more the longer has.
const LAPS: u64 = 10_000;

static RUNTIME: Runtime<16> = Runtime::new();

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let checked = match &arguments[..] {
        [] => check(),
        [name, laps] => {
            let workload = WORKLOADS.iter().find(|workload| workload.name == name);
            let (Some(workload), Ok(laps)) = (workload, laps.parse()) else {
                return ExitCode::from(2);
            };
            (workload.run)(laps);
            Ok(true)
        }
        _ => return ExitCode::from(2),
    };
    match checked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts all. Returns whether all keep to their budgets.
fn check() -> io::Result<bool> {
    let mut all_keep = true;
    for workload in &WORKLOADS {
        let counted = count(workload.name)?;
        let Some(allowed) = budget(workload.name) else {
            writeln!(io::stdout(), "{} {counted:.1}", workload.name)?;
            continue;
        };
        writeln!(io::stdout(), "{} {counted:.1} {allowed}", workload.name)?;
        if counted > allowed * TOLERANCE {
            all_keep = false;
            eprintln!(
                "{}: {counted:.1} instructions, and bench/budget.json allows {allowed} and five per cent",
                workload.name
            );
        }
    }
    Ok(all_keep)
}

/// What the file says of a workload: it has a line for each, with a name and a number.
fn budget(workload: &str) -> Option<f64> {
    BUDGET.lines().find_map(|line| {
        let (name, number) = line.trim().split_once(':')?;
        let number = number.trim().trim_end_matches(',').parse().ok()?;
        (name.trim_matches('"') == workload).then_some(number)
    })
}

/// Instructions a lap.
fn count(workload: &str) -> io::Result<f64> {
    let program = env::current_exe()?;
    let counted = |laps: u64| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let output = valgrind.arg(&program).args([workload, &laps.to_string()]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find_map(|line| line.split_once("Collected :"));
        line.and_then(|(_, number)| number.trim().parse::<f64>().ok())
            .ok_or_else(|| io::Error::other(format!("valgrind did not count {workload}: {said}")))
    };
    Ok((counted(2 * LAPS)? - counted(LAPS)?) / LAPS as f64)
}

/// For barecoro and corosensei, whose coroutines are alike.
macro_rules! round_trip {
    ($name:ident, $library:ident, $stack:ident, $new:ident) => {
        fn $name(laps: u64) {
            use $library::{Coroutine, CoroutineResult};

            let stack = $stack::new(64 * 1024).expect("memory for a stack");
            let mut coroutine = Coroutine::<u64, u64, (), _>::$new(stack, |yielder, mut value| {
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
    };
}

round_trip!(round_trip, barecoro, MappedStack, new);
round_trip!(round_trip_corosensei, corosensei, DefaultStack, with_stack);

fn in_tasks(workload: impl FnOnce()) {
    let ran = RUNTIME.run(workload);
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
}

/// So many yields in all.
fn yields(laps: u64) {
    const TASKS: usize = 10;
    let tasks: [_; TASKS] = std::array::from_fn(|_| {
        task::spawn(move || {
            for _ in 0..laps / TASKS as u64 {
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

/// So many hops, there and back.
fn hops(laps: u64) {
    static THERE: Channel<u64, 1> = Channel::new();
    static BACK: Channel<u64, 1> = Channel::new();
    let other = task::spawn(move || {
        for _ in 0..laps / 2 {
            BACK.send(THERE.recv().expect("a value")).expect("an open channel");
        }
    });
    let other = other.expect("a free slot");
    for lap in 0..laps / 2 {
        THERE.send(lap).expect("an open channel");
        assert_eq!(BACK.recv(), Ok(lap));
    }
    assert!(other.join().is_ok(), "the other task ends");
}

/// So many wake-ups, by turns.
fn wakes(laps: u64) {
    let first = task::current();
    let other = task::spawn(move || {
        for _ in 0..laps / 2 {
            task::park().expect("nobody cancels");
            first.unpark();
        }
    });
    let other = other.expect("a free slot");
    for _ in 0..laps / 2 {
        other.task().unpark();
        task::park().expect("nobody cancels");
    }
    assert!(other.join().is_ok(), "the other task ends");
}

fn locks(laps: u64) {
    let mutex = Mutex::new(0);
    for _ in 0..laps {
        *black_box(&mutex).lock().expect("nobody cancels") += 1;
    }
    black_box(mutex.into_inner());
}
