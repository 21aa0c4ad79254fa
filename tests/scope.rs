//! Tasks that borrow from their parent, and end before it goes on.

mod support;

use core::cell::{Cell, RefCell};

use barecoro::Runtime;
use barecoro::task::{self, Builder, Cancelled, JoinError, ScopedJoinHandle, SpawnError};
use support::{Drops, OnDrop, Trace};

#[test]
fn tasks_borrow_what_outlives_the_scope() {
    static R: Runtime<8> = Runtime::new();
    let words = [String::from("one"), String::from("three"), String::from("fifteen")];
    let mut lengths = [0; 3];
    let total = R
        .run(|| {
            let total = Cell::new(0);
            task::scope(|s| {
                for (word, length) in words.iter().zip(&mut lengths) {
                    let total = &total;
                    s.spawn(move || {
                        task::yield_now();
                        *length = word.len();
                        total.set(total.get() + word.len());
                        Ok(())
                    })
                    .unwrap();
                }
                Ok::<_, ()>(())
            })
            .unwrap();
            total.get()
        })
        .unwrap();
    assert_eq!((lengths, total), ([3, 5, 7], 15));
}

#[test]
fn a_task_of_a_scope_may_spawn_another_there() {
    static R: Runtime<8> = Runtime::new();
    let sum = Cell::new(0);
    R.run(|| {
        task::scope(|s| {
            let sum = &sum;
            s.spawn(move || {
                for number in 1..=5 {
                    s.spawn(move || {
                        task::yield_now();
                        sum.set(sum.get() + number);
                        Ok(())
                    })
                    .unwrap();
                }
                Ok(())
            })
            .unwrap();
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(sum.get(), 15);
    })
    .unwrap();
}

#[test]
fn scopes_nest() {
    static R: Runtime<16> = Runtime::new();
    fn count(depth: u32, leaves: &Cell<u32>) {
        if depth == 0 {
            task::yield_now();
            return leaves.set(leaves.get() + 1);
        }
        task::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    count(depth - 1, leaves);
                    Ok(())
                })
                .unwrap();
            }
            Ok::<_, ()>(())
        })
        .unwrap();
    }
    let leaves = Cell::new(0);
    R.run(|| count(3, &leaves)).unwrap();
    assert_eq!(leaves.get(), 8);
}

#[test]
fn an_empty_scope_returns_at_once() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        assert_eq!(task::scope(|_| Ok::<_, ()>(5)), Ok(5));
        assert_eq!(task::scope(|_| Err::<(), _>(6)), Err(6));
    })
    .unwrap();
}

#[test]
fn handles_give_results_that_may_borrow() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let text = String::from("a long way");
        let last = task::scope(|s| {
            let word = s.spawn(|| Ok(text.split(' ').next_back())).unwrap();
            assert!(!word.is_finished());
            let id = word.task().id();
            assert!(format!("{word:?}").contains(&id.to_string()));
            let word = word.join().unwrap();
            let named = Builder::new().name("scoped").spawn_scoped(s, || {
                task::yield_now();
                Ok(task::current().name())
            });
            let named = named.unwrap();
            assert_eq!(named.task().name().as_deref(), Some("scoped"));
            assert_eq!(named.join().unwrap().as_deref(), Some("scoped"));
            Ok::<_, ()>(word)
        });
        assert_eq!(last, Ok(Some("way")));
    })
    .unwrap();
}

