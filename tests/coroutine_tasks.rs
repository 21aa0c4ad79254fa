//! Coroutines in tasks: a stack within a stack, and two ways to leave it.
#![expect(clippy::expect_used, reason = "a test may panic")]

mod support;

use core::cell::RefCell;
use std::rc::Rc;

use barecoro::stack::MappedStack;
use barecoro::{Coroutine, CoroutineResult, Runtime, Yielder, task};
use support::Trace;

fn stack() -> MappedStack {
    MappedStack::new(64 * 1024).expect("memory for a stack")
}

fn counter() -> Coroutine<(), u32, &'static str> {
    Coroutine::new(stack(), |yielder: &Yielder<(), u32>, ()| {
        (0..6).for_each(|number| yielder.suspend(number));
        "end"
    })
}

#[test]
fn each_task_has_its_own() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let tasks = [(); 5].map(|()| {
            task::spawn(|| {
                let mut counter = counter();
                let mut seen = Vec::new();
                for number in counter.iter() {
                    seen.push(number);
                    task::yield_now();
                }
                seen
            })
            .unwrap()
        });
        for task in tasks {
            assert_eq!(task.join().unwrap(), [0, 1, 2, 3, 4, 5]);
        }
    })
    .unwrap();
}

#[test]
fn one_goes_from_task_to_task() {
    static R: Runtime<4> = Runtime::new();
    let shared = Rc::new(RefCell::new(counter()));
    // One step outside of any task, the rest in three of them.
    assert_eq!(shared.borrow_mut().resume(()), CoroutineResult::Yield(0));
    let trace = Trace::new();
    R.run(|| {
        for name in ["a", "b", "c"] {
            let (shared, trace) = (shared.clone(), trace.clone());
            drop(task::spawn(move || {
                for _ in 0..2 {
                    let step = shared.borrow_mut().resume(());
                    trace.note((name, step));
                    task::yield_now();
                }
            }));
        }
    })
    .unwrap();
    let expected = [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5)]
        .map(|(name, number)| (name, CoroutineResult::Yield(number)));
    let seen = trace.take();
    assert_eq!(seen.split_last(), Some((&("c", CoroutineResult::Return("end")), &expected[..])));
}

/// The whole task waits, with the coroutine's stack in the middle, and goes on there.
#[test]
fn a_task_waits_in_a_coroutine() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        let other_noted = noted.clone();
        let other = task::spawn(move || {
            for step in 0..4 {
                other_noted.note(("other", step));
                task::yield_now();
            }
            "from the other"
        })
        .unwrap();
        let within = noted.clone();
        let mut handle = Some(other);
        let own = task::current().id();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), u8>, ()| {
            within.note(("inside", 0));
            task::yield_now();
            within.note(("inside", 1));
            yielder.suspend(1);
            assert_eq!(task::current().id(), own);
            task::yield_now();
            within.note(("inside", 2));
            handle.take().map(|handle| handle.join().unwrap())
        });
        assert_eq!(coroutine.resume(()), CoroutineResult::Yield(1));
        noted.note(("outside", 0));
        task::yield_now();
        assert_eq!(coroutine.resume(()), CoroutineResult::Return(Some("from the other")));
        noted.note(("outside", 1));
    })
    .unwrap();
    let expected = [
        ("inside", 0),
        ("other", 0),
        ("inside", 1),
        ("outside", 0),
        ("other", 1),
        ("other", 2),
        ("inside", 2),
        ("other", 3),
        ("outside", 1),
    ];
    assert_eq!(trace.take(), expected);
}

/// Who waits is the task that resumes it now, not the one that did before.
#[test]
fn one_waits_in_two_tasks_in_turn() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let mut waiter = Coroutine::new(stack(), |yielder: &Yielder<(), _>, ()| {
            loop {
                task::park().unwrap();
                yielder.suspend(task::current().id());
            }
        });
        for _ in 0..3 {
            let task = task::spawn(move || {
                let id = waiter.resume(()).as_yield();
                assert_eq!(id, Some(task::current().id()));
                waiter
            })
            .unwrap();
            task::yield_now();
            assert!(!task.is_finished());
            task.task().unpark();
            waiter = task.join().unwrap();
        }
        task::current().unpark();
        assert_eq!(waiter.resume(()).as_yield(), Some(task::current().id()));
    })
    .unwrap();
}

