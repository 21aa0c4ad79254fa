//! Spawning and joining: values, numbers, names, turns, and what becomes of results.
#![expect(clippy::unwrap_used, clippy::large_stack_arrays, reason = "a test may, on a large stack")]

mod support;

use core::cell::Cell;
use std::rc::Rc;

use barecoro::task::{self, Builder, JoinHandle, SpawnError};
use barecoro::{Runtime, stack::StackError};
use support::{Drops, OnDrop, Trace};

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
struct Line(u8);

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(4096))]
struct Page(u64);

/// Moves a value into a task, and out of it as its result.
#[track_caller]
fn through_a_task<T: Clone + core::fmt::Debug + PartialEq + 'static>(value: T) {
    let copy = value.clone();
    let task = task::spawn(move || {
        task::yield_now();
        value
    });
    let result = task.unwrap().join().unwrap();
    assert_eq!(core::hint::black_box(&raw const result).addr() % align_of::<T>(), 0);
    assert_eq!(result, copy);
}

#[test]
fn values_of_any_size_travel() {
    static R: Runtime<2> = Runtime::new();
    R.builder()
        .stack_size(256 * 1024)
        .run(|| {
            through_a_task(());
            through_a_task(7_u8);
            through_a_task(u64::MAX);
            through_a_task([1_u8; 9]);
            through_a_task(u128::MAX);
            through_a_task([1_u64, 2, 3]);
            through_a_task([9_u8; 10_000]);
            through_a_task(String::from("on the heap"));
            through_a_task(Line(3));
            through_a_task(Page(4));
            through_a_task(Some(Line(5)));
        })
        .unwrap();
}

#[test]
fn values_are_dropped_once() {
    static R: Runtime<2> = Runtime::new();
    let (captured, returned) = (Drops::new(), Drops::new());
    R.run(|| {
        let (token, result) = (captured.token(), returned.token());
        let task = task::spawn(move || {
            let _held = token;
            task::yield_now();
            result
        })
        .unwrap();
        task::yield_now();
        assert_eq!(captured.count(), 0, "the task is in the middle");
        let result = task.join().unwrap();
        assert_eq!((captured.count(), returned.count()), (1, 0));
        drop(result);
    })
    .unwrap();
    assert_eq!((captured.count(), returned.count()), (1, 1));
}

#[test]
fn a_detached_task_runs_on() {
    static R: Runtime<2> = Runtime::new();
    let steps = Rc::new(Cell::new(0));
    let counted = steps.clone();
    R.run(move || {
        drop(task::spawn(move || {
            for _ in 0..10 {
                task::yield_now();
                counted.set(counted.get() + 1);
            }
        }));
    })
    .unwrap();
    assert_eq!(steps.get(), 10, "run waits for it");
}

#[test]
fn is_finished_says_whether_join_would_wait() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(task::yield_now).unwrap();
        assert!(!task.is_finished(), "it has not started");
        task::yield_now();
        assert!(!task.is_finished(), "it is in the middle");
        task::yield_now();
        assert!(task.is_finished());
        task.join().unwrap();
    })
    .unwrap();
}

#[test]
fn numbers_grow_and_never_come_twice() {
    static R: Runtime<4> = Runtime::new();
    let round = || {
        R.run(|| {
            let mut ids = vec![task::current().id()];
            for _ in 0..20 {
                let task = task::spawn(|| task::current().id()).unwrap();
                ids.push(task.id());
                assert_eq!(task.id(), task.task().id());
                assert_eq!(task.join().unwrap(), ids[ids.len() - 1]);
            }
            ids
        })
        .unwrap()
    };
    let ids = [round(), round()].concat();
    assert_eq!(ids[0].get(), 1);
    assert!(ids.is_sorted_by(|left, right| left < right), "{ids:?}");
    assert_eq!(format!("{}", ids[1]), "2");
}

