//! A task that runs for too long without a switch is named, once, and nobody else is.

#![cfg(feature = "watchdog")]
#![expect(unsafe_code, reason = "the C library's sigaction(2) and timers")]

mod support;

use core::time::Duration;
use std::time::Instant;

use barecoro::task::{self, Builder};
use barecoro::{Runtime, RuntimeBuilder};
use support::{Ended, in_child};

/// Long enough that a busy machine does not keep a well-behaved task from its next switch.
const LIMIT: Duration = Duration::from_millis(200);

fn watched<const N: usize>(runtime: &'static Runtime<N>) -> RuntimeBuilder<N> {
    runtime.builder().watchdog(LIMIT)
}

/// Computes for so many limits.
fn compute(limits: f64) {
    let start = Instant::now();
    while start.elapsed() < LIMIT.mul_f64(limits) {
        core::hint::black_box(());
    }
}

/// The reports of a child that has ended well.
fn reports(ended: Ended) -> Vec<String> {
    let ended = ended.well();
    let lines = ended.stderr.lines().filter(|line| line.starts_with("barecoro: "));
    lines.map(str::to_owned).collect()
}

#[track_caller]
fn assert_reported(ended: Ended, tasks: &[&str]) {
    let reports = reports(ended);
    assert_eq!(reports.len(), tasks.len(), "{reports:#?}");
    for (report, task) in reports.iter().zip(tasks) {
        assert!(report.starts_with(&format!("barecoro: {task} (spawned at {}:", file!())));
        assert!(report.ends_with(") has run for more than 200 ms without a switch"), "{report}");
    }
}

#[test]
fn a_hog_is_named_once_with_a_backtrace() {
    let ended = in_child("a_hog_is_named_once_with_a_backtrace", || {
        static R: Runtime<4> = Runtime::new();
        let run = watched(&R).run(|| {
            drop(task::spawn(|| (0..10).for_each(|_| task::yield_now())).unwrap());
            Builder::new().name("hog").spawn(|| compute(4.0)).unwrap().join().unwrap();
        });
        run.unwrap();
    })
    .saying("\nreturn addresses:\n  0x");
    assert_reported(ended, &["task 3 \"hog\""]);
}

#[test]
fn each_stretch_is_named() {
    let ended = in_child("each_stretch_is_named", || {
        static R: Runtime<4> = Runtime::new();
        let run = watched(&R).run(|| {
            for _ in 0..2 {
                compute(2.0);
                task::yield_now();
            }
            task::spawn(|| compute(2.0)).unwrap().join().unwrap();
        });
        run.unwrap();
    });
    assert_reported(ended, &["task 1", "task 1", "task 2"]);
}

/// Time counts that is spent in system calls, too, and those go on where they were.
#[test]
fn a_blocking_call_is_named() {
    let ended = in_child("a_blocking_call_is_named", || {
        use std::io::{Read as _, Write as _};
        static R: Runtime<2> = Runtime::new();
        let run = watched(&R).run(|| {
            let (mut reader, mut writer) = std::io::pipe().unwrap();
            let late = std::thread::spawn(move || {
                std::thread::sleep(LIMIT * 2);
                writer.write_all(b"!").unwrap();
            });
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(byte, *b"!");
            late.join().unwrap();
        });
        run.unwrap();
    });
    assert_reported(ended, &["task 1"]);
}

#[test]
fn the_report_comes_in_time() {
    let ended = in_child("the_report_comes_in_time", || {
        static R: Runtime<2> = Runtime::new();
        // A good deal more than the documented quarter, for busy machines; and not a bit less.
        for (limits, name) in [(0.9, "early"), (1.8, "late")] {
            let run = || Builder::new().name(name).spawn(move || compute(limits)).unwrap().join();
            watched(&R).run(run).unwrap().unwrap();
        }
    });
    assert_reported(ended, &["task 4 \"late\""]);
}

#[test]
fn tasks_that_switch_are_left_alone() {
    let ended = in_child("tasks_that_switch_are_left_alone", || {
        static R: Runtime<8> = Runtime::new();
        let run = watched(&R).run(|| {
            let start = Instant::now();
            for _ in 0..6 {
                let yields = move || {
                    while start.elapsed() < LIMIT * 3 {
                        task::yield_now();
                    }
                };
                drop(task::spawn(yields).unwrap());
            }
        });
        run.unwrap();
    });
    assert_reported(ended, &[]);
}

/// A yield that finds nobody else ready is no switch, but the task is none to blame.
#[test]
fn a_lonely_task_that_yields_is_left_alone() {
    let ended = in_child("a_lonely_task_that_yields_is_left_alone", || {
        static R: Runtime<2> = Runtime::new();
        let run = watched(&R).run(|| {
            let start = Instant::now();
            while start.elapsed() < LIMIT * 3 {
                compute(0.01);
                task::yield_now();
            }
        });
        run.unwrap();
    });
    assert_reported(ended, &[]);
}

