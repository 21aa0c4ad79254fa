//! Sleeping: who does, for how long, and in which order they wake.
//!
//! Nothing here asks for speed: lower bounds are exact, and there are no upper ones.
#![cfg(feature = "time")]

mod support;

use core::cell::Cell;
use std::rc::Rc;

use barecoro::Runtime;
use barecoro::task::{self, Cancelled};
use barecoro::time::{self, Duration, Instant};
use support::Trace;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn only_the_sleeper_is_parked() {
    static R: Runtime<3> = Runtime::new();
    R.run(|| {
        let sleeper = task::spawn(|| time::sleep(millis(20))).unwrap();
        let mut turns = 0_u32;
        while !sleeper.is_finished() {
            turns += 1;
            task::yield_now();
        }
        assert_eq!(sleeper.join().unwrap(), Ok(()));
        assert!(turns > 1, "the thread slept");
    })
    .unwrap();
}

#[test]
fn nobody_wakes_early() {
    static R: Runtime<64> = Runtime::new();
    R.run(|| {
        let sleepers: Vec<_> = (0..60_u64)
            .map(|number| {
                task::spawn(move || {
                    for round in 0..5 {
                        // From a microsecond to some milliseconds, to the nanosecond.
                        let span = Duration::from_nanos(1 + (number * 7919 + round * 104_729) * 7);
                        let (start, std_start) = (Instant::now(), std::time::Instant::now());
                        time::sleep(span).unwrap();
                        let (slept, std_slept) = (start.elapsed(), std_start.elapsed());
                        assert!(slept >= span && std_slept >= span, "{span:?}: {slept:?}");
                    }
                })
                .unwrap()
            })
            .collect();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    })
    .unwrap();
}

/// Repeats `attempt` until it says that it was in time: a machine may be so busy that a deadline
/// has passed before the task that is to meet it has started.
fn until_in_time<T>(mut attempt: impl FnMut() -> (bool, T)) -> T {
    loop {
        if let (true, result) = attempt() {
            return result;
        }
    }
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    static R: Runtime<128> = Runtime::new();
    const COUNT: u64 = 100;
    let woken = until_in_time(|| {
        let trace = Trace::new();
        let in_time = R.run(|| {
            let start = Instant::now() + millis(20);
            for number in 0..COUNT {
                let trace = trace.clone();
                // Every number from 0 to 99 comes once, not in order; 100 µs lie between two.
                let place = number * 37 % COUNT;
                drop(task::spawn(move || {
                    time::sleep_until(start + Duration::from_micros(place * 100)).unwrap();
                    trace.note(place);
                }));
            }
            task::yield_now();
            Instant::now() < start
        });
        (in_time.unwrap(), trace.take())
    });
    assert!(woken.iter().copied().eq(0..COUNT), "{woken:?}");
}

#[test]
fn sleepers_of_one_deadline_wake_in_the_order_in_which_they_came() {
    static R: Runtime<128> = Runtime::new();
    let woken = until_in_time(|| {
        let trace = Trace::new();
        let in_time = R.run(|| {
            let now = Instant::now();
            let deadlines = [now, now + millis(20), now + millis(10)];
            for number in 0..99 {
                let trace = trace.clone();
                drop(task::spawn(move || {
                    time::sleep_until(deadlines[number % 3]).unwrap();
                    trace.note(number);
                }));
            }
            task::yield_now();
            Instant::now() < deadlines[2]
        });
        (in_time.unwrap(), trace.take())
    });
    let group = |rest: usize| (0..99).filter(move |number| number % 3 == rest);
    assert!(woken.iter().copied().eq(group(0).chain(group(2)).chain(group(1))), "{woken:?}");
}

#[test]
fn a_deadline_that_has_passed_is_no_wait() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        time::sleep(Duration::ZERO).unwrap();
        let past = Instant::now() - Duration::from_secs(1);
        time::sleep_until(past).unwrap();
        time::sleep_until(Instant::now() - Duration::MAX).unwrap();
    })
    .unwrap();
}

#[test]
fn other_tasks_run_during_a_sleep_of_nothing() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let ran = Rc::new(Cell::new(false));
        let inside = ran.clone();
        drop(task::spawn(move || inside.set(true)));
        time::sleep(Duration::ZERO).unwrap();
        assert!(ran.get());
    })
    .unwrap();
}

#[test]
fn a_sleep_without_end_can_be_cancelled() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let sleepers = [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)]
            .map(|span| task::spawn(move || time::sleep(span)).unwrap());
        // Long enough for the thread to have slept with these deadlines.
        time::sleep(millis(10)).unwrap();
        assert!(sleepers.iter().all(|sleeper| !sleeper.is_finished()));
        for sleeper in sleepers {
            sleeper.cancel();
            assert_eq!(sleeper.join().unwrap(), Err(Cancelled));
        }
    })
    .unwrap();
}

/// The only thing to wait for is too far off for the kernel's clock, and yet it is no deadlock.
#[test]
fn a_runtime_sleeps_without_end_until_another_thread_calls() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let sleeper = task::spawn(|| time::sleep(Duration::MAX)).unwrap();
        let unparker = task::current().unparker();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(millis(20));
            unparker.unpark();
        });
        task::park().unwrap();
        thread.join().unwrap();
        sleeper.cancel();
    })
    .unwrap();
}

#[test]
fn thousands_sleep_at_once() {
    const COUNT: u64 = 10_000;
    static R: Runtime<10_001> = Runtime::new();
    R.builder()
        .stack_size(16 * 1024)
        .run(|| {
            let woken = Rc::new(Cell::new(0));
            let start = Instant::now();
            for number in 0..COUNT {
                let woken = woken.clone();
                drop(
                    task::spawn(move || {
                        // Spread over 40 ms, many at a time.
                        let span = millis(10 + number * 7919 % 40);
                        time::sleep_until(start + span).unwrap();
                        assert!(start.elapsed() >= span);
                        woken.set(woken.get() + 1);
                    })
                    .unwrap(),
                );
            }
            while woken.get() < COUNT {
                time::sleep(millis(1)).unwrap();
            }
        })
        .unwrap();
}

#[test]
fn busy_tasks_do_not_starve_sleepers() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let stop = Rc::new(Cell::new(false));
        for _ in 0..5 {
            let stop = stop.clone();
            drop(task::spawn(move || {
                while !stop.get() {
                    task::yield_now();
                }
            }));
        }
        for _ in 0..10 {
            time::sleep(millis(1)).unwrap();
        }
        stop.set(true);
    })
    .unwrap();
}

/// What wakes them is also what they do to each other.
#[test]
fn sleepers_may_be_busy_with_each_other() {
    static R: Runtime<32> = Runtime::new();
    R.run(|| {
        let tasks: Vec<_> = (0..30_u64)
            .map(|number| {
                task::spawn(move || {
                    let mut naps = 0;
                    for round in 0..20 {
                        let child = task::spawn(move || {
                            time::sleep(Duration::from_micros((number + round) % 5 * 50))
                        });
                        match child {
                            Ok(child) if round % 2 == 0 => child.join().unwrap().unwrap(),
                            Ok(child) => child.cancel(),
                            Err(_full) => task::yield_now(),
                        }
                        naps += 1;
                    }
                    naps
                })
                .unwrap()
            })
            .collect();
        let naps: u64 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(naps, 600);
    })
    .unwrap();
}
