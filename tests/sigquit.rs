//! SIGQUIT lists the tasks of the runtimes that were told to, and nothing else happens.
#![cfg(feature = "overflow")]
#![expect(unsafe_code, reason = "sends signals")]

mod support;

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use barecoro::time::{self, Duration};
use barecoro::{Runtime, task};
use support::in_child;

const SIGQUIT: i32 = 3;

/// Sends this process the signal, a little later.
fn quit_soon() -> std::thread::JoinHandle<()> {
    unsafe extern "C" {
        fn getpid() -> i32;
        fn kill(process: i32, signal: i32) -> i32;
    }
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(50));
        // SAFETY: the handler, if there is one, is the crate's.
        assert_eq!(unsafe { kill(getpid(), SIGQUIT) }, 0);
        std::thread::sleep(Duration::from_millis(50));
    })
}

#[test]
fn a_sleeping_runtime_lists_its_tasks_and_goes_on() {
    in_child("a_sleeping_runtime_lists_its_tasks_and_goes_on", || {
        static R: Runtime<4> = Runtime::new();
        R.builder()
            .tasks_on_sigquit()
            .run(|| {
                let parked = task::Builder::new().name("patient").spawn(task::park).unwrap();
                let quit = quit_soon();
                time::sleep(Duration::from_millis(300)).unwrap();
                parked.task().unpark();
                parked.join().unwrap().unwrap();
                quit.join().unwrap();
                eprintln!("goes on");
            })
            .unwrap();
    })
    .well()
    .saying("barecoro: tasks of a runtime: 2\n  1  parked for ")
    .saying(", waits for a deadline  stack ")
    .saying("\n  2 patient  parked for ")
    .saying(", waits for an unpark  stack ")
    .saying("KiB  tests/sigquit.rs:")
    .saying("goes on");
}

#[test]
fn a_busy_runtime_lists_them_too() {
    in_child("a_busy_runtime_lists_them_too", || {
        static R: Runtime<4> = Runtime::new();
        static SENT: AtomicBool = AtomicBool::new(false);
        R.builder()
            .tasks_on_sigquit()
            .run(|| {
                std::thread::spawn(|| {
                    quit_soon().join().unwrap();
                    SENT.store(true, Ordering::Relaxed);
                });
                let other = task::Builder::new().name("other");
                let yields = || {
                    while !SENT.load(Ordering::Relaxed) {
                        task::yield_now();
                    }
                };
                let other = other.spawn(yields).unwrap();
                yields();
                other.join().unwrap();
            })
            .unwrap();
    })
    .well()
    .saying("barecoro: tasks of a runtime: 2\n")
    .saying("  2 other  ");
}

#[test]
fn each_runtime_that_was_told_to_lists_its_own() {
    static ONE: Runtime<2> = Runtime::new();
    static TWO: Runtime<2> = Runtime::new();
    static DEAF: Runtime<2> = Runtime::new();
    let ended = in_child("each_runtime_that_was_told_to_lists_its_own", || {
        let wait = |name: &str| {
            let waiter = task::Builder::new().name(name).spawn(|| {
                time::sleep(Duration::from_millis(300)).unwrap();
            });
            waiter.unwrap().join().unwrap();
        };
        std::thread::scope(|s| {
            s.spawn(|| ONE.builder().tasks_on_sigquit().run(|| wait("one")).unwrap());
            s.spawn(|| TWO.builder().tasks_on_sigquit().run(|| wait("two")).unwrap());
            s.spawn(|| DEAF.run(|| wait("deaf")).unwrap());
            quit_soon();
        });
    });
    ended.well().saying("  2 one  ").saying("  2 two  ").not_saying("deaf");
}

#[test]
fn without_it_the_signal_ends_the_process() {
    let ended = in_child("without_it_the_signal_ends_the_process", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            quit_soon();
            time::sleep(Duration::from_millis(500)).unwrap();
        })
        .unwrap();
    });
    assert_eq!(ended.status.signal(), Some(SIGQUIT), "{ended:?}");
}
