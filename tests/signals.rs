//! Waiting for signals: who gets them, whichever thread the kernel chooses, and what is left afterwards.
//! Each test in a process of its own.
#![cfg(feature = "signal")]
#![expect(unsafe_code, reason = "sends and handles signals by libc")]

mod support;

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use barecoro::signal::{self, Signal, Signals};
use barecoro::time::{self, Duration};
use barecoro::{Driver, Errno, Runtime, task};
use support::{in_child, mappings};

const DRIVERS: [Driver; 2] = [Driver::Uring, Driver::Epoll];

fn id() -> i32 {
    std::process::id().cast_signed()
}

/// Sends this process a signal, a little later, from another thread.
fn soon(signal: Signal) {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        signal::send(id(), signal).unwrap();
    });
}

#[test]
fn only_the_one_who_waits_is_parked() {
    in_child("only_the_one_who_waits_is_parked", || {
        static R: Runtime<2> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    soon(Signal::TERM);
                    let waiter = task::spawn(|| {
                        Signals::new(&[Signal::INT, Signal::TERM]).unwrap().recv().unwrap()
                    })
                    .unwrap();
                    let mut turns = 0_u64;
                    while !waiter.is_finished() {
                        turns += 1;
                        task::yield_now();
                    }
                    assert_eq!(waiter.join().unwrap(), Signal::TERM);
                    assert!(turns > 100, "the thread stood still");
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn a_sleeping_thread_is_woken() {
    in_child("a_sleeping_thread_is_woken", || {
        static R: Runtime<1> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    let mut signals = Signals::new(&[Signal::HUP]).unwrap();
                    for _ in 0..3 {
                        soon(Signal::HUP);
                        assert_eq!(signals.recv(), Ok(Signal::HUP));
                    }
                    assert!(signals.try_recv().is_none());
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn it_does_not_matter_which_thread_gets_it() {
    unsafe extern "C" {
        fn pthread_self() -> usize;
        fn pthread_kill(thread: usize, signal: i32) -> i32;
    }
    in_child("it_does_not_matter_which_thread_gets_it", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let mut signals = Signals::new(&[Signal::USR2]).unwrap();
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                // SAFETY: to this thread itself.
                assert_eq!(unsafe { pthread_kill(pthread_self(), Signal::USR2.get()) }, 0);
            });
            assert_eq!(signals.recv(), Ok(Signal::USR2));
        })
        .unwrap();
    })
    .well();
}

#[test]
fn each_of_several_gets_what_it_wants() {
    in_child("each_of_several_gets_what_it_wants", || {
        static R: Runtime<3> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    let mut both = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
                    let mut one = Signals::new(&[Signal::USR1]).unwrap();
                    signal::raise(Signal::USR1);
                    signal::raise(Signal::USR2);
                    signal::raise(Signal::USR1);
                    // What comes again before it was taken comes once, the smallest number first.
                    assert_eq!([both.recv(), both.recv()], [Ok(Signal::USR1), Ok(Signal::USR2)]);
                    assert!(both.try_recv().is_none());
                    assert_eq!(one.recv(), Ok(Signal::USR1));
                    drop(one);
                    // The other still wants it.
                    signal::raise(Signal::USR1);
                    assert_eq!(both.recv(), Ok(Signal::USR1));
                    // On another thread's runtime.
                    static OTHER: Runtime<1> = Runtime::new();
                    let thread = std::thread::spawn(|| {
                        let wait = || Signals::new(&[Signal::USR1]).unwrap().recv();
                        OTHER.run(wait).unwrap()
                    });
                    while !thread.is_finished() {
                        signal::send(id(), Signal::USR1).unwrap();
                        assert_eq!(both.recv(), Ok(Signal::USR1));
                        time::sleep(Duration::from_millis(1)).unwrap();
                    }
                    assert_eq!(thread.join().unwrap(), Ok(Signal::USR1));
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn another_process_says_who_it_is() {
    in_child("another_process_says_who_it_is", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let mut signals = Signals::new(&[Signal::USR1, Signal::CHLD]).unwrap();
            let script = format!("kill -USR1 {}; exit 6", id());
            let mut child =
                std::process::Command::new("/bin/sh").args(["-c", &script]).spawn().unwrap();
            let info = signals.recv_info().unwrap();
            assert_eq!(info.signal(), Signal::USR1);
            assert_eq!(info.pid(), Some(child.id().cast_signed()));
            assert!(info.uid().is_some() && info.child_status().is_none(), "{info:?}");
            let info = signals.recv_info().unwrap();
            assert_eq!((info.signal(), info.child_status()), (Signal::CHLD, Some(6)));
            assert_eq!(info.pid(), Some(child.id().cast_signed()));
            // std has its status all the same.
            assert_eq!(child.wait().unwrap().code(), Some(6));
        })
        .unwrap();
    })
    .well();
}

#[test]
fn a_cancelled_wait_loses_nothing() {
    in_child("a_cancelled_wait_loses_nothing", || {
        static R: Runtime<1> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    let mut signals = Signals::new(&[Signal::TERM]).unwrap();
                    let wait = time::timeout(Duration::from_millis(10), || signals.recv());
                    assert_eq!(wait.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
                    signal::raise(Signal::TERM);
                    assert_eq!(signals.recv(), Ok(Signal::TERM));
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn afterwards_a_signal_does_what_it_did() {
    let ended = in_child("afterwards_a_signal_does_what_it_did", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let outer = Signals::new(&[Signal::TERM]).unwrap();
            drop(Signals::new(&[Signal::TERM, Signal::HUP]).unwrap());
            signal::raise(Signal::TERM);
            drop(outer);
            eprintln!("still here");
            signal::raise(Signal::TERM);
        })
        .unwrap();
    });
    assert_eq!(ended.status.signal(), Some(Signal::TERM.get()), "{ended:?}");
    ended.saying("still here");
}

#[test]
fn a_handler_from_before_is_called_too_and_comes_back() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn count(_: i32) {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
    unsafe extern "C" {
        fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
    }
    in_child("a_handler_from_before_is_called_too_and_comes_back", || {
        static R: Runtime<1> = Runtime::new();
        // SAFETY: the handler only counts.
        unsafe { signal(Signal::USR1.get(), count) };
        R.run(|| {
            let mut signals = Signals::new(&[Signal::USR1]).unwrap();
            signal::raise(Signal::USR1);
            assert_eq!(signals.recv(), Ok(Signal::USR1));
            assert_eq!(CALLS.load(Ordering::Relaxed), 1);
            drop(signals);
            signal::raise(Signal::USR1);
            assert_eq!(CALLS.load(Ordering::Relaxed), 2);
        })
        .unwrap();
    })
    .well();
}

/// Such as by longjmp(3), which POSIX allows.
#[test]
fn a_handler_from_before_may_jump_away() {
    /// Where to go on, and with which stack.
    static PLACE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

    extern "C" fn jump(_: i32) {
        // SAFETY: `raise_and_come_back` has written the place, of a stack that is still there, and
        // keeps nothing in registers.
        unsafe {
            core::arch::asm!(
                "mov rsp, [{place} + 8]",
                "jmp [{place}]",
                place = in(reg) &raw const PLACE,
                options(noreturn),
            );
        }
    }

    /// Raises USR1 for a handler that jumps.
    #[inline(never)]
    fn raise_and_come_back() {
        const TGKILL: usize = 234;
        let (process, thread) = (std::process::id(), rustix::thread::gettid().as_raw_nonzero());
        // SAFETY: sends a signal, and saves what the jump needs before.
        unsafe {
            core::arch::asm!(
                "push rbx",
                "push rbp",
                "lea rcx, [rip + 2f]",
                "mov [r12], rcx",
                "mov [r12 + 8], rsp",
                "syscall",
                "2:",
                "pop rbp",
                "pop rbx",
                inout("rax") TGKILL => _,
                in("rdi") process as usize,
                in("rsi") thread.get() as usize,
                in("rdx") Signal::USR1.get() as usize,
                inout("r12") &raw const PLACE => _,
                out("r13") _, out("r14") _, out("r15") _,
                clobber_abi("C"),
            );
        }
        // The handler has not returned, so that it waits still.
        let set = 1_u64 << (Signal::USR1.get() - 1);
        unsafe extern "C" {
            fn sigprocmask(how: i32, set: *const u64, before: *mut u64) -> i32;
        }
        // SAFETY: libc's set is longer, and the kernel reads as much as this.
        unsafe { sigprocmask(1, [set; 16].as_ptr(), core::ptr::null_mut()) };
    }

    unsafe extern "C" {
        fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
    }
    in_child("a_handler_from_before_may_jump_away", || {
        static R: Runtime<1> = Runtime::new();
        // SAFETY: it is raised by one that is ready for a jump.
        unsafe { signal(Signal::USR1.get(), jump) };
        R.run(|| {
            let mut signals = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
            for _ in 0..40 {
                raise_and_come_back();
                assert_eq!(signals.recv(), Ok(Signal::USR1));
            }
            signal::raise(Signal::USR2);
            assert_eq!(signals.recv(), Ok(Signal::USR2));
        })
        .unwrap();
    })
    .well();
}

#[test]
fn what_cannot_be_waited_for_is_an_error_and_changes_nothing() {
    in_child("what_cannot_be_waited_for_is_an_error_and_changes_nothing", || {
        for signal in [Signal::KILL, Signal::STOP, Signal::SEGV, Signal::FPE, Signal::ILL] {
            let error = Signals::new(&[Signal::USR1, signal]).unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::INVAL, "sigaction"), "{signal}");
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
        let caught = u64::from_str_radix(caught, 16).unwrap();
        assert_eq!(caught & 1 << (Signal::USR1.get() - 1), 0, "USR1 is still handled");
    })
    .well();
}

#[test]
fn sending_meets_whom_it_should() {
    in_child("sending_meets_whom_it_should", || {
        for wrong in [0, -1, i32::MIN] {
            assert_eq!(signal::send(wrong, Signal::TERM).unwrap_err().errno(), Errno::SRCH);
        }
        for wrong in [1, 0, -1] {
            assert_eq!(
                signal::send_to_group(wrong, Signal::TERM).unwrap_err().errno(),
                Errno::SRCH
            );
        }
        signal::ignore(Signal::TERM).unwrap();
        signal::raise(Signal::TERM);
        assert_eq!(signal::ignore(Signal::KILL).unwrap_err().errno(), Errno::INVAL);
        signal::reset(Signal::TERM).unwrap();
    })
    .well();
}

#[test]
fn storms_lose_nobody_and_leave_nothing() {
    in_child("storms_lose_nobody_and_leave_nothing", || {
        static R: Runtime<2> = Runtime::new();
        static SENT: AtomicUsize = AtomicUsize::new(0);
        const COUNT: usize = 20_000;
        for driver in DRIVERS {
            SENT.store(0, Ordering::Relaxed);
            // Keeps the storm from ending the process while nobody waits.
            let _shelter = Signals::new(&[Signal::USR1]).unwrap();
            let before = mappings();
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    std::thread::spawn(|| {
                        while SENT.fetch_add(1, Ordering::Relaxed) < COUNT {
                            signal::send(id(), Signal::USR1).unwrap();
                        }
                    })
                })
                .collect();
            R.builder()
                .driver(driver)
                .run(|| {
                    // Listeners come and go while handlers run on other threads.
                    while SENT.load(Ordering::Relaxed) < COUNT {
                        let mut signals = Signals::new(&[Signal::USR1]).unwrap();
                        for _ in 0..20 {
                            let wait = || signals.recv();
                            if let Ok(signal) = time::timeout(Duration::from_millis(50), wait) {
                                assert_eq!(signal, Ok(Signal::USR1));
                            }
                        }
                    }
                })
                .unwrap();
            for sender in senders {
                sender.join().unwrap();
            }
            // libc keeps some for threads; there were hundreds of listeners.
            assert!(mappings() <= before + 20, "{before} {}", mappings());
        }
    })
    .well();
}

