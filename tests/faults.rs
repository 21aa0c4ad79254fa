//! Faults that are no overflow of a task's stack go the way that they went before.

#![cfg(feature = "overflow")]
#![expect(unsafe_code, reason = "does what must fault; the C library's sigaction(2)")]

mod support;

use core::hint::black_box;
use std::os::unix::process::ExitStatusExt as _;

use barecoro::{Runtime, task};
use support::{Ended, in_child};

const SIGSEGV: i32 = 11;

/// Calls itself until the stack ends.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + black_box(frame)[7] }
}

trait Judge {
    /// A death by SIGSEGV without a report of this crate's.
    fn faulted(self) -> Self;
}

impl Judge for Ended {
    #[track_caller]
    fn faulted(self) -> Self {
        assert_eq!(self.status.signal(), Some(SIGSEGV), "{self:#?}");
        self.not_saying("barecoro:")
    }
}

fn dereference_null() -> u8 {
    // SAFETY: it is not: the process ends here.
    unsafe { black_box(core::ptr::null::<u8>()).read_volatile() }
}

#[test]
fn a_null_pointer_in_a_task() {
    in_child("a_null_pointer_in_a_task", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| task::spawn(dereference_null).unwrap().join().unwrap()).unwrap();
    })
    .faulted();
}

/// Another task's guard is not the running one's.
#[test]
fn a_stray_write_into_another_tasks_guard() {
    in_child("a_stray_write_into_another_tasks_guard", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let here = 0_u8;
            // Over the rest of the own stack and of the next one, which lie in turn.
            let address = (&raw const here).addr().wrapping_add(4096) & !4095;
            let address = core::ptr::with_exposed_provenance::<u8>(address + 100);
            let other = task::spawn(task::park).unwrap();
            task::yield_now();
            drop(other);
            // SAFETY: as above.
            unsafe { address.read_volatile() }
        })
        .unwrap();
    })
    .faulted();
}

#[test]
fn a_signal_that_a_process_has_sent() {
    in_child("a_signal_that_a_process_has_sent", || {
        static R: Runtime<2> = Runtime::new();
        // std's own handler would take the first for a fault that comes again.
        actions::set_default();
        let kill = || {
            unsafe extern "C" {
                fn getpid() -> i32;
                fn kill(process: i32, signal: i32) -> i32;
            }
            // SAFETY: the process is to end by it.
            unsafe { kill(getpid(), 11) };
            std::thread::sleep(core::time::Duration::from_secs(5));
        };
        R.run(kill).unwrap();
        eprintln!("survived");
    })
    .faulted()
    .not_saying("survived");
}

#[test]
fn std_reports_its_own_overflows() {
    in_child("std_reports_its_own_overflows", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| ()).unwrap();
        let thread = std::thread::Builder::new().name("plain".to_owned());
        thread.spawn(|| recurse(0)).unwrap().join().unwrap();
    })
    .by_abort()
    .saying("thread 'plain'")
    .saying("has overflowed its stack")
    .not_saying("barecoro:");
}

/// While a runtime runs on this very thread, which keeps the alternate stack of std's.
#[test]
fn std_reports_them_on_other_threads_during_a_run() {
    in_child("std_reports_them_on_other_threads_during_a_run", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let thread = std::thread::Builder::new().name("plain".to_owned());
            thread.spawn(|| recurse(0)).unwrap().join().unwrap()
        })
        .unwrap();
    })
    .by_abort()
    .saying("thread 'plain'")
    .saying("has overflowed its stack")
    .not_saying("barecoro:");
}

/// A fault in a task, with a handler that was installed before the run.
fn handled(test: &str, way: actions::Way) -> Ended {
    in_child(test, || {
        static R: Runtime<2> = Runtime::new();
        actions::install(way);
        R.run(|| task::spawn(dereference_null).unwrap().join().unwrap()).unwrap();
    })
    .saying("the handler before\n")
    .not_saying("barecoro:")
}

#[test]
fn a_plain_handler_that_was_there_before_is_called() {
    let ended = handled("a_plain_handler_that_was_there_before_is_called", actions::Way::Plain);
    assert_eq!(ended.status.code(), Some(77), "{ended:?}");
}

#[test]
fn a_handler_that_was_there_before_gets_all_that_the_kernel_gives() {
    let name = "a_handler_that_was_there_before_gets_all_that_the_kernel_gives";
    let ended = handled(name, actions::Way::WithInfo);
    assert_eq!(ended.status.code(), Some(77), "{ended:?}");
}

