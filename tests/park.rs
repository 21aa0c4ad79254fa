//! Parking, and waking from the same run, from other threads and from signal handlers.

mod support;

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use barecoro::Runtime;
use barecoro::task::{self, Unparker};
use support::Trace;

/// More switches than pass between two looks at what comes from outside.
fn let_the_runtime_look_outside() {
    (0..200).for_each(|_| task::yield_now());
}

#[test]
fn park_waits_for_unpark() {
    static R: Runtime<2> = Runtime::new();
    let trace = Trace::new();
    let noted = trace.clone();
    R.run(move || {
        let inner = noted.clone();
        let parked = task::spawn(move || {
            inner.note("parks");
            task::park().unwrap();
            inner.note("goes on");
        })
        .unwrap();
        let_the_runtime_look_outside();
        noted.note("unparks");
        parked.task().unpark();
        noted.note("unpark returns");
        parked.join().unwrap();
    })
    .unwrap();
    assert_eq!(trace.take(), ["parks", "unparks", "unpark returns", "goes on"]);
}

#[test]
fn an_unpark_that_comes_first_is_kept() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        task::current().unpark();
        task::park().unwrap();

        let late = task::spawn(|| task::park().unwrap()).unwrap();
        late.task().unpark(); // before it has started
        late.join().unwrap();
    })
    .unwrap();
}

#[test]
fn many_unparks_are_kept_as_one() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let parks = Rc::new(Cell::new(0));
        let counted = parks.clone();
        let task = task::spawn(move || {
            for _ in 0..3 {
                task::park().unwrap();
                counted.set(counted.get() + 1);
            }
        })
        .unwrap();
        for expected in 1..=3 {
            (0..3).for_each(|_| task.task().unpark());
            // The first time it has not started; then it is parked, and the first of the three
            // wakes it while the others leave a token.
            let_the_runtime_look_outside();
            let reached = if expected == 1 { 1 } else { 3 };
            assert_eq!(parks.get(), reached);
            if reached == 3 {
                break;
            }
        }
        task.join().unwrap();
    })
    .unwrap();
}

#[test]
fn an_unpark_does_not_wake_from_other_waits() {
    static R: Runtime<3> = Runtime::new();
    R.run(|| {
        let slow = task::spawn(|| task::park().unwrap()).unwrap();
        let slow_task = slow.task();
        let joiner = task::spawn(move || {
            slow.join().unwrap();
            task::park().unwrap(); // the token that came during the join
        })
        .unwrap();
        task::yield_now();
        joiner.task().unpark();
        let_the_runtime_look_outside();
        assert!(!joiner.is_finished());
        slow_task.unpark();
        joiner.join().unwrap();
    })
    .unwrap();
}

#[test]
fn an_ended_task_cannot_be_unparked() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let first = task::spawn(|| ()).unwrap();
        let (stale, unparker) = (first.task(), first.unparker());
        first.join().unwrap();
        // The next one has the same slot.
        let tenant = task::spawn(|| task::park().unwrap()).unwrap();
        assert_ne!(tenant.id(), stale.id());
        for _ in 0..3 {
            stale.unpark();
            unparker.unpark();
            let_the_runtime_look_outside();
            assert!(!tenant.is_finished());
        }
        tenant.task().unpark();
        tenant.join().unwrap();
    })
    .unwrap();
}

/// The same, but the call is under way while one task follows the other.
#[test]
fn a_late_unpark_does_not_reach_the_next_task() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        for _ in 0..500 {
            let first = task::spawn(|| ()).unwrap();
            let unparker = first.unparker();
            unparker.unpark();
            first.join().unwrap();
            let tenant = task::spawn(|| task::park().is_ok()).unwrap();
            let_the_runtime_look_outside();
            assert!(!tenant.is_finished());
            tenant.task().unpark();
            assert!(tenant.join().unwrap());
        }
    })
    .unwrap();
}

#[test]
fn a_late_unpark_does_not_hide_a_good_one() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        for _ in 0..500 {
            let first = task::spawn(|| ()).unwrap();
            let stale = first.unparker();
            stale.unpark();
            first.join().unwrap();
            let tenant = task::spawn(|| task::park().unwrap()).unwrap();
            tenant.unparker().unpark();
            stale.unpark();
            tenant.join().unwrap();
        }
    })
    .unwrap();
}

#[test]
fn another_thread_wakes_a_sleeping_runtime() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let unparker = task::current().unparker();
        let called = Arc::new(AtomicBool::new(false));
        let noted = called.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            noted.store(true, Ordering::SeqCst);
            unparker.unpark();
        });
        task::park().unwrap();
        assert!(called.load(Ordering::SeqCst));
        thread.join().unwrap();
    })
    .unwrap();
}