/// Another library that handles signals calls who was there before it, and so does this one: neither
/// calls the other for ever.
#[test]
fn handlers_on_top_of_each_other_are_called_once() {
    in_child("handlers_on_top_of_each_other_are_called_once", || {
        use std::sync::Arc;
        static R: Runtime<1> = Runtime::new();
        let count = Arc::new(AtomicUsize::new(0));
        R.run(|| {
            let first = Signals::new(&[Signal::USR1]).unwrap();
            let counted = count.clone();
            let count_one = move || {
                counted.fetch_add(1, Ordering::SeqCst);
            };
            // SAFETY: it only counts.
            unsafe { signal_hook_registry::register(10, count_one) }.unwrap();
            drop(first);
            let mut second = Signals::new(&[Signal::USR1]).unwrap();
            for round in 1..=3 {
                signal::raise(Signal::USR1);
                assert_eq!(second.recv(), Ok(Signal::USR1));
                assert_eq!(count.load(Ordering::SeqCst), round);
            }
        })
        .unwrap();
    })
    .well();
}

#[test]
fn who_comes_after_somebody_has_reset_a_signal_hears_it() {
    in_child("who_comes_after_somebody_has_reset_a_signal_hears_it", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let _first = Signals::new(&[Signal::TERM]).unwrap();
            signal::reset(Signal::TERM).unwrap();
            let mut second = Signals::new(&[Signal::TERM]).unwrap();
            signal::raise(Signal::TERM);
            assert_eq!(second.recv(), Ok(Signal::TERM));
        })
        .unwrap();
    })
    .well();
}
