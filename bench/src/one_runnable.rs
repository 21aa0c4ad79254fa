//! One task that yields while all others are parked, among ten and among a hundred thousand.
//!
//! It shows that finding the next task does not look at those that cannot run. It does not show a
//! switch: nobody else is ready, so `yield_now` returns at once, but for one visit to the
//! scheduler's own stack in 129. The scheme that barecoro started from looks at every slot.

use barecoro::{Runtime, task};

use crate::contender::{Contender, Turns};
use crate::foreign;
use crate::report::{self, Row};
use crate::rounds::{self, Effort};

/// Yields a lap.
const LAP: u64 = 1000;

const FEW: usize = 10;
const MANY: usize = 100_000;

static FEW_TASKS: Runtime<16> = Runtime::new();
static MANY_TASKS: Runtime<100_016> = Runtime::new();

/// Compares the two numbers of tasks, and the scheme that barecoro started from.
pub fn run(effort: &Effort) -> Vec<Row> {
    report::skip(
        "one_runnable",
        "all peers",
        "it is about the scheme that looks at who cannot run",
    );
    let mut contenders = vec![
        Contender::start(|turns| workload(&FEW_TASKS, FEW, &turns)),
        Contender::start(|turns| workload(&MANY_TASKS, MANY, &turns)),
    ];
    for n in [FEW, MANY] {
        match foreign::contender(foreign::ORIGINAL, &["one_runnable", &n.to_string()]) {
            Ok(original) => contenders.push(original),
            Err(why) => report::skip("one_runnable", foreign::THE_ORIGINAL, &why),
        }
    }
    let times = rounds::run(effort, "one_runnable", &contenders);
    let row = |peer, n, of_n, theirs: &[f64]| Row::new("one_runnable", peer, n, of_n, theirs);
    let (few, many) = (&times[0], &times[1]);
    let mut rows = vec![row(ITSELF, MANY, many, few)];
    rows[0].aim(1.2);
    if let [_, _, original_few, original_many] = &times[..] {
        rows.push(row(foreign::THE_ORIGINAL, FEW, few, original_few));
        rows.push(row(foreign::THE_ORIGINAL, MANY, many, original_many));
    }
    rows
}

/// What the rows call the smaller number of tasks.
const ITSELF: &str = "self at n=10";

fn workload<const SLOTS: usize>(runtime: &'static Runtime<SLOTS>, n: usize, turns: &Turns) {
    let ran = runtime.builder().stack_size(16 * 1024).run(|| {
        let parked: Vec<_> = (1..n)
            .map(|_| task::spawn(|| task::park().is_ok()).expect("a slot for each task"))
            .collect();
        task::yield_now(); // all park
        assert!(parked.iter().all(|task| !task.is_finished()), "all are parked");
        turns.serve(LAP, |laps| {
            for _ in 0..laps * LAP {
                task::yield_now();
            }
        });
        for task in parked {
            task.task().unpark();
            assert!(matches!(task.join(), Ok(true)), "a parked task goes on");
        }
    });
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
}