#[test]
fn a_handler_that_wants_to_be_called_once_is_called_once() {
    let name = "a_handler_that_wants_to_be_called_once_is_called_once";
    let ended = handled(name, actions::Way::Once).faulted();
    assert_eq!(ended.stderr.matches("the handler before").count(), 1);
}

#[test]
fn a_handler_that_was_there_before_is_called_after_the_report_too() {
    let name = "a_handler_that_was_there_before_is_called_after_the_report_too";
    let ended = in_child(name, || {
        static R: Runtime<2> = Runtime::new();
        actions::install(actions::Way::WithInfo);
        R.run(|| task::spawn(|| recurse(0)).unwrap().join().unwrap()).unwrap();
    });
    assert_eq!(ended.status.code(), Some(77), "{ended:?}");
    ended.saying("overflowed its 64 KiB stack\n").saying("the handler before\n");
}

#[test]
fn a_process_that_ignores_them_dies_all_the_same() {
    in_child("a_process_that_ignores_them_dies_all_the_same", || {
        static R: Runtime<2> = Runtime::new();
        actions::ignore();
        R.run(|| {
            // What a process sends is ignored, though.
            actions::raise();
            eprintln!("went on");
            task::spawn(|| recurse(0)).unwrap().join().unwrap()
        })
        .unwrap();
    })
    .saying("went on\n")
    .saying("overflowed its 64 KiB stack\n");
}

/// The C library's calls for handlers.
mod actions {
    use core::ffi::{c_int, c_void};

    use super::SIGSEGV;

    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Way {
        Plain,
        Once,
        WithInfo,
    }

    #[repr(C)]
    struct Action {
        handler: usize,
        mask: [u64; 16],
        flags: c_int,
        restorer: usize,
    }

    unsafe extern "C" {
        fn sigaction(signal: c_int, new: *const Action, old: *mut Action) -> c_int;
        #[link_name = "raise"]
        fn send(signal: c_int) -> c_int;
        fn write(fd: c_int, bytes: *const u8, count: usize) -> isize;
        fn _exit(code: c_int) -> !;
        fn sigprocmask(how: c_int, new: *const u64, old: *mut [u64; 16]) -> c_int;
    }

    fn say(text: &str) {
        // SAFETY: plain bytes.
        unsafe { write(2, text.as_ptr(), text.len()) };
    }

    /// SIGUSR1, which the handlers want blocked.
    const OTHER: u64 = 1 << 9;

    fn is_blocked(signals: u64) -> bool {
        let mut blocked = [0; 16];
        // SAFETY: the set is as large as any.
        unsafe { sigprocmask(0, core::ptr::null(), &raw mut blocked) };
        blocked[0] & signals == signals
    }

    extern "C" fn plain(signal: c_int) {
        if signal == SIGSEGV && is_blocked(OTHER | 1 << (SIGSEGV - 1)) {
            say("the handler before\n");
        }
        // SAFETY: ends the process.
        unsafe { _exit(77) }
    }

    extern "C" fn once(_signal: c_int) {
        say("the handler before\n");
    }

    extern "C" fn with_info(signal: c_int, info: *const c_int, context: *const c_void) {
        // SAFETY: the first number of what the kernel passes.
        if signal == SIGSEGV && unsafe { *info } == SIGSEGV && !context.is_null() {
            say("the handler before\n");
        }
        // SAFETY: ends the process.
        unsafe { _exit(77) }
    }

    fn set(handler: usize, flags: c_int) {
        let mut mask = [0; 16];
        mask[0] = OTHER;
        let action = Action { handler, mask, flags, restorer: 0 };
        // SAFETY: the handlers do only what handlers may.
        let result = unsafe { sigaction(SIGSEGV, &raw const action, core::ptr::null_mut()) };
        assert_eq!(result, 0);
    }

    pub(crate) fn install(way: Way) {
        const SA_SIGINFO: c_int = 4;
        const SA_ONSTACK: c_int = 0x0800_0000;
        const SA_RESETHAND: c_int = c_int::MIN;
        match way {
            Way::Plain => set(plain as *const () as usize, SA_ONSTACK),
            Way::Once => set(once as *const () as usize, SA_ONSTACK | SA_RESETHAND),
            Way::WithInfo => set(with_info as *const () as usize, SA_ONSTACK | SA_SIGINFO),
        }
    }

    pub(crate) fn set_default() {
        set(0, 0);
    }

    pub(crate) fn ignore() {
        set(1, 0);
    }

    pub(crate) fn raise() {
        // SAFETY: the signal is handled.
        unsafe { send(SIGSEGV) };
    }
}