#[test]
fn results_end_with_the_scope_at_the_latest() {
    static R: Runtime<8> = Runtime::new();
    let drops = Drops::new();
    R.run(|| {
        let late = Cell::new(0);
        task::scope(|s| {
            let spawn = || {
                let token = drops.token();
                s.spawn(move || Ok(token)).unwrap()
            };
            let (joined, dropped, forgotten) = (spawn(), spawn(), spawn());
            drop(dropped);
            core::mem::forget(forgotten);
            drop(joined.join().unwrap());
            assert_eq!(drops.count(), 2, "the joined and the dropped one");

            // Dropped after its end.
            let dropped = spawn();
            task::yield_now();
            assert!(dropped.is_finished());
            assert_eq!(drops.count(), 2);
            drop(dropped);
            assert_eq!(drops.count(), 3);

            // Still held by nobody when the scope ends, and not even begun.
            core::mem::forget(spawn());
            late.set(drops.count());
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!((late.get(), drops.count()), (3, 5));
        // All slots are free again.
        let tasks = [(); 7].map(|()| task::spawn(|| ()).unwrap());
        for task in tasks {
            task.join().unwrap();
        }
    })
    .unwrap();
    assert_eq!(drops.count(), 5);
}

#[test]
fn the_first_error_ends_the_rest() {
    static R: Runtime<8> = Runtime::new();
    let trace = Trace::new();
    let result = R
        .run(|| {
            task::scope(|s| {
                for name in ["a", "b"] {
                    let trace = &trace;
                    s.spawn(move || {
                        let parked = task::park();
                        trace.note((name, parked));
                        task::park().map_err(|_| "a later error")
                    })
                    .unwrap();
                }
                s.spawn(|| {
                    task::yield_now();
                    Err::<(), _>("the first error")
                })
                .unwrap();
                Ok(())
            })
        })
        .unwrap();
    assert_eq!(result, Err("the first error"));
    let mut seen = trace.take();
    seen.sort_by_key(|(name, _)| *name); // in which order they are told is not promised
    assert_eq!(seen, [("a", Err(Cancelled)), ("b", Err(Cancelled))]);
}

#[test]
fn an_error_of_the_body_ends_the_tasks() {
    static R: Runtime<4> = Runtime::new();
    let ended = Cell::new(0);
    let result = R.run(|| {
        task::scope(|s| {
            for _ in 0..3 {
                let ended = &ended;
                s.spawn(move || {
                    assert_eq!(task::park(), Err(Cancelled));
                    ended.set(ended.get() + 1);
                    Ok(())
                })
                .unwrap();
            }
            task::yield_now();
            Err::<(), _>("the body")
        })
    });
    assert_eq!(result.unwrap(), Err("the body"));
    assert_eq!(ended.get(), 3);
}

#[test]
fn an_error_of_a_task_comes_before_a_later_one_of_the_body() {
    static R: Runtime<4> = Runtime::new();
    let result = R.run(|| {
        task::scope(|s| {
            s.spawn(|| Err::<(), _>("a task")).unwrap();
            task::yield_now();
            Err::<(), _>("the body")
        })
    });
    assert_eq!(result.unwrap(), Err("a task"));
}

/// An error that waits while it is dropped, so that others come in between.
#[derive(Debug)]
struct Slow(&'static str);

impl Drop for Slow {
    fn drop(&mut self) {
        if self.0 == "late" {
            task::yield_now();
        }
    }
}

#[test]
fn the_first_error_stays_the_first_while_another_is_dropped() {
    static R: Runtime<4> = Runtime::new();
    let result = R.run(|| {
        task::scope(|s| {
            for name in ["first", "late", "last"] {
                s.spawn(move || Err::<(), _>(Slow(name))).unwrap();
            }
            Ok::<_, Slow>(())
        })
    });
    assert_eq!(result.unwrap().unwrap_err().0, "first");
}

/// The tasks fail only because they were cancelled, and that is not the story.
#[test]
fn an_error_of_the_body_comes_before_those_it_causes() {
    static R: Runtime<4> = Runtime::new();
    let result = R.run(|| {
        task::scope(|s| {
            s.spawn(|| task::park().map_err(|_| "cancelled")).unwrap();
            task::yield_now();
            Err::<(), _>("the body")
        })
    });
    assert_eq!(result.unwrap(), Err("the body"));
}

#[test]
fn later_errors_are_dropped() {
    static R: Runtime<8> = Runtime::new();
    let drops = Drops::new();
    let first = R.run(|| {
        task::scope(|s| {
            for number in 0..5 {
                let token = drops.token();
                s.spawn(move || Err::<(), _>((number, token))).unwrap();
            }
            Ok(())
        })
    });
    let first = first.unwrap().expect_err("all have failed");
    assert_eq!((first.0, drops.count()), (0, 4));
    drop(first);
    assert_eq!(drops.count(), 5);
}

#[test]
fn who_joins_a_failed_task_learns_only_that() {
    static R: Runtime<4> = Runtime::new();
    let result = R.run(|| {
        task::scope(|s| {
            let failed: ScopedJoinHandle<'_, ()> = s.spawn(|| Err("first")).unwrap();
            assert!(matches!(failed.join(), Err(JoinError::Failed)));
            Ok(())
        })
    });
    assert_eq!(result.unwrap(), Err("first"));
}

/// It was too late to be told, but it belongs to what has failed.
#[test]
fn a_task_that_is_spawned_after_the_first_error_is_cancelled() {
    support::in_child("a_task_that_is_spawned_after_the_first_error_is_cancelled", || {
        static R: Runtime<4> = Runtime::new();
        let result = R.run(|| {
            task::scope(|s| {
                s.spawn(|| Err::<(), _>("first")).unwrap();
                task::yield_now();
                let late = s.spawn(|| {
                    assert!(task::cancelled());
                    task::park().map_err(|_| "cancelled")
                });
                drop(late.unwrap());
                Ok(())
            })
        });
        // Otherwise the scope waits for ever, which is a deadlock.
        assert_eq!(result.expect("no deadlock"), Err("first"));
    })
    .well();
}

#[test]
fn a_scope_waits_also_when_its_parent_is_cancelled() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        let parent_noted = noted.clone();
        let parent = task::spawn(move || {
            let borrowed = RefCell::new(Vec::new());
            let result = task::scope(|s| {
                let (borrowed, noted) = (&borrowed, &parent_noted);
                s.spawn(move || {
                    noted.note(task::park().map_or("cancelled", |()| "unparked"));
                    // It takes its time, all the same.
                    (0..5).for_each(|_| task::yield_now());
                    borrowed.borrow_mut().push(1);
                    Ok(())
                })
                .unwrap();
                Ok::<_, ()>(())
            });
            parent_noted.note("scope ends");
            (result, borrowed.into_inner(), task::cancelled())
        })
        .unwrap();
        task::yield_now();
        task::yield_now();
        parent.cancel();
        assert_eq!(parent.join().unwrap(), (Ok(()), vec![1], true));
    })
    .unwrap();
    assert_eq!(trace.take(), ["cancelled", "scope ends"]);
}