#[test]
fn a_task_has_the_name_it_was_given() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let own_name = || task::current().name();
        let named = Builder::new().name("parser").spawn(own_name).unwrap();
        assert_eq!(named.task().name().as_deref(), Some("parser"));
        assert!(format!("{:?}", named.task()).contains("parser"));
        let task = named.task();
        assert_eq!(named.join().unwrap().as_deref(), Some("parser"));
        assert_eq!(task.name(), None, "once it is gone, nothing is known");

        let long = Builder::new().name(&"x".repeat(100)).spawn(own_name).unwrap();
        assert_eq!(long.join().unwrap().as_deref(), Some(&*"x".repeat(31)));
        let wide = Builder::new().name(&"ä".repeat(20)).spawn(own_name).unwrap();
        assert_eq!(wide.join().unwrap().as_deref(), Some(&*"ä".repeat(15)), "whole characters");
        assert_eq!(task::spawn(own_name).unwrap().join().unwrap(), None);
    })
    .unwrap();
}

#[test]
fn a_task_knows_where_it_was_spawned() {
    static R: Runtime<2> = Runtime::new();
    let line = line!() + 1;
    R.run(move || {
        let own = task::current().spawned_at().unwrap();
        assert_eq!((own.file(), own.line()), (file!(), line), "the first one where run was called");

        let (spawned, line) = (task::spawn(|| ()).unwrap(), line!());
        let place = spawned.task().spawned_at().unwrap();
        assert_eq!((place.file(), place.line()), (file!(), line));
        spawned.join().unwrap();

        let (built, line) = (Builder::new().spawn(|| ()).unwrap(), line!());
        assert_eq!(built.task().spawned_at().map(core::panic::Location::line), Some(line));
        let task = built.task();
        built.join().unwrap();
        assert!(task.spawned_at().is_none(), "it is gone");
    })
    .unwrap();
}

#[test]
fn ready_tasks_take_turns_in_order() {
    static R: Runtime<8> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        for (name, turns) in [('a', 3), ('b', 1), ('c', 4), ('d', 2)] {
            let noted = noted.clone();
            drop(task::spawn(move || {
                for turn in 1..=turns {
                    noted.note((name, turn));
                    if turn < turns {
                        task::yield_now();
                    }
                }
            }));
        }
        for turn in 1..4 {
            task::yield_now();
            noted.note(('-', turn));
        }
    })
    .unwrap();
    let expected = [
        [('a', 1), ('b', 1), ('c', 1), ('d', 1), ('-', 1)].as_slice(),
        &[('a', 2), ('c', 2), ('d', 2), ('-', 2)],
        &[('a', 3), ('c', 3), ('-', 3)],
        &[('c', 4)],
    ];
    assert_eq!(trace.take(), expected.concat());
}

/// The queue is looked after from outside every so many switches; that must not change the order.
#[test]
fn turns_stay_in_order_over_many_switches() {
    static R: Runtime<16> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        for number in 0..13 {
            let noted = noted.clone();
            drop(task::spawn(move || {
                for _ in 0..100 {
                    noted.note(number);
                    task::yield_now();
                }
            }));
        }
    })
    .unwrap();
    let seen = trace.take();
    assert_eq!(seen.len(), 1300);
    assert!(seen.chunks(13).all(|round| round.iter().copied().eq(0..13)), "{seen:?}");
}

#[test]
fn a_full_table_hands_the_closure_back() {
    static R: Runtime<3> = Runtime::new();
    let drops = Drops::new();
    R.run(|| {
        let waiting = [(); 2].map(|()| task::spawn(task::park).unwrap());
        let token = drops.token();
        let closure = move || {
            let _kept = &token;
            5
        };
        let error = task::spawn(closure).unwrap_err();
        assert!(matches!(error, SpawnError::Full(_)), "{error:?}");
        assert_eq!(error.to_string(), "all slots of the runtime have a task");
        assert_eq!(drops.count(), 0);
        let closure = error.into_inner();

        // One ends, and its slot stays taken until its result is fetched.
        waiting[0].task().unpark();
        task::yield_now();
        let closure = task::spawn(closure).unwrap_err().into_inner();
        let [ended, other] = waiting;
        ended.join().unwrap().unwrap();
        assert_eq!(task::spawn(closure).unwrap().join().unwrap(), 5);
        assert_eq!(drops.count(), 1);
        other.task().unpark();
        other.join().unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn a_slot_is_free_when_a_detached_task_ends() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        for _ in 0..1000 {
            drop(task::spawn(|| ()).unwrap());
            assert!(matches!(task::spawn(|| ()), Err(SpawnError::Full(_))));
            task::yield_now();
        }
    })
    .unwrap();
}