#[test]
fn another_thread_wakes_a_task_of_a_busy_runtime() {
    static R: Runtime<3> = Runtime::new();
    R.run(|| {
        let parked = task::spawn(|| task::park().unwrap()).unwrap();
        let unparker = parked.unparker();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            unparker.unpark();
        });
        while !parked.is_finished() {
            task::yield_now();
        }
        thread.join().unwrap();
    })
    .unwrap();
}

/// Several threads at several tasks; a lost wake-up would hang it.
#[test]
fn threads_may_hammer() {
    const TASKS: usize = 7;
    const THREADS: usize = 4;
    const CALLS: usize = if cfg!(debug_assertions) { 3000 } else { 20_000 };
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let counts: Arc<[AtomicUsize; TASKS]> = Arc::default();
        let tasks: [_; TASKS] = core::array::from_fn(|index| {
            let counts = counts.clone();
            task::spawn(move || {
                while counts[index].load(Ordering::Acquire) < THREADS * CALLS {
                    task::park().unwrap();
                }
            })
            .unwrap()
        });
        let threads: [_; THREADS] = core::array::from_fn(|_| {
            let (counts, unparkers) =
                (counts.clone(), tasks.each_ref().map(|task| task.unparker()));
            std::thread::spawn(move || {
                for call in 0..CALLS {
                    for (count, unparker) in counts.iter().zip(&unparkers) {
                        count.fetch_add(1, Ordering::Release);
                        unparker.unpark();
                    }
                    if call % 512 == 0 {
                        // Now and then the runtime falls asleep.
                        std::thread::sleep(Duration::from_micros(300));
                    }
                }
            })
        });
        for task in tasks {
            task.join().unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
    })
    .unwrap();
}

/// Each side waits for the other all the time, so every wake-up meets the runtime falling asleep.
#[test]
fn a_thread_and_a_task_take_turns() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 3000 } else { 10_000 };
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let turn = Arc::new(AtomicUsize::new(0));
        let unparker = task::current().unparker();
        let theirs = turn.clone();
        let thread = std::thread::spawn(move || {
            for round in 0..ROUNDS {
                while theirs.load(Ordering::Acquire) != 2 * round + 1 {
                    std::thread::park();
                }
                theirs.store(2 * round + 2, Ordering::Release);
                unparker.unpark();
            }
        });
        for round in 0..ROUNDS {
            turn.store(2 * round + 1, Ordering::Release);
            thread.thread().unpark();
            while turn.load(Ordering::Acquire) != 2 * round + 2 {
                task::park().unwrap();
            }
        }
        thread.join().unwrap();
    })
    .unwrap();
}

/// The other thread calls a little later each time, so that one call comes just when the runtime
/// has looked for calls and is about to sleep. A lost one would hang it.
#[test]
fn a_call_may_come_at_any_moment_of_falling_asleep() {
    const ROUNDS: usize = 50_000;
    const MOST_SPINS: usize = if cfg!(debug_assertions) { 400 } else { 1500 };
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let round = Arc::new(AtomicUsize::new(0));
        let (theirs, unparker) = (round.clone(), task::current().unparker());
        let thread = std::thread::spawn(move || {
            for next in 1..=ROUNDS {
                while theirs.load(Ordering::Acquire) != next {
                    core::hint::spin_loop();
                }
                for spin in 0..next % MOST_SPINS {
                    core::hint::black_box(spin);
                }
                unparker.unpark();
            }
        });
        for next in 1..=ROUNDS {
            round.store(next, Ordering::Release);
            task::park().unwrap();
        }
        thread.join().unwrap();
    })
    .unwrap();
}

/// Tasks that come and go in one slot, and a thread that keeps unparking those that are gone.
#[test]
fn threads_may_hammer_at_what_is_gone() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 2000 } else { 10_000 };
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let (sender, receiver) = std::sync::mpsc::channel::<Unparker>();
        let thread = std::thread::spawn(move || {
            let mut last: Option<Unparker> = None;
            for unparker in receiver {
                unparker.unpark();
                last.iter().for_each(Unparker::unpark);
                last = Some(unparker);
            }
        });
        for _ in 0..ROUNDS {
            let task = task::spawn(|| task::park().unwrap()).unwrap();
            sender.send(task.unparker()).unwrap();
            // Each needs its own unpark, and nobody else's will do.
            task.join().unwrap();
        }
        drop(sender);
        thread.join().unwrap();
    })
    .unwrap();
}