#[test]
fn a_scope_in_a_cancelled_task_cancels_its_tasks() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let parent = task::spawn(|| {
            assert_eq!(task::park(), Err(Cancelled));
            let seen = Cell::new(None);
            let result = task::scope(|s| {
                s.spawn(|| {
                    seen.set(Some(task::park()));
                    Ok(())
                })
                .unwrap();
                Ok::<_, ()>(())
            });
            (result, seen.get())
        })
        .unwrap();
        parent.cancel();
        assert_eq!(parent.join().unwrap(), (Ok(()), Some(Err(Cancelled))));
    })
    .unwrap();
}

#[test]
fn a_task_of_a_scope_can_be_cancelled_by_its_handle() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        task::scope(|s| {
            let parked = s.spawn(|| Ok(task::park())).unwrap();
            let other = s.spawn(|| Ok(task::cancelled())).unwrap();
            task::yield_now();
            parked.cancel();
            assert_eq!(parked.join().unwrap(), Err(Cancelled));
            assert!(!other.join().unwrap(), "only the one");
            Ok::<_, ()>(())
        })
        .unwrap();
    })
    .unwrap();
}

#[test]
fn a_full_table_hands_the_closure_back() {
    static R: Runtime<2> = Runtime::new();
    let drops = Drops::new();
    R.run(|| {
        task::scope(|s| {
            let parked = s.spawn(|| task::park().map_err(drop)).unwrap();
            let token = drops.token();
            let closure = move || {
                drop(token);
                Ok(())
            };
            let error = s.spawn(closure).unwrap_err();
            assert!(matches!(error, SpawnError::Full(_)));
            assert_eq!(drops.count(), 0);
            parked.task().unpark();
            parked.join().unwrap();
            s.spawn(error.into_inner()).unwrap().join().unwrap();
            assert_eq!(drops.count(), 1);
            Ok::<_, ()>(())
        })
        .unwrap();
    })
    .unwrap();
}