#[cfg(feature = "time")]
#[test]
fn a_task_sleeps_in_a_coroutine() {
    use barecoro::time::{self, Duration, Instant};
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let sleepers = [(); 3].map(|()| {
            task::spawn(|| {
                let start = Instant::now();
                let mut naps = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
                    for _ in 0..3 {
                        time::sleep(Duration::from_millis(2)).unwrap();
                        yielder.suspend(());
                    }
                });
                assert_eq!(naps.iter().count(), 3);
                start.elapsed()
            })
            .unwrap()
        });
        for sleeper in sleepers {
            assert!(sleeper.join().unwrap() >= Duration::from_millis(6));
        }
    })
    .unwrap();
}

#[test]
fn a_run_may_be_inside_a_coroutine() {
    static R: Runtime<4> = Runtime::new();
    let mut runs = Coroutine::new(stack(), |yielder: &Yielder<u32, u32>, first| {
        let mut input = first;
        loop {
            let doubled = R.run(|| task::spawn(move || 2 * input).unwrap().join().unwrap());
            input = yielder.suspend(doubled.unwrap());
        }
    });
    for number in 0..10 {
        assert_eq!(runs.resume(number), CoroutineResult::<_, ()>::Yield(2 * number));
    }
    // What it waits for now never comes; it is as good as forgotten.
    drop(runs);
}

#[test]
fn one_outlives_its_run_and_goes_on_in_another() {
    static FIRST: Runtime<2> = Runtime::new();
    static SECOND: Runtime<2> = Runtime::new();
    let mut yields = Coroutine::new(stack(), |yielder: &Yielder<bool, u32>, first| {
        let mut in_a_task = first;
        for number in 0.. {
            if in_a_task {
                task::yield_now();
            }
            in_a_task = yielder.suspend(number);
        }
    });
    for number in 0..5 {
        let runtime = if number % 2 == 0 { &FIRST } else { &SECOND };
        let inside = runtime.run(|| yields.resume(true)).unwrap();
        assert_eq!(inside, CoroutineResult::Yield(2 * number));
        assert_eq!(yields.resume(false), CoroutineResult::Yield(2 * number + 1));
    }
}

/// A scope in a coroutine that is suspended in the middle of it: the tasks go on meanwhile, and
/// whoever resumes the coroutine waits for them.
#[test]
fn a_scope_stays_open_while_its_coroutine_is_suspended() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let mut scoped = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
            let text = String::from("borrowed from the coroutine");
            let lengths = RefCell::new(Vec::new());
            task::scope(|s| {
                for repeat in 1..3 {
                    let (text, lengths) = (&text, &lengths);
                    s.spawn(move || {
                        (0..3).for_each(|_| task::yield_now());
                        lengths.borrow_mut().push(text.len() * repeat);
                        Ok(())
                    })
                    .unwrap();
                }
                yielder.suspend(());
                Ok::<_, ()>(())
            })
            .unwrap();
            lengths.into_inner()
        });
        assert_eq!(scoped.resume(()), CoroutineResult::Yield(()));
        task::yield_now();
        assert_eq!(scoped.resume(()), CoroutineResult::Return(vec![27, 54]));
    })
    .unwrap();
}

/// The same, but nobody resumes it: what the tasks borrow must stay all the same.
#[test]
fn a_scope_in_a_dropped_coroutine_keeps_what_its_tasks_borrow() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        let mut scoped = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            let text = String::from("borrowed from the coroutine");
            task::scope(|s| {
                let (text, noted) = (&text, &noted);
                drop(s.spawn(move || {
                    (0..3).for_each(|_| task::yield_now());
                    noted.note(text.clone());
                    Ok(())
                }));
                yielder.suspend(());
                Ok::<_, ()>(())
            })
        });
        assert_eq!(scoped.resume(()), CoroutineResult::Yield(()));
        drop(scoped);
    })
    .unwrap();
    assert_eq!(trace.take(), ["borrowed from the coroutine"]);
}
