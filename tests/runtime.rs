//! Running: one after another, within and beside each other, and leaving nothing behind.

mod support;

use core::cell::Cell;
use std::sync::mpsc;

use barecoro::task::{self, SpawnError};
use barecoro::{Errno, RunError, Runtime};
use support::Drops;

#[test]
fn run_returns_what_the_closure_returns() {
    static R: Runtime<1> = Runtime::new();
    assert_eq!(R.run(|| 42).unwrap(), 42);
    assert_eq!(R.run(|| [7_u64; 100]).unwrap(), [7; 100]);
    assert_eq!(R.run(|| Err::<(), _>("not ours")).unwrap(), Err("not ours"));
}

#[test]
fn the_closure_may_borrow() {
    static R: Runtime<2> = Runtime::new();
    let (text, mut length) = (String::from("borrowed"), 0);
    let slice = R
        .run(|| {
            length = text.len();
            task::yield_now();
            &text[..3]
        })
        .unwrap();
    assert_eq!((slice, length), ("bor", 8));
}

#[test]
fn it_runs_again_and_on_other_threads() {
    static R: Runtime<2> = Runtime::new();
    for round in 0..10 {
        let run = move || R.run(|| task::spawn(move || round).unwrap().join().unwrap()).unwrap();
        assert_eq!(run(), round);
        assert_eq!(std::thread::spawn(run).join().unwrap(), round);
    }
}

#[test]
fn a_task_cannot_run_a_runtime() {
    static R: Runtime<2> = Runtime::new();
    static OTHER: Runtime<2> = Runtime::new();
    let drops = Drops::new();
    R.run(|| {
        for runtime in [&R, &OTHER] {
            let token = drops.token();
            let error = runtime.run(move || drop(token)).unwrap_err();
            let text = error.to_string();
            assert_eq!(text, "run was called in a task: spawn a task, or use another OS thread");
            assert_eq!(format!("{error:?}"), "Nested(..)");
            let RunError::Nested(closure) = error else { panic!("{error:?}") };
            let before = drops.count();
            closure();
            assert_eq!(drops.count(), before + 1, "it came back whole");
        }
        // Nor has it confused the task that tried.
        task::spawn(|| ()).unwrap().join().unwrap();
    })
    .unwrap();
    OTHER.run(|| ()).unwrap();
    assert_eq!(Errno::from(RunError::Nested(())), Errno::DEADLK);
}

#[test]
fn two_threads_cannot_run_one_runtime() {
    static R: Runtime<2> = Runtime::new();
    let drops = Drops::new();
    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        R.run(|| {
            inside.send(()).unwrap();
            may_leave.recv().unwrap();
        })
        .unwrap();
    });
    is_inside.recv().unwrap();
    let token = drops.token();
    let error = R.run(move || drop(token)).unwrap_err();
    assert_eq!(error.to_string(), "another thread runs this runtime: give each thread its own");
    let RunError::Running(closure) = error else { panic!("{error:?}") };
    assert_eq!(drops.count(), 0);
    assert_eq!(format!("{R:?}"), "Runtime { slots: 2, running: true, .. }");
    leave.send(()).unwrap();
    other.join().unwrap();
    R.run(closure).unwrap();
    assert_eq!(drops.count(), 1);
}