#[test]
fn a_closure_or_result_larger_than_the_stack_comes_back() {
    static R: Runtime<3> = Runtime::new();
    let drops = Drops::new();
    let (token, counted) = (drops.token(), drops.clone());
    // The test itself handles the large values, and needs a larger stack for that.
    let roomy = || Builder::new().stack_size(16 << 20);
    R.builder()
        .stack_size(16 * 1024)
        .run(move || {
            roomy().spawn(move || {
                let large = [1_u8; 40_000];
                let closure = move || {
                    drop(token);
                    usize::from(large[39_999])
                };
                let error = task::spawn(closure).unwrap_err();
                assert!(matches!(error, SpawnError::StackTooSmall(_)), "{error:?}");
                assert!(error.to_string().starts_with("a closure of 400"), "{error}");
                assert_eq!(counted.count(), 0);
                // The way out that the documentation names.
                assert_eq!(roomy().spawn(error.into_inner()).unwrap().join().unwrap(), 1);
                assert_eq!(counted.count(), 1);

                let error = task::spawn(|| [0_u8; 40_000]).unwrap_err();
                assert!(matches!(error, SpawnError::StackTooSmall(_)), "{error:?}");
                // Nothing was lost on the way: the slot is free.
                task::spawn(|| ()).unwrap().join().unwrap();
            })
        })
        .unwrap()
        .unwrap();
    assert_eq!(drops.count(), 1);
}

#[test]
fn an_absurd_stack_is_an_error_and_leaks_nothing() {
    support::in_child("an_absurd_stack_is_an_error_and_leaks_nothing", || {
        static R: Runtime<2> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            // The slot's own stack is guarded once, which may cost mappings.
            task::spawn(|| ()).unwrap().join().unwrap();
            let before = support::mappings();
            let mut closure = Some({
                let token = drops.token();
                move || drop(token)
            });
            for size in [usize::MAX, usize::MAX - 4096, usize::MAX / 2, 1 << 55].repeat(50) {
                let body = closure.take().unwrap();
                let error = Builder::new().stack_size(size).spawn(body).unwrap_err();
                let expected = if size > usize::MAX - 8192 {
                    matches!(error, SpawnError::Stack(_, StackError::TooLarge))
                } else {
                    matches!(error, SpawnError::Stack(_, StackError::Refused(_)))
                };
                assert!(expected, "{size}: {error:?}");
                closure = Some(error.into_inner());
            }
            assert_eq!(drops.count(), 0);
            assert_eq!(support::mappings(), before);
            // The slot is free still.
            task::spawn(closure.unwrap()).unwrap().join().unwrap();
        })
        .unwrap();
        assert_eq!(drops.count(), 1);
    })
    .well();
}

#[test]
fn a_large_stack_is_there_and_goes_with_its_task() {
    support::in_child("a_large_stack_is_there_and_goes_with_its_task", || {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let fill = |value: u8| {
                move || {
                    let local = core::hint::black_box([value; 1 << 20]);
                    task::yield_now();
                    local.iter().map(|byte| usize::from(*byte)).sum::<usize>()
                }
            };
            let large = || Builder::new().stack_size(8 << 20);
            // The slots' own stacks are guarded once, which may cost mappings.
            let all = [1, 2, 3].map(|value| large().spawn(fill(value)).unwrap());
            assert_eq!(all.map(|task| task.join().unwrap()), [1, 2, 3].map(|value| value << 20));
            let before = support::mappings();
            for value in 0..20 {
                let joined = large().spawn(fill(value)).unwrap();
                drop(large().spawn(fill(3)).unwrap());
                let dropped = large().spawn(fill(4)).unwrap();
                assert_eq!(joined.join().unwrap(), usize::from(value) << 20);
                while !dropped.is_finished() {
                    task::yield_now();
                }
                drop(dropped);
            }
            assert_eq!(support::mappings(), before);
        })
        .unwrap();
    })
    .well();
}

