//! Task-locals: who sees which value, for how long.
#![cfg(feature = "sync")]

mod support;

use barecoro::stack::MappedStack;
use barecoro::task::{self, NotSet};
use barecoro::{Coroutine, CoroutineResult, Errno, Runtime, Yielder, task_local};

task_local! {
    static NUMBER: u32;
    static NAME: String
}

#[test]
fn each_task_has_its_own() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                task::spawn(move || {
                    NUMBER.scope(n, || {
                        task::yield_now();
                        NUMBER.get()
                    })
                })
                .unwrap()
            })
            .collect();
        NUMBER.scope(9, || {
            let ends: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
            assert_eq!((ends, NUMBER.get()), (vec![0, 1, 2], 9));
            let inherited = task::spawn(|| NUMBER.try_with(|n| *n)).unwrap().join().unwrap();
            assert_eq!(inherited, Err(NotSet));
        });
        assert_eq!(NUMBER.try_with(|n| *n), Err(NotSet));
        assert_eq!(Errno::from(NotSet), Errno::NODATA);
    })
    .unwrap();
}

#[test]
fn scopes_nest_and_drop_their_values() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let length = NAME.scope("outer".into(), || {
            NUMBER.scope(1, || {
                let inner = NAME.scope("in".into(), || NAME.with(String::len) as u32);
                inner * 100 + NAME.with(String::len) as u32 * 10 + NUMBER.get()
            })
        });
        assert_eq!(length, 251);
    })
    .unwrap();
}

/// Coroutines can end scopes in another order than they began.
#[test]
fn scopes_of_coroutines_end_in_any_order() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let make = |n| {
            Coroutine::new(
                MappedStack::new(65536).unwrap(),
                move |yielder: &Yielder<(), ()>, ()| {
                    NUMBER.scope(n, || yielder.suspend(()));
                },
            )
        };
        let (mut first, mut second) = (make(1), make(2));
        assert_eq!(first.resume(()), CoroutineResult::Yield(()));
        assert_eq!(second.resume(()), CoroutineResult::Yield(()));
        assert_eq!(NUMBER.get(), 2);
        assert_eq!(first.resume(()), CoroutineResult::Return(()));
        assert_eq!(NUMBER.get(), 2);
        assert_eq!(second.resume(()), CoroutineResult::Return(()));
        assert_eq!(NUMBER.try_with(|n| *n), Err(NotSet));
    })
    .unwrap();
}

#[test]
fn a_value_that_somebody_looks_at_does_not_end() {
    static R: Runtime<2> = Runtime::new();
    support::in_child("a_value_that_somebody_looks_at_does_not_end", || {
        R.run(|| {
            let stack = MappedStack::new(65536).unwrap();
            let mut scope = Coroutine::new(stack, |yielder: &Yielder<(), ()>, ()| {
                NAME.scope("mine".into(), || yielder.suspend(()));
            });
            scope.resume(());
            NAME.with(|name| {
                scope.resume(());
                println!("{name}");
            });
        })
        .unwrap();
    })
    .by_abort()
    .saying("barecoro: a task-local is in use although its scope has ended");
}

/// A task leaves a coroutine in the middle of a scope; what drops that has nothing of the scope.
#[test]
fn a_scope_that_outlives_its_task_is_forgotten() {
    static R: Runtime<2> = Runtime::new();
    struct Left(
        #[allow(dead_code, reason = "dropped before what comes then")] Box<dyn std::any::Any>,
        Then,
    );
    struct Then;
    impl Drop for Then {
        fn drop(&mut self) {
            assert_eq!(NAME.try_with(String::len), Err(NotSet));
        }
    }
    R.run(|| {
        let task = task::spawn(|| {
            let stack = MappedStack::new(65536).unwrap();
            let mut scope = Coroutine::new(stack, |yielder: &Yielder<(), ()>, ()| {
                NAME.scope("left".into(), || yielder.suspend(()));
            });
            scope.resume(());
            Left(Box::new(scope), Then)
        });
        // Its result is dropped by the task itself, at the end of the run.
        std::mem::forget(task);
    })
    .unwrap();
}

#[test]
fn one_that_is_not_set_is_a_panic() {
    static R: Runtime<2> = Runtime::new();
    support::in_child("one_that_is_not_set_is_a_panic", || drop(R.run(|| NUMBER.get())))
        .by_panic("a task-local was asked for in a task that has not set it");
}
