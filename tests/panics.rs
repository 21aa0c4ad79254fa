//! What a panic in a task ends: the task with the feature `std`, the process without.

mod support;

#[cfg(not(feature = "std"))]
mod end_the_process {
    use barecoro::{Runtime, task};

    use super::support;

    #[test]
    fn and_say_which_task_it_was() {
        static R: Runtime<4> = Runtime::new();
        let line = line!() + 5;
        let ended = support::in_child("end_the_process::and_say_which_task_it_was", || {
            drop(R.run(|| {
                let other = task::Builder::new()
                    .name("unlucky")
                    .spawn(|| -> () { panic!("of all things") })
                    .unwrap();
                drop(other.join());
                eprintln!("went on");
            }));
            eprintln!("came back");
        })
        .by_abort()
        .saying("of all things")
        .not_saying("went on")
        .not_saying("came back");
        let task = format!("task 2 \"unlucky\" (spawned at {}:{line}:", file!());
        ended.saying(&task);
    }

    #[test]
    fn also_in_the_first_task() {
        support::in_child("end_the_process::also_in_the_first_task", || {
            static R: Runtime<4> = Runtime::new();
            drop(std::panic::catch_unwind(|| R.run(|| panic!("at once")).is_ok()));
            eprintln!("caught outside");
        })
        .by_abort()
        .saying("at once")
        .saying("task 1 ")
        .not_saying("caught outside");
    }

    #[test]
    fn also_in_a_coroutine_in_a_task() {
        use barecoro::stack::MappedStack;
        use barecoro::{Coroutine, Yielder};
        support::in_child("end_the_process::also_in_a_coroutine_in_a_task", || {
            static R: Runtime<4> = Runtime::new();
            drop(R.run(|| {
                let stack = MappedStack::new(64 * 1024).unwrap();
                let mut coroutine =
                    Coroutine::new(stack, |_: &Yielder<(), ()>, ()| panic!("on another stack"));
                coroutine.resume(())
            }));
            eprintln!("came back");
        })
        .by_abort()
        .saying("on another stack")
        .not_saying("came back");
    }

    /// A program with std may catch its own panics where they happen.
    #[test]
    fn unless_the_task_catches_them() {
        static R: Runtime<2> = Runtime::new();
        let caught = R.run(|| {
            let task = task::spawn(|| {
                let caught = std::panic::catch_unwind(|| {
                    task::yield_now();
                    std::panic::resume_unwind(Box::new(3))
                });
                task::yield_now();
                caught.is_err()
            });
            task.unwrap().join().unwrap()
        });
        assert!(caught.unwrap());
    }
}

#[cfg(feature = "std")]
mod end_their_task {
    use core::cell::Cell;
    use core::panic::AssertUnwindSafe;
    use std::panic::{catch_unwind, resume_unwind};
    use std::rc::Rc;

    use barecoro::task::{self, Cancelled, JoinError, JoinHandle};
    use barecoro::{Errno, Runtime};

    use super::support::{self, Drops};