#[test]
fn a_result_is_dropped_with_its_handle() {
    static R: Runtime<2> = Runtime::new();
    let drops = Drops::new();
    let spawn = || {
        let token = drops.token();
        task::spawn(move || token).unwrap()
    };
    R.run(|| {
        // The handle goes first: the result is dropped when the task ends.
        drop(spawn());
        assert_eq!(drops.count(), 0);
        task::yield_now();
        assert_eq!(drops.count(), 1);

        // The task ends first: the result is dropped with the handle.
        let task = spawn();
        task::yield_now();
        assert!(task.is_finished());
        assert_eq!(drops.count(), 1);
        drop(task);
        assert_eq!(drops.count(), 2);
    })
    .unwrap();
    assert_eq!(drops.count(), 2);
}

#[test]
fn a_forgotten_result_is_dropped_when_the_run_ends() {
    static R: Runtime<16> = Runtime::new();
    let drops = Drops::new();
    R.run(|| {
        for _ in 0..10 {
            let token = drops.token();
            core::mem::forget(task::spawn(move || token).unwrap());
        }
        task::yield_now();
        assert_eq!(drops.count(), 0);
    })
    .unwrap();
    assert_eq!(drops.count(), 10);
    // The slots are free again.
    R.run(|| (0..15).for_each(|_| drop(task::spawn(|| ()).unwrap()))).unwrap();
    assert_eq!(drops.count(), 10);
}

#[test]
fn a_handle_may_leave_its_run() {
    static R: Runtime<4> = Runtime::new();
    let drops = Drops::new();
    let spawn = || {
        let token = drops.token();
        task::spawn(move || token).unwrap()
    };
    let (early, late) = R.run(|| (spawn(), spawn())).unwrap();
    assert_eq!(drops.count(), 2, "the results end with the run");
    assert!(early.is_finished());
    assert_eq!((early.task().name(), early.task().spawned_at()), (None, None));
    early.cancel();
    early.task().unpark();
    drop(early);

    // Nor does it matter to the tasks that have its slot in a later run.
    R.run(|| {
        let tenants = [(); 3].map(|()| task::spawn(task::park).unwrap());
        task::yield_now();
        assert!(late.is_finished());
        late.cancel();
        late.task().unpark();
        task::yield_now();
        assert!(tenants.iter().all(|tenant| !tenant.is_finished()));
        drop(late);
        for tenant in tenants {
            tenant.task().unpark();
            tenant.join().unwrap().unwrap();
        }
    })
    .unwrap();
    assert_eq!(drops.count(), 2);
}

#[test]
fn any_task_may_join_any_other() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let slow = task::spawn(|| {
            (0..5).for_each(|_| task::yield_now());
            "slow"
        })
        .unwrap();
        let joiner = task::spawn(move || slow.join().unwrap()).unwrap();
        assert_eq!(joiner.join().unwrap(), "slow");
    })
    .unwrap();
}

#[test]
fn the_result_of_run_waits_for_all_tasks() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    let value = R
        .run(move || {
            let _last_of_the_first_task = OnDrop({
                let noted = noted.clone();
                move || noted.note("first ends")
            });
            drop(task::spawn(move || {
                (0..300).for_each(|_| task::yield_now());
                noted.note("other ends");
            }));
            1
        })
        .unwrap();
    assert_eq!(value, 1);
    assert_eq!(trace.take(), ["first ends", "other ends"]);
}

/// A destructor runs in the task that drops the result, with all that a task may do.
#[test]
fn a_results_destructor_may_spawn_and_wait() {
    static R: Runtime<4> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        let spawner = {
            let noted = noted.clone();
            OnDrop(move || {
                let noted = noted.clone();
                let inner = task::spawn(move || {
                    task::yield_now();
                    noted.note("spawned by a destructor");
                });
                inner.unwrap().join().unwrap();
            })
        };
        let task = task::spawn(move || spawner).unwrap();
        task::yield_now();
        drop(task);
        noted.note("dropped");
    })
    .unwrap();
    assert_eq!(trace.take(), ["spawned by a destructor", "dropped"]);
}