/// What a runtime does that sleeps counts for nobody, and it is not woken from it.
#[test]
fn an_idle_runtime_is_left_alone() {
    let ended = in_child("an_idle_runtime_is_left_alone", || {
        static R: Runtime<2> = Runtime::new();
        let switches = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("voluntary")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()
        };
        let run = watched(&R).run(|| {
            let unparker = task::current().unparker();
            let before = switches();
            let waker = std::thread::spawn(move || {
                std::thread::sleep(LIMIT * 4);
                unparker.unpark();
            });
            task::park().unwrap();
            let woken = switches() - before;
            waker.join().unwrap();
            // Once for the signal that stops the timer, once for the unpark.
            assert!(woken <= 6, "woken {woken} times");
            // It barks again after that.
            compute(2.0);
        });
        run.unwrap();
    });
    assert_reported(ended, &["task 1"]);
}

#[test]
fn two_runtimes_watch_their_own_threads() {
    let ended = in_child("two_runtimes_watch_their_own_threads", || {
        static R: [Runtime<2>; 2] = [const { Runtime::new() }; 2];
        let hog = std::thread::spawn(|| {
            let hog = Builder::new().name("hog");
            watched(&R[0]).run(|| hog.spawn(|| compute(2.5)).unwrap().join().unwrap()).unwrap();
        });
        let run = watched(&R[1]).run(|| {
            let start = Instant::now();
            while start.elapsed() < LIMIT * 2 {
                task::yield_now();
            }
        });
        run.unwrap();
        hog.join().unwrap();
    });
    assert_reported(ended, &["task 2 \"hog\""]);
}

#[test]
fn runs_leave_no_timer_and_no_mapping_behind() {
    in_child("runs_leave_no_timer_and_no_mapping_behind", || {
        static R: Runtime<2> = Runtime::new();
        let timers = || std::fs::read_to_string("/proc/self/timers").unwrap();
        watched(&R).run(|| assert!(!timers().is_empty())).unwrap();
        let before = support::mappings();
        for _ in 0..10_000 {
            watched(&R).run(|| ()).unwrap();
        }
        assert_eq!(support::mappings(), before);
        assert_eq!(timers(), "");
        // After the run nobody watches.
        compute(2.0);
    })
    .well()
    .not_saying("barecoro:");
}

#[test]
fn an_overflow_is_caught_all_the_same() {
    use std::os::unix::process::ExitStatusExt as _;
    #[inline(never)]
    fn recurse(depth: u64) -> u64 {
        let frame = core::hint::black_box([depth; 32]);
        if depth == u64::MAX { 0 } else { recurse(depth + 1) + frame[7] }
    }
    let ended = in_child("an_overflow_is_caught_all_the_same", || {
        static R: Runtime<2> = Runtime::new();
        let run = || task::spawn(|| recurse(0)).unwrap().join().unwrap();
        R.builder().watchdog(Duration::from_millis(1)).run(run).unwrap();
    });
    assert_eq!(ended.status.signal(), Some(11), "{ended:?}");
    ended.saying("overflowed its 64 KiB stack");
}

/// Who sends SIGURG otherwise is not disturbed. The watchdog does not send its own here: a signal that is sent while
/// another of its number waits to be delivered is dropped by the kernel.
#[test]
fn a_handler_that_was_there_before_gets_the_other_signals() {
    in_child("a_handler_that_was_there_before_gets_the_other_signals", || {
        static R: Runtime<2> = Runtime::new();
        urgent::install();
        let run = R.builder().watchdog(Duration::from_secs(60)).run(|| {
            for _ in 0..5 {
                compute(0.1);
                urgent::raise();
            }
        });
        run.unwrap();
        assert_eq!(urgent::count(), 5);
    })
    .well();
}

/// The C library's calls for handlers.
mod urgent {
    use core::ffi::c_int;
    use core::sync::atomic::{AtomicU32, Ordering};

    const SIGURG: c_int = 23;
    static COUNT: AtomicU32 = AtomicU32::new(0);

    unsafe extern "C" {
        fn signal(signal: c_int, handler: extern "C" fn(c_int)) -> usize;
        #[link_name = "raise"]
        fn send(signal: c_int) -> c_int;
    }

    extern "C" fn on_urgent(number: c_int) {
        if number == SIGURG {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn install() {
        // SAFETY: the handler only counts.
        unsafe { signal(SIGURG, on_urgent) };
    }

    pub(crate) fn raise() {
        // SAFETY: the signal is handled.
        unsafe { send(SIGURG) };
    }

    pub(crate) fn count() -> u32 {
        COUNT.load(Ordering::Relaxed)
    }
}