/// A result that nobody has fetched is dropped at the end of the scope, which is still open then.
#[test]
fn a_results_destructor_may_spawn_in_the_scope() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    R.run(|| {
        task::scope(|s| {
            let trace = &trace;
            let result = OnDrop(move || {
                trace.note("dropped");
                s.spawn(move || {
                    task::yield_now();
                    trace.note("spawned by the destructor");
                    Ok(())
                })
                .unwrap();
            });
            core::mem::forget(s.spawn(move || Ok(result)).unwrap());
            Ok::<_, ()>(())
        })
        .unwrap();
        trace.note("scope has ended");
    })
    .unwrap();
    assert_eq!(trace.take(), ["dropped", "spawned by the destructor", "scope has ended"]);
}

#[test]
fn a_results_destructor_may_wait() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    R.run(|| {
        task::scope(|s| {
            let result = OnDrop(|| {
                (0..3).for_each(|_| task::yield_now());
                trace.note("dropped");
            });
            core::mem::forget(s.spawn(move || Ok(result)).unwrap());
            s.spawn(|| {
                (0..2).for_each(|_| task::yield_now());
                trace.note("other");
                Ok(())
            })
            .unwrap();
            Ok::<_, ()>(())
        })
        .unwrap();
        trace.note("scope has ended");
    })
    .unwrap();
    assert_eq!(trace.take(), ["other", "dropped", "scope has ended"]);
}

/// Members leave in any order, from the front, the back and the middle of the list.
#[test]
fn many_tasks_come_and_go_in_one_scope() {
    static R: Runtime<32> = Runtime::new();
    let sum = Cell::new(0);
    R.run(|| {
        task::scope(|s| {
            let sum = &sum;
            let mut handles = Vec::new();
            for round in 0..200_usize {
                while let Ok(handle) = s.spawn(move || {
                    (0..round % 7).for_each(|_| task::yield_now());
                    sum.set(sum.get() + 1);
                    Ok(1)
                }) {
                    handles.push(handle);
                }
                for step in 0..5 {
                    let handle = handles.swap_remove((round * 13 + step * 7) % handles.len());
                    match step % 3 {
                        0 => assert_eq!(handle.join().unwrap(), 1),
                        1 => drop(handle),
                        _ => {
                            while !handle.is_finished() {
                                task::yield_now();
                            }
                            drop(handle);
                        }
                    }
                }
                task::yield_now();
            }
            handles.into_iter().for_each(core::mem::forget);
            Ok::<_, ()>(())
        })
        .unwrap();
    })
    .unwrap();
    assert!(sum.get() > 500, "{}", sum.get());
}

#[cfg(feature = "time")]
#[test]
fn join_until_hands_the_handle_back() {
    use barecoro::time::{Duration, Instant};
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        task::scope(|s| {
            let task = s.spawn(|| task::park().map_err(drop)).unwrap();
            let deadline = Instant::now() + Duration::from_millis(2);
            let Err(JoinError::TimedOut(task)) = task.join_until(deadline) else {
                panic!("it is parked")
            };
            task.task().unpark();
            task.join_until(deadline + Duration::from_secs(100)).unwrap();
            Ok::<_, ()>(())
        })
        .unwrap();
    })
    .unwrap();
}

