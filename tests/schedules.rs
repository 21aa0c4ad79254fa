//! Thousands of schedules of the same programs: under every one of them, what is promised holds.

mod support;

use core::cell::{Cell, RefCell};
use std::collections::HashSet;

use barecoro::task::{self, Cancelled, JoinError, WaitError};
use barecoro::time::{self, Duration, Elapsed, Instant, SystemTime, UNIX_EPOCH};
use barecoro::{Errno, RunError, Runtime};

const SEEDS: u64 = 2_000;

/// The order in which three tasks take their turns.
fn trace(runtime: &'static Runtime<8>, seed: u64) -> Vec<u32> {
    let trace = RefCell::new(Vec::new());
    let run = || {
        task::scope(|s| {
            for task in 0..3 {
                let trace = &trace;
                s.spawn(move || {
                    for step in 0..4 {
                        trace.borrow_mut().push(10 * task + step);
                        if step == 2 {
                            time::sleep(Duration::from_millis(u64::from(3 - task)))?;
                        } else {
                            task::yield_now();
                        }
                    }
                    Ok(())
                })
                .unwrap();
            }
            Ok::<_, Cancelled>(())
        })
    };
    runtime.builder().seed(seed).run(run).unwrap().unwrap();
    trace.into_inner()
}

#[test]
fn a_seed_decides_the_order() {
    static R: Runtime<8> = Runtime::new();
    let mut seen = HashSet::new();
    for seed in 0..200 {
        let once = trace(&R, seed);
        assert_eq!(once, trace(&R, seed), "seed {seed}");
        for task in 0..3 {
            let own: Vec<_> = once.iter().filter(|step| **step / 10 == task).collect();
            assert!(
                own.len() == 4 && own.is_sorted(),
                "a task's own steps stay in order: {once:?}"
            );
        }
        seen.insert(once);
    }
    assert!(seen.len() > 100, "{} orders", seen.len());
}

#[test]
fn time_is_virtual_in_the_run_and_nowhere_else() {
    static R: Runtime<2> = Runtime::new();
    let real = std::time::Instant::now();
    let before = Instant::now();
    let slept = R.builder().seed(1).run(|| {
        let start = Instant::now();
        time::sleep(Duration::from_secs(1_000_000)).unwrap();
        let elsewhere = std::thread::spawn(Instant::now).join().unwrap();
        assert!(elsewhere.duration_since(before) < Duration::from_secs(60));
        start.elapsed()
    });
    let slept = slept.unwrap();
    assert!(slept >= Duration::from_secs(1_000_000) && slept < Duration::from_secs(1_000_001));
    assert!(real.elapsed() < Duration::from_secs(60));
    assert!(before.elapsed() < Duration::from_secs(60));
    let begins = || R.builder().seed(2).run(|| (Instant::now(), SystemTime::now())).unwrap();
    assert_eq!(begins(), begins());
    assert!(begins().1 < UNIX_EPOCH + Duration::from_secs(86_400));
    // A run without a seed has the real time.
    let (now, today) = R.run(|| (Instant::now(), SystemTime::now())).unwrap();
    assert!(now.duration_since(before) < Duration::from_secs(60));
    assert!(today > UNIX_EPOCH + Duration::from_secs(86_400));
}

#[test]
fn who_polls_the_clock_sees_it_pass() {
    static R: Runtime<1> = Runtime::new();
    let polled = R.builder().seed(3).run(|| {
        let end = Instant::now() + Duration::from_millis(1);
        let mut turns = 0;
        while Instant::now() < end {
            task::yield_now();
            turns += 1;
        }
        turns
    });
    assert!((500..=1000).contains(&polled.unwrap()));
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    static R: Runtime<33> = Runtime::new();
    for seed in 0..200 {
        let woken = RefCell::new(Vec::new());
        let run = || {
            task::scope(|s| {
                for n in (0..32_u64).rev() {
                    let woken = &woken;
                    s.spawn(move || {
                        time::sleep(Duration::from_secs(n / 2))?;
                        woken.borrow_mut().push(n / 2);
                        Ok(())
                    })
                    .unwrap();
                }
                Ok::<_, Cancelled>(())
            })
        };
        R.builder().seed(seed).run(run).unwrap().unwrap();
        assert!(woken.borrow().is_sorted(), "seed {seed}: {woken:?}");
    }
}

