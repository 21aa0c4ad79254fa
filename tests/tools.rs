//! valgrind and AddressSanitizer see what goes wrong on a task's stack, and nothing else. Run by
//! `just valgrind` and `just asan`.
#![cfg(any(feature = "asan", feature = "valgrind"))]
#![expect(unsafe_code, reason = "reads what is not there any more")]

#[cfg(feature = "valgrind")]
mod common;
mod support;

use core::cell::Cell;

use barecoro::{Runtime, task};

/// The address of a variable that is gone when this returns.
#[inline(never)]
fn address_of_a_local() -> *const u64 {
    let local = Cell::new(std::process::id().into());
    std::hint::black_box(&local).as_ptr()
}

/// A task reads a variable of a function that it has called, and which has returned.
#[cfg(feature = "asan")]
#[test]
fn a_use_after_return_is_caught() {
    let ended = support::in_child("a_use_after_return_is_caught", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let task = task::Builder::new().name("careless").spawn(|| {
                let address = address_of_a_local();
                task::yield_now();
                // SAFETY: it is not, and that is what the test is about.
                let value = unsafe { address.read_volatile() };
                eprintln!("nobody has noticed: {value}");
            });
            task.unwrap().join().unwrap();
        })
        .unwrap();
    });
    assert!(!ended.status.success(), "{ended:?}");
    ended
        .saying("AddressSanitizer: stack-use-after-return")
        .saying("address_of_a_local")
        .not_saying("nobody has noticed");
}

/// Somebody reads a variable on the stack of a task that has ended.
#[cfg(feature = "valgrind")]
#[test]
fn a_use_of_an_ended_tasks_stack_is_caught() {
    use std::process::Command;

    static R: Runtime<2> = Runtime::new();
    if std::env::var_os("BARECORO_PLANTED").is_some() {
        R.run(|| {
            let address = task::spawn(address_of_a_local).unwrap().join().unwrap();
            // SAFETY: it is not, and that is what the test is about.
            let value = unsafe { address.read_volatile() };
            std::hint::black_box(value);
        })
        .unwrap();
        return;
    }
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--error-exitcode=9", "--trace-children=no"]);
    valgrind.arg(std::env::current_exe().unwrap());
    valgrind.args(["--exact", "a_use_of_an_ended_tasks_stack_is_caught"]);
    let ended = common::run(valgrind.env("BARECORO_PLANTED", "1"));
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("Invalid read of size 8"), "{ended:?}");
    assert!(!ended.stderr.contains("client switching stacks"), "{ended:?}");
}

/// A program without libc says by itself which memory is a stack.
#[cfg(feature = "valgrind")]
#[test]
fn valgrind_knows_the_stacks_of_a_freestanding_program() {
    use std::process::Command;

    let features = "start,panic-handler,io,time,mem";
    let under_valgrind = |features: &str| {
        let program = common::build("stable", "example", "hello", features, "dev");
        let mut valgrind = Command::new("valgrind");
        let ended = common::run(valgrind.args(["--error-exitcode=9"]).arg(program));
        assert_eq!(ended.stdout, "hello, world: 42\n", "{ended:?}");
        ended
    };
    let warning = "client switching stacks";
    let without = under_valgrind(features);
    assert!(without.stderr.contains(warning), "it is worth the feature: {without:?}");
    let with = under_valgrind(&format!("{features},valgrind"));
    assert!(!with.stderr.contains(warning) && with.code == Some(0), "{with:?}");
}