/// In a program with std the body may panic also without the feature, if someone outside catches
/// it. The tasks must learn of it, or the scope would wait for them for ever.
#[test]
fn a_panic_of_the_body_ends_the_tasks() {
    support::in_child("a_panic_of_the_body_ends_the_tasks", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let seen = Cell::new(None);
            let caught = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
                task::scope(|s| -> Result<(), ()> {
                    let seen = &seen;
                    drop(s.spawn(move || {
                        seen.set(Some(task::park()));
                        Ok(())
                    }));
                    task::yield_now();
                    std::panic::resume_unwind(Box::new(()))
                })
            }));
            assert!(caught.is_err());
            assert_eq!(seen.get(), Some(Err(Cancelled)));
        })
        .expect("no deadlock");
    })
    .well();
}

#[cfg(feature = "std")]
mod panics {
    use core::panic::AssertUnwindSafe;
    use std::panic::{catch_unwind, resume_unwind};

    use super::*;

    #[test]
    fn a_panic_of_the_body_ends_the_tasks_and_goes_on() {
        static R: Runtime<4> = Runtime::new();
        let ended = Cell::new(0);
        R.run(|| {
            let payload = catch_unwind(AssertUnwindSafe(|| {
                task::scope(|s| {
                    for _ in 0..2 {
                        let ended = &ended;
                        s.spawn(move || {
                            assert_eq!(task::park(), Err(Cancelled));
                            task::yield_now();
                            ended.set(ended.get() + 1);
                            Ok(())
                        })
                        .unwrap();
                    }
                    task::yield_now();
                    resume_unwind(Box::new("from the body"));
                    #[expect(unreachable_code, reason = "says what the type is")]
                    Ok::<(), ()>(())
                })
            }))
            .expect_err("panics");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"from the body"));
            assert_eq!(ended.get(), 2);
        })
        .unwrap();
    }

    #[test]
    fn a_panic_of_a_task_ends_the_others_and_the_scope() {
        static R: Runtime<4> = Runtime::new();
        let ended = Cell::new(false);
        R.run(|| {
            let payload = catch_unwind(AssertUnwindSafe(|| {
                task::scope(|s| {
                    s.spawn(|| {
                        assert_eq!(task::park(), Err(Cancelled));
                        ended.set(true);
                        Ok(())
                    })
                    .unwrap();
                    drop(s.spawn(|| -> Result<(), ()> { resume_unwind(Box::new(1)) }).unwrap());
                    Ok(())
                })
            }))
            .expect_err("panics");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"a task of the scope has panicked"));
            assert!(ended.get());
        })
        .unwrap();
    }

    #[test]
    fn a_panic_of_a_result_that_nobody_wants_ends_them_too() {
        static R: Runtime<4> = Runtime::new();
        let ended = Cell::new(false);
        R.run(|| {
            let payload = catch_unwind(AssertUnwindSafe(|| {
                task::scope(|s| {
                    s.spawn(|| {
                        assert_eq!(task::park(), Err(Cancelled));
                        ended.set(true);
                        Ok(())
                    })
                    .unwrap();
                    let bomb = || Ok::<_, ()>(OnDrop(|| resume_unwind(Box::new(1))));
                    drop(s.spawn(bomb).unwrap());
                    Ok(())
                })
            }))
            .expect_err("panics");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"a task of the scope has panicked"));
            assert!(ended.get());
        })
        .unwrap();
    }

    #[test]
    fn a_forgotten_panic_is_not_lost() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                task::scope(|s| {
                    let task = s.spawn(|| -> Result<(), ()> { resume_unwind(Box::new(1)) });
                    core::mem::forget(task.unwrap());
                    Ok(())
                })
            }));
            assert!(caught.is_err());
        })
        .unwrap();
    }

    #[test]
    fn who_joins_a_panic_has_it() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let result = task::scope(|s| {
                let task = s.spawn(|| -> Result<(), ()> { resume_unwind(Box::new(7)) }).unwrap();
                let Err(JoinError::Panicked(payload)) = task.join() else { panic!("it has not") };
                assert_eq!(payload.downcast_ref::<i32>(), Some(&7));
                Ok(())
            });
            assert_eq!(result, Ok(()), "it was dealt with");
        })
        .unwrap();
    }
}