#[test]
fn an_unparker_outlives_task_and_run() {
    static R: Runtime<2> = Runtime::new();
    let unparker = R.run(|| task::current().unparker()).unwrap();
    let copy = unparker.clone();
    unparker.unpark();
    std::thread::spawn(move || copy.unpark()).join().unwrap();
    // A later run on another thread has the same slots, and learns nothing of it.
    std::thread::spawn(|| {
        R.run(|| {
            let parked = task::spawn(|| task::park().unwrap()).unwrap();
            let_the_runtime_look_outside();
            assert!(!parked.is_finished());
            parked.task().unpark();
        })
        .unwrap();
    })
    .join()
    .unwrap();
    unparker.unpark();
    assert_eq!(unparker.id().get(), 1);
}

#[test]
fn a_signal_handler_wakes_a_sleeping_runtime() {
    #![expect(unsafe_code, reason = "sets a signal handler, by the libc that std links")]
    use std::sync::OnceLock;

    const SIGUSR1: i32 = 10;
    static R: Runtime<2> = Runtime::new();
    static UNPARKER: OnceLock<Unparker> = OnceLock::new();
    static SIGNALS: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn pthread_self() -> usize;
        fn pthread_kill(thread: usize, number: i32) -> i32;
    }

    extern "C" fn handler(_: i32) {
        SIGNALS.fetch_add(1, Ordering::SeqCst);
        // Neither `get`, once it is set, nor `unpark` waits or allocates.
        if let Some(unparker) = UNPARKER.get() {
            unparker.unpark();
        }
    }

    support::in_child("a_signal_handler_wakes_a_sleeping_runtime", || {
        const ROUNDS: usize = 200;
        // SAFETY: the handler does only what a handler may do.
        let this = unsafe {
            signal(SIGUSR1, handler);
            pthread_self()
        };
        R.run(|| {
            UNPARKER.set(task::current().unparker()).unwrap();
            let handled = Arc::new(AtomicUsize::new(0));
            let seen = handled.clone();
            let thread = std::thread::spawn(move || {
                for round in 0..ROUNDS {
                    // Some come while the runtime sleeps, and some on its way there.
                    std::thread::sleep(Duration::from_micros(if round % 2 == 0 { 500 } else { 0 }));
                    // SAFETY: the thread lives until it has joined this one.
                    assert_eq!(unsafe { pthread_kill(this, SIGUSR1) }, 0);
                    while seen.load(Ordering::SeqCst) <= round {
                        std::thread::yield_now();
                    }
                }
            });
            for round in 0..ROUNDS {
                task::park().unwrap();
                assert!(SIGNALS.load(Ordering::SeqCst) > round);
                handled.fetch_add(1, Ordering::SeqCst);
            }
            thread.join().unwrap();
        })
        .unwrap();
        assert_eq!(SIGNALS.load(Ordering::SeqCst), ROUNDS);
    })
    .well();
}

#[cfg(feature = "time")]
mod until {
    use barecoro::task::WaitError;
    use barecoro::time::Instant;

    use super::*;

    #[test]
    fn the_deadline_ends_it_and_not_before() {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let deadline = Instant::now() + Duration::from_millis(10);
            assert_eq!(task::park_until(deadline), Err(WaitError::TimedOut));
            assert!(Instant::now() >= deadline);
            assert_eq!(task::park_until(deadline), Err(WaitError::TimedOut), "it has passed");
        })
        .unwrap();
    }

    #[test]
    fn an_unpark_ends_it() {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let far = Instant::now() + Duration::from_secs(1000);
            let parked = task::spawn(move || task::park_until(far)).unwrap();
            task::yield_now();
            parked.task().unpark();
            assert_eq!(parked.join().unwrap(), Ok(()));

            // Nor does a token let it wait, even if the deadline has passed.
            task::current().unpark();
            assert_eq!(task::park_until(Instant::now()), Ok(()));
        })
        .unwrap();
    }

    /// A timer that was not needed leaves nothing behind that would wake a later wait.
    #[test]
    fn an_old_deadline_does_not_end_a_new_wait() {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let soon = Instant::now() + Duration::from_millis(5);
            let parked = task::spawn(move || {
                assert_eq!(task::park_until(soon), Ok(()));
                task::park()
            })
            .unwrap();
            task::yield_now();
            parked.task().unpark();
            assert_eq!(
                task::park_until(soon + Duration::from_millis(10)),
                Err(WaitError::TimedOut)
            );
            assert!(!parked.is_finished());
            parked.task().unpark();
            assert_eq!(parked.join().unwrap(), Ok(()));
        })
        .unwrap();
    }
}