#[test]
fn runtimes_on_several_threads_do_not_meet() {
    static ONE: Runtime<4> = Runtime::new();
    static TWO: Runtime<4> = Runtime::new();
    static THREE: Runtime<4> = Runtime::new();
    let threads = [&ONE, &TWO, &THREE].map(|runtime| {
        std::thread::spawn(move || {
            runtime
                .run(|| {
                    let mut last = 1;
                    for _ in 0..2000 {
                        let task = task::spawn(|| task::current().id().get()).unwrap();
                        task::yield_now();
                        let id = task.join().unwrap();
                        assert_eq!(id, last + 1, "each runtime counts for itself");
                        last = id;
                    }
                })
                .unwrap();
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_runtime_of_one_slot_has_its_first_task() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        for _ in 0..300 {
            task::yield_now();
        }
        assert!(matches!(task::spawn(|| ()), Err(SpawnError::Full(_))));
        task::current().unpark();
        task::park().unwrap();
    })
    .unwrap();
}

#[test]
fn all_slots_can_be_used_at_once() {
    static R: Runtime<5000> = Runtime::new();
    let ended = Cell::new(0);
    R.builder()
        .stack_size(16 * 1024)
        .run(|| {
            task::scope(|s| {
                let ended = &ended;
                for _ in 1..5000 {
                    s.spawn(move || {
                        task::yield_now();
                        ended.set(ended.get() + 1);
                        Ok(())
                    })
                    .unwrap();
                }
                assert!(matches!(s.spawn(|| Ok(())), Err(SpawnError::Full(_))));
                Ok::<_, ()>(())
            })
            .unwrap();
        })
        .unwrap();
    assert_eq!(ended.get(), 4999);
}

#[test]
fn a_million_slots_cost_nothing_until_used() {
    support::in_child("a_million_slots_cost_nothing_until_used", || {
        static R: Runtime<1_000_000> = Runtime::new();
        // The first run of a smaller one touches what is the same for all.
        static SMALL: Runtime<2> = Runtime::new();
        let run = |runtime_resident: &mut usize| *runtime_resident = support::resident_pages();
        let (mut before, mut within) = (0, 0);
        SMALL.run(|| run(&mut before)).unwrap();
        let sum = R.run(|| {
            run(&mut within);
            task::spawn(|| 20).unwrap().join().unwrap() + 22
        });
        assert_eq!(sum.unwrap(), 42);
        // 192 MB of slots and 69 GB of stacks, of which a MiB at most was touched.
        assert!(within < before + 256, "{before} {within}");
        assert!(support::resident_pages() < before + 256);
    })
    .well();
}

/// The original lost a page with every stack, and after 6,551 rounds it could not go on.
#[test]
fn nothing_is_left_after_many_rounds() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    support::in_child("nothing_is_left_after_many_rounds", || {
        static R: Runtime<8> = Runtime::new();
        let round = |number: usize| {
            let sum = R.run(|| {
                let tasks = [1, 2, 3].map(|add| task::spawn(move || number + add).unwrap());
                tasks.into_iter().map(|task| task.join().unwrap()).sum::<usize>()
            });
            assert_eq!(sum.unwrap(), 3 * number + 6);
        };
        (0..100).for_each(round);
        let before = (support::mappings(), support::resident_pages());
        (0..ROUNDS).for_each(round);
        let after = (support::mappings(), support::resident_pages());
        assert_eq!(after.0, before.0);
        // A page a round would be thousands; the allocator may move by a few.
        assert!(after.1 <= before.1 + 16, "{before:?} {after:?}");
    })
    .well();
}

#[test]
fn nothing_is_left_of_large_stacks_and_many_tasks() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 100 } else { 500 };
    support::in_child("nothing_is_left_of_large_stacks_and_many_tasks", || {
        static R: Runtime<100> = Runtime::new();
        let round = || {
            R.run(|| {
                for number in 0..99 {
                    let size = if number % 10 == 0 { 1 << 20 } else { 0 };
                    let task = task::Builder::new().stack_size(size).spawn(move || number).unwrap();
                    // Left to run on, forgotten, or joined.
                    match number % 3 {
                        0 => drop(task),
                        1 => core::mem::forget(task),
                        _ => assert_eq!(task.join().unwrap(), number),
                    }
                }
            })
            .unwrap();
        };
        (0..10).for_each(|_| round());
        let before = (support::mappings(), support::resident_pages());
        (0..ROUNDS).for_each(|_| round());
        let after = (support::mappings(), support::resident_pages());
        assert_eq!(after.0, before.0);
        assert!(after.1 <= before.1 + 16, "{before:?} {after:?}");
    })
    .well();
}

#[test]
fn stacks_that_cannot_be_had_are_an_error() {
    static OTHER: Runtime<1> = Runtime::new();
    static R: Runtime<1000> = Runtime::new();
    let drops = Drops::new();
    for size in [usize::MAX, usize::MAX / 2, 1 << 50] {
        let runtime = R.builder().stack_size(size);
        let token = drops.token();
        let error = runtime.run(move || drop(token)).unwrap_err();
        let RunError::Stack(closure, _) = error else { panic!("{error:?}") };
        // It was not called, and nothing of the run is left: the thread is not in a task.
        let before = drops.count();
        closure();
        assert_eq!(drops.count(), before + 1);
        OTHER.run(|| ()).unwrap();
        assert!(matches!(runtime.run(|| ()), Err(RunError::Stack(_, _))), "nor is it running");
    }
}

#[test]
fn a_stack_of_any_size_is_at_least_a_page() {
    static R: Runtime<1> = Runtime::new();
    if !cfg!(debug_assertions) {
        // Unoptimised code needs more than that to do anything.
        assert_eq!(R.builder().stack_size(0).run(|| 1).unwrap(), 1);
    }
}

/// Whatever runs on the heap is as good as a static one.
#[test]
fn a_leaked_runtime_runs() {
    let runtime: &'static Runtime<3> = Box::leak(Box::new(Runtime::new()));
    assert_eq!(runtime.run(|| task::spawn(|| 5).unwrap().join().unwrap()).unwrap(), 5);
}

/// So that even a million slots cost nothing in the program's file.
#[test]
fn a_runtime_that_has_never_run_is_zeros() {
    static R: Runtime<1000> = Runtime::new();
    let start = (&raw const R).cast::<u8>();
    #[expect(unsafe_code, reason = "looks at bytes")]
    // SAFETY: they are the static's, and nobody uses it.
    let is_zero = |place| unsafe { start.add(place).read_volatile() } == 0;
    let odd: Vec<_> = (0..size_of_val(&R)).filter(|place| !is_zero(*place)).collect();
    assert!(odd.is_empty(), "not zero: {odd:?}");
}
