//! Values that are computed when they are first needed.
#![cfg(feature = "sync")]
#![allow(trivial_casts, reason = "makes a function pointer, where it would not be one by itself")]

mod support;

use std::cell::Cell;

use barecoro::sync::{LazyCell, Notify};
use barecoro::task::{self, Cancelled};
use barecoro::{RunError, Runtime};

use support::{Drops, in_child};

#[test]
fn it_is_computed_once_by_who_comes_first() {
    static R: Runtime<16> = Runtime::new();
    R.run(|| {
        let calls = Cell::new(0);
        let lazy = LazyCell::new(|| {
            calls.set(calls.get() + 1);
            task::yield_now();
            task::current().id()
        });
        task::scope(|s| {
            let tasks = [(); 8].map(|()| s.spawn(|| Ok((task::current().id(), *lazy))).unwrap());
            let got = tasks.map(|task| task.join().unwrap());
            assert!(got.iter().all(|(_, computed)| *computed == got[0].0));
            Ok::<_, Cancelled>(())
        })
        .unwrap();
        assert_eq!(calls.get(), 1);
        assert_eq!(LazyCell::force(&lazy), Ok(&*lazy));
    })
    .unwrap();
}

#[test]
fn a_cancelled_task_is_told_or_shielded() {
    static R: Runtime<8> = Runtime::new();
    static GO: Notify = Notify::new();
    static L: LazyCell<u32> = LazyCell::new(|| {
        GO.wait().unwrap();
        7
    });
    R.run(|| {
        let computing = task::spawn(|| *L).unwrap();
        task::yield_now();
        let asking = task::spawn(|| LazyCell::force(&L).copied()).unwrap();
        let needing = task::spawn(|| (*L, task::cancelled())).unwrap();
        task::yield_now();
        // Who computes is shielded too, as it cannot tell of it either.
        computing.cancel();
        asking.cancel();
        needing.cancel();
        assert_eq!(asking.join().unwrap(), Err(Cancelled));
        assert!(!needing.is_finished());
        GO.notify_one();
        assert_eq!(needing.join().unwrap(), (7, true));
        assert_eq!(computing.join().unwrap(), 7);
        assert_eq!(LazyCell::force(&L), Ok(&7));
    })
    .unwrap();
}

#[test]
fn value_and_function_are_dropped_once() {
    static R: Runtime<1> = Runtime::new();
    let drops = Drops::new();
    R.run(|| {
        let (captured, made) = (drops.token(), drops.clone());
        let lazy = LazyCell::new(move || {
            drop(captured);
            made.token()
        });
        assert_eq!(drops.count(), 0);
        assert!(LazyCell::force(&lazy).is_ok());
        assert_eq!(drops.count(), 1);
        drop(lazy);
        assert_eq!(drops.count(), 2);
        let never = drops.token();
        drop(LazyCell::new(move || never));
        assert_eq!(drops.count(), 3);
    })
    .unwrap();
    let lazy: LazyCell<Vec<u32>> = LazyCell::default();
    assert!(R.run(|| lazy.is_empty()).unwrap());
    assert!(format!("{:?}", LazyCell::new(|| 1).named("one")).contains("one"));
}

#[test]
fn a_function_that_needs_its_own_value_is_told_so() {
    let name = "a_function_that_needs_its_own_value_is_told_so";
    let ended = in_child(name, || {
        static R: Runtime<2> = Runtime::new();
        static L: LazyCell<u32> = LazyCell::new(|| *L + 1);
        let _never = R.run(|| *L);
    });
    let message = "the function that computes the value of a LazyCell needs that value";
    if cfg!(feature = "std") {
        ended.saying(message);
    } else {
        ended.by_panic(message);
    }
}

#[test]
fn values_that_need_each_other_are_a_deadlock() {
    let ended = in_child("values_that_need_each_other_are_a_deadlock", || {
        static R: Runtime<2> = Runtime::new();
        static A: LazyCell<Result<u32, Cancelled>> = LazyCell::new(|| {
            task::yield_now();
            *LazyCell::force(&B)?
        });
        static B: LazyCell<Result<u32, Cancelled>> = LazyCell::new(
            (|| {
                task::yield_now();
                *LazyCell::force(&A)?
            }) as fn() -> _,
        )
        .named("b");
        let result = R.run(|| {
            let other =
                task::spawn(|| assert_eq!(LazyCell::force(&B), Ok(&Err(Cancelled)))).unwrap();
            assert_eq!(LazyCell::force(&A), Ok(&Err(Cancelled)));
            drop(other);
        });
        assert!(matches!(result, Err(RunError::Deadlock)));
    });
    ended.well().saying("a value to be set \"b\"").saying("a value to be set (at tests/lazy.rs:");
}

/// Through `Deref` nothing can be said but by a panic.
#[test]
fn a_deadlock_of_who_computes_is_a_panic_for_who_needs() {
    let ended = in_child("a_deadlock_of_who_computes_is_a_panic_for_who_needs", || {
        static R: Runtime<2> = Runtime::new();
        static NEVER: Notify = Notify::new();
        static L: LazyCell<u32> = LazyCell::new(|| NEVER.wait().map_or(0, |()| 1));
        let _ended = R.run(|| {
            let first = task::spawn(|| *L).unwrap();
            task::yield_now();
            let _second = *L;
            drop(first);
        });
    });
    ended.saying("the task that computes the value of a LazyCell is in a deadlock");
}

/// As with std's: who needs the value from then on panics.
#[cfg(feature = "std")]
#[test]
fn a_panic_leaves_no_value_for_anybody() {
    use barecoro::task::JoinError;

    static R: Runtime<4> = Runtime::new();
    static L: LazyCell<u32> = LazyCell::new(|| {
        task::yield_now();
        panic!("no value")
    });
    R.run(|| {
        let tasks = [(); 3].map(|()| task::spawn(|| *L).unwrap());
        let mut messages = tasks.map(|task| match task.join() {
            Err(JoinError::Panicked(payload)) => *payload.downcast::<&str>().unwrap(),
            other => panic!("{other:?}"),
        });
        messages.sort_unstable();
        let poisoned = "the function that was to compute the value of a LazyCell has panicked";
        assert_eq!(messages, ["no value", poisoned, poisoned]);
    })
    .unwrap();
}