#[test]
fn a_handle_is_of_no_use_to_join_outside_of_its_run() {
    support::in_child("a_handle_is_of_no_use_to_join_outside_of_its_run", || {
        static R: Runtime<2> = Runtime::new();
        let handle: JoinHandle<()> = R.run(|| task::spawn(|| ()).unwrap()).unwrap();
        drop(handle.join());
    })
    .by_panic("JoinHandle::join was called outside of a task");
}

#[test]
fn a_handle_is_of_no_use_to_join_in_another_run() {
    const MESSAGE: &str = "a task was joined outside of the run it belongs to: \
                           join it before that run ends";
    support::in_child("a_handle_is_of_no_use_to_join_in_another_run", || {
        static R: Runtime<2> = Runtime::new();
        let handle = R.run(|| task::spawn(|| ()).unwrap()).unwrap();
        drop(R.run(move || handle.join().map_err(drop)));
    })
    .by_panic(MESSAGE);
}

#[test]
fn an_unparker_is_made_in_the_tasks_own_run() {
    support::in_child("an_unparker_is_made_in_the_tasks_own_run", || {
        static R: Runtime<2> = Runtime::new();
        static OTHER: Runtime<2> = Runtime::new();
        let handle = R.run(|| task::spawn(|| ()).unwrap()).unwrap();
        drop(OTHER.run(move || handle.unparker()));
    })
    .by_panic("an unparker was made outside of the run its task belongs to");
}

/// Each function says its own name, and what to do.
mod outside_of_a_task {
    use super::*;

    fn panics(name: &str, call: &str, body: fn()) {
        support::in_child(&format!("outside_of_a_task::{name}"), body).by_panic(&format!(
            "{call} was called outside of a task: call it inside of Runtime::run"
        ));
    }

    #[test]
    fn spawn() {
        panics("spawn", "task::spawn", || drop(task::spawn(|| ())));
    }

    #[test]
    fn builder_spawn() {
        panics("builder_spawn", "task::Builder::spawn", || drop(Builder::new().spawn(|| ())));
    }

    #[test]
    fn yield_now() {
        panics("yield_now", "task::yield_now", task::yield_now);
    }

    #[test]
    fn park() {
        panics("park", "task::park", || task::park().unwrap());
    }

    #[test]
    fn current() {
        panics("current", "task::current", || drop(Box::new(task::current())));
    }

    #[test]
    fn scope() {
        panics("scope", "task::scope", || task::scope(|_| Ok::<_, ()>(())).unwrap());
    }

    #[test]
    fn cancelled() {
        panics("cancelled", "task::cancelled", || assert!(task::cancelled()));
    }

    #[cfg(feature = "time")]
    #[test]
    fn park_until() {
        panics("park_until", "task::park_until", || {
            task::park_until(barecoro::time::Instant::now()).unwrap();
        });
    }

    #[cfg(feature = "time")]
    #[test]
    fn sleep() {
        panics("sleep", "time::sleep", || {
            barecoro::time::sleep(core::time::Duration::ZERO).unwrap();
        });
    }
}

/// After a run, the thread is outside again.
#[test]
fn after_a_run_the_thread_is_outside_again() {
    support::in_child("after_a_run_the_thread_is_outside_again", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| ()).unwrap();
        task::yield_now();
    })
    .by_panic("task::yield_now was called outside of a task");
}

#[cfg(feature = "time")]
#[test]
fn join_until_hands_the_handle_back() {
    use barecoro::task::JoinError;
    use barecoro::time::{Duration, Instant};
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(|| task::park().map(|()| 3)).unwrap();
        let deadline = Instant::now() + Duration::from_millis(5);
        let Err(JoinError::TimedOut(task)) = task.join_until(deadline) else {
            panic!("it is parked")
        };
        assert!(Instant::now() >= deadline);
        task.task().unpark();
        let later = Instant::now() + Duration::from_secs(100);
        assert_eq!(task.join_until(later).unwrap(), Ok(3));

        // A result that is there is handed out, however late.
        let task = task::spawn(|| 4).unwrap();
        task::yield_now();
        assert_eq!(task.join_until(deadline).unwrap(), 4);
    })
    .unwrap();
}