    #[test]
    fn join_returns_the_payload() {
        static R: Runtime<2> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            let token = drops.token();
            let task: JoinHandle<()> = task::spawn(move || {
                let _dropped_on_the_way = token;
                task::yield_now();
                resume_unwind(Box::new("payload"))
            })
            .unwrap();
            let error = task.join().unwrap_err();
            assert_eq!(drops.count(), 1);
            assert_eq!(format!("{error:?}: {error}"), "Panicked(..): the task has panicked");
            let JoinError::Panicked(payload) = error else { panic!("another error") };
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"payload"));
            assert_eq!(Errno::from(JoinError::<()>::Panicked(payload)), Errno::CHILD);
            // The slot is free and the others go on.
            assert_eq!(task::spawn(|| 1).unwrap().join().unwrap(), 1);
        })
        .unwrap();
    }

    #[test]
    fn a_detached_task_ends_by_itself() {
        static R: Runtime<2> = Runtime::new();
        let steps = Rc::new(Cell::new(0));
        R.run(|| {
            drop(task::spawn(|| -> u8 { resume_unwind(Box::new(())) }).unwrap());
            for _ in 0..3 {
                task::yield_now();
                steps.set(steps.get() + 1);
            }
            task::spawn(|| ()).unwrap().join().unwrap();
        })
        .unwrap();
        assert_eq!(steps.get(), 3);
    }

    #[test]
    fn a_panic_that_nobody_asked_for_is_reported() {
        let ended =
            support::in_child("end_their_task::a_panic_that_nobody_asked_for_is_reported", || {
                static R: Runtime<2> = Runtime::new();
                R.run(|| {
                    let unlucky = task::Builder::new().name("unlucky");
                    drop(unlucky.spawn(|| -> () { panic!("of all things") }).unwrap());
                })
                .unwrap();
                eprintln!("came back");
            })
            .well();
        ended.saying("of all things").saying("task 2 \"unlucky\" (spawned at ").saying("came back");
    }

    #[test]
    fn the_first_tasks_panic_comes_out_of_run_after_the_others_have_ended() {
        static R: Runtime<4> = Runtime::new();
        let others = Rc::new(Cell::new(0));
        let counted = others.clone();
        let payload = catch_unwind(AssertUnwindSafe(move || {
            R.run(move || {
                for _ in 0..3 {
                    let counted = counted.clone();
                    drop(task::spawn(move || {
                        (0..5).for_each(|_| task::yield_now());
                        counted.set(counted.get() + 1);
                    }));
                }
                task::yield_now();
                resume_unwind(Box::new(9))
            })
            .is_ok()
        }))
        .expect_err("panics");
        assert_eq!(payload.downcast_ref::<i32>(), Some(&9));
        assert_eq!(others.get(), 3);
        assert_eq!(R.run(|| 4).unwrap(), 4, "it runs again");
    }

    #[test]
    fn panics_of_several_tasks_do_not_mix() {
        static R: Runtime<32> = Runtime::new();
        R.run(|| {
            let tasks: Vec<JoinHandle<usize>> = (0..30)
                .map(|number| {
                    task::spawn(move || {
                        (0..number % 7).for_each(|_| task::yield_now());
                        if number % 2 == 0 { resume_unwind(Box::new(number)) } else { number }
                    })
                    .unwrap()
                })
                .collect();
            for (number, task) in tasks.into_iter().enumerate() {
                match task.join() {
                    Ok(value) => assert_eq!((value, number % 2), (number, 1)),
                    Err(JoinError::Panicked(payload)) => {
                        assert_eq!(payload.downcast_ref::<usize>(), Some(&number));
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert!(!std::thread::panicking());
        })
        .unwrap();
    }

    /// A destructor that waits lets the others run in the middle of a panic.
    #[test]
    fn a_panicking_task_may_wait_in_its_destructors() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let waker = task::current();
            let waits = task::spawn(move || -> () {
                let _waits = support::OnDrop(move || {
                    waker.unpark();
                    assert_eq!(task::park(), Ok(()));
                });
                resume_unwind(Box::new("the first"))
            })
            .unwrap();
            task::park().unwrap();
            // Meanwhile another task panics, and ends first.
            let other = task::spawn(|| -> () { resume_unwind(Box::new("the second")) }).unwrap();
            let payload = |task: JoinHandle<()>| match task.join() {
                Err(JoinError::Panicked(payload)) => *payload.downcast::<&str>().unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(payload(other), "the second");
            waits.task().unpark();
            assert_eq!(payload(waits), "the first");
        })
        .unwrap();
    }

    #[test]
    fn a_panic_goes_through_a_coroutine_into_its_task() {
        use barecoro::stack::MappedStack;
        use barecoro::{Coroutine, Yielder};
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let task: JoinHandle<()> = task::spawn(|| {
                let stack = MappedStack::new(64 * 1024).unwrap();
                let mut coroutine = Coroutine::new(stack, |_: &Yielder<(), ()>, ()| {
                    task::yield_now();
                    resume_unwind(Box::new('c'));
                });
                coroutine.resume(());
            })
            .unwrap();
            let Err(JoinError::Panicked(payload)) = task.join() else { panic!("it has not") };
            assert_eq!(payload.downcast_ref::<char>(), Some(&'c'));
        })
        .unwrap();
    }

    #[test]
    fn a_cancelled_task_may_panic() {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let task: JoinHandle<()> = task::spawn(|| {
                assert_eq!(task::park(), Err(Cancelled));
                resume_unwind(Box::new(0))
            })
            .unwrap();
            task::yield_now();
            task.cancel();
            assert!(matches!(task.join(), Err(JoinError::Panicked(_))));
        })
        .unwrap();
    }
}