/// No unpark is lost: a consumer gets every item, whoever goes first.
#[test]
fn no_unpark_is_lost() {
    static R: Runtime<4> = Runtime::new();
    for seed in 0..SEEDS {
        let run = || {
            let items = RefCell::new(Vec::new());
            let taken = Cell::new(0);
            let consumer = task::current();
            task::scope(|s| {
                for producer in 0..3 {
                    let items = &items;
                    s.spawn(move || {
                        for item in 0..5 {
                            items.borrow_mut().push(10 * producer + item);
                            consumer.unpark();
                            if item % 2 == 0 {
                                task::yield_now();
                            }
                        }
                        Ok(())
                    })
                    .unwrap();
                }
                while taken.get() < 15 {
                    let item = items.borrow_mut().pop();
                    match item {
                        Some(_) => taken.set(taken.get() + 1),
                        None => task::park()?,
                    }
                }
                Ok::<_, Cancelled>(())
            })
        };
        let ended = R.builder().seed(seed).run(run);
        assert!(matches!(ended, Ok(Ok(()))), "seed {seed}: {ended:?}");
    }
}

/// Whether the deadline or the end comes first, the value or the handle is there.
#[test]
fn no_result_is_lost_between_a_deadline_and_an_end() {
    static R: Runtime<3> = Runtime::new();
    let mut outcomes = HashSet::new();
    for seed in 0..SEEDS {
        let run = move || {
            let millis = Duration::from_millis;
            let task = task::spawn(move || {
                let slept = time::sleep(millis(seed % 3 + 9));
                (slept, vec![seed])
            });
            match task.unwrap().join_until(Instant::now() + millis(10)) {
                Ok((slept, value)) => (slept.is_ok() && value == [seed]).then_some("joined"),
                Err(JoinError::TimedOut(task)) => {
                    task.cancel();
                    let (slept, value) = task.join().unwrap();
                    (value == [seed]).then_some(if slept.is_ok() { "late" } else { "cancelled" })
                }
                Err(_) => None,
            }
        };
        let outcome = R.builder().seed(seed).run(run).unwrap();
        outcomes.insert(outcome.unwrap_or_else(|| panic!("seed {seed}")));
    }
    assert!(outcomes.len() >= 2, "{outcomes:?}");
}

/// The first failure ends the rest, and nobody outlives the scope.
#[test]
fn a_scope_ends_with_its_first_failure_and_after_all_its_tasks() {
    static R: Runtime<8> = Runtime::new();
    let mut errors = HashSet::new();
    for seed in 0..SEEDS {
        let (running, failed) = (Cell::new(0), Cell::new(None));
        let run = || {
            let result = task::scope(|s| {
                for n in 0..6_i32 {
                    let (running, failed) = (&running, &failed);
                    let spawned = s.spawn(move || {
                        running.set(running.get() + 1);
                        (0..n % 3).for_each(|_| task::yield_now());
                        let result = if n % 2 == 0 {
                            failed.set(failed.get().or(Some(n)));
                            Err(n)
                        } else {
                            time::sleep(Duration::from_secs(1)).map_err(|_| -1)
                        };
                        running.set(running.get() - 1);
                        result
                    });
                    drop(spawned.unwrap());
                }
                Ok(())
            });
            assert_eq!(running.get(), 0, "seed {seed}");
            result
        };
        let error = R.builder().seed(seed).run(run).unwrap().unwrap_err();
        assert_eq!(Some(error), failed.get(), "seed {seed}");
        errors.insert(error);
    }
    assert_eq!(errors.len(), 3, "each of the three was first at some time: {errors:?}");
}

/// Of a cancellation, a limit, an own deadline and an unpark, one ends a wait, and the others
/// find it ended.
#[test]
fn exactly_one_thing_ends_a_wait() {
    static R: Runtime<5> = Runtime::new();
    let mut seen = HashSet::new();
    for seed in 0..SEEDS {
        let run = || {
            let micros = |n: u64| Duration::from_micros(5 * n);
            let waiter = task::spawn(move || {
                let start = Instant::now();
                let ended =
                    time::timeout_until(start + micros(3), || task::park_until(start + micros(4)));
                // Whatever it was, the next wait is not ended by it, unless it was cancelled.
                let next = task::park_until(start + Duration::from_secs(1));
                (ended, next)
            });
            let waiter = waiter.unwrap();
            let unparked = waiter.unparker();
            let unpark = task::spawn(move || {
                time::sleep(micros(seed % 6)).unwrap();
                unparked.unpark();
            });
            if seed % 4 == 0 {
                time::sleep(micros(seed / 4 % 6)).unwrap();
                waiter.cancel();
            }
            unpark.unwrap().join().unwrap();
            waiter.join().unwrap()
        };
        let (ended, next) = R.builder().seed(seed).run(run).unwrap();
        let first = match ended {
            Ok(Ok(())) => "unparked",
            Ok(Err(WaitError::TimedOut)) => "own deadline",
            Ok(Err(WaitError::Cancelled)) => "cancelled",
            Err(Elapsed(Err(WaitError::Cancelled))) => "limit",
            Err(Elapsed(other)) => panic!("seed {seed}: {other:?}"),
        };
        match (first, next) {
            // The unpark has come once, so it is here or there.
            ("unparked", Ok(())) => panic!("seed {seed}: two unparks"),
            ("limit" | "own deadline", Err(WaitError::TimedOut)) => {
                panic!("seed {seed}: the unpark is lost")
            }
            _ => {}
        }
        seen.insert(first);
    }
    assert!(["unparked", "limit", "cancelled"].iter().all(|end| seen.contains(end)), "{seen:?}");
}

/// Whoever is shielded gets what it waits for, whenever it is cancelled.
#[test]
fn a_shield_holds_whenever_the_cancellation_comes() {
    static R: Runtime<3> = Runtime::new();
    for seed in 0..SEEDS {
        let run = || {
            let task = task::spawn(|| {
                let inside = task::shield(|| {
                    task::yield_now();
                    let slept = time::sleep(Duration::from_micros(20));
                    task::yield_now();
                    slept
                });
                (inside, task::park())
            });
            let task = task.unwrap();
            (0..seed % 5).for_each(|_| task::yield_now());
            time::sleep(Duration::from_micros(4 * (seed % 7))).unwrap();
            task.cancel();
            task.join().unwrap()
        };
        let ended = R.builder().seed(seed).run(run).unwrap();
        assert_eq!(ended, (Ok(()), Err(Cancelled)), "seed {seed}");
    }
}

#[test]
fn a_deadlock_is_found_at_once() {
    static R: Runtime<2> = Runtime::new();
    let ended = R.builder().seed(5).run(|| task::park().map_err(Errno::from));
    assert!(matches!(ended, Err(RunError::Deadlock)), "{ended:?}");
}

/// The outside world is real: other threads wake tasks of a simulated run.
#[test]
fn another_thread_can_wake_a_simulated_task() {
    static R: Runtime<2> = Runtime::new();
    let woken = R.builder().seed(6).run(|| {
        let unparker = task::current().unparker();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            unparker.unpark();
        });
        let parked = task::park();
        other.join().unwrap();
        parked
    });
    assert_eq!(woken.unwrap(), Ok(()));
}
