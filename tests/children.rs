//! What is left of children: no zombies, no descriptors, no mappings, and no status that somebody else
//! has taken. Each test in a process of its own, as children are counted.
#![cfg(feature = "process")]
#![expect(unsafe_code, reason = "sets limits, and starts processes by libc")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use barecoro::process::{self, Command, Stdio};
use barecoro::signal::{Signal, Signals};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Driver, Errno, Runtime, task};
use support::{in_child, mappings};

const DRIVERS: [Driver; 2] = [Driver::Uring, Driver::Epoll];

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

/// The states of this process's children, as in proc(5).
fn children() -> Vec<char> {
    let own = format!(" {} ", std::process::id());
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok());
    let states = processes.filter_map(|stat| {
        let (_, rest) = stat.rsplit_once(") ")?;
        rest[1..].starts_with(&own).then(|| rest.chars().next().unwrap())
    });
    states.collect()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        time::sleep(Duration::from_millis(2)).unwrap();
    }
}

#[test]
fn nothing_is_left_of_them() {
    in_child("nothing_is_left_of_them", || {
        static R: Runtime<2> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    let once = || {
                        assert!(shell("exit 0").status().unwrap().success());
                        assert_eq!(*shell("echo x; echo y >&2").output().unwrap().stderr, *b"y\n");
                        let mut child = Command::new("cat")
                            .stdin(Stdio::piped())
                            .stdout(Stdio::null())
                            .spawn()
                            .unwrap();
                        child.wait().unwrap();
                        Command::new("/no/such").stdin(Stdio::piped()).spawn().unwrap_err();
                        Command::new("true").current_dir("/no/such").spawn().unwrap_err();
                    };
                    once();
                    let before = (descriptors(), mappings());
                    for _ in 0..50 {
                        once();
                    }
                    assert_eq!((descriptors(), mappings()), before);
                    assert_eq!(children(), []);
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn a_child_inherits_no_descriptor_of_the_crate_s() {
    in_child("a_child_inherits_no_descriptor_of_the_crate_s", || {
        static R: Runtime<1> = Runtime::new();
        // The fourth is the folder that is listed; others may come from who has started the tests.
        let usual = std::process::Command::new("ls").arg("/proc/self/fd").output().unwrap();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    let _signals = Signals::new(&[Signal::USR1]).unwrap();
                    let _other = Command::new("cat")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .kill_on_drop(true)
                        .spawn()
                        .unwrap();
                    let output = Command::new("ls").arg("/proc/self/fd").output().unwrap();
                    assert_eq!(*output.stdout, *usual.stdout);
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn those_that_were_dropped_are_reaped_with_the_next_start() {
    in_child("those_that_were_dropped_are_reaped_with_the_next_start", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            for _ in 0..300 {
                drop(shell("exit 0").spawn().unwrap());
            }
            drop(Command::new("sleep").arg("100").kill_on_drop(true).spawn().unwrap());
            until("all have ended", || children().iter().all(|state| *state == 'Z'));
            let mut last = Command::new("true").spawn().unwrap();
            assert!(children().len() <= 1);
            last.wait().unwrap();
            assert_eq!(children(), []);
        })
        .unwrap();
    })
    .well();
}

#[test]
fn a_reaper_takes_orphans_and_no_status_away() {
    in_child("a_reaper_takes_orphans_and_no_status_away", || {
        static R: Runtime<4> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    process::set_child_subreaper(true).unwrap();
                    let reaper = task::spawn(process::reap_orphans).unwrap();
                    let mut kept: Vec<_> = (0..40)
                        .map(|code| shell(&format!("exit {code}")).spawn().unwrap())
                        .collect();
                    // The grandchild's parent ends before it does.
                    assert!(shell("sleep 0.1 & exit 0").status().unwrap().success());
                    until("the reaper has taken all", || children().is_empty());
                    for (code, child) in (0..).zip(&mut kept) {
                        assert_eq!(child.wait().unwrap().code(), Some(code));
                    }
                    // One that somebody waits for already.
                    let waiter = task::spawn(|| shell("sleep 0.05; exit 9").status()).unwrap();
                    assert_eq!(waiter.join().unwrap().unwrap().code(), Some(9));
                    reaper.cancel();
                    let error = reaper.join().unwrap().unwrap_err();
                    assert_eq!(error.errno(), Errno::CANCELED);
                    // The same without the task.
                    let mut child = shell("exit 8").spawn().unwrap();
                    let reaped = loop {
                        if let Some(reaped) = process::reap().unwrap() {
                            break reaped;
                        }
                        time::sleep(Duration::from_millis(1)).unwrap();
                    };
                    assert_eq!((reaped.id(), reaped.status().code()), (child.id(), Some(8)));
                    assert_eq!(child.wait().unwrap().code(), Some(8));
                    assert_eq!(process::reap().unwrap_err().errno(), Errno::CHILD);
                })
                .unwrap();
        }
    })
    .well();
}

#[test]
fn a_reaper_on_another_thread_takes_no_status_away_either() {
    in_child("a_reaper_on_another_thread_takes_no_status_away_either", || {
        static R: Runtime<1> = Runtime::new();
        static END: AtomicBool = AtomicBool::new(false);
        let reaper = std::thread::spawn(|| {
            while !END.load(Ordering::Relaxed) {
                let _reaped = process::reap();
                std::thread::yield_now();
            }
        });
        R.run(|| {
            for code in 0..200 {
                let status = shell(&format!("exit {code}")).status().unwrap();
                assert_eq!(status.code(), Some(code));
                Command::new("/no/such").spawn().unwrap_err();
            }
        })
        .unwrap();
        END.store(true, Ordering::Relaxed);
        reaper.join().unwrap();
    })
    .well();
}

#[test]
fn a_status_that_others_have_taken_is_an_error() {
    in_child("a_status_that_others_have_taken_is_an_error", || {
        unsafe extern "C" {
            fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
        }
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let mut child = shell("exit 1").spawn().unwrap();
            // SAFETY: no status is wanted.
            assert_eq!(unsafe { waitpid(-1, core::ptr::null_mut(), 0) }, child.id());
            assert_eq!(child.wait().unwrap_err().errno(), Errno::CHILD);
        })
        .unwrap();
    })
    .well();
}

#[test]
fn closed_standard_streams_and_overlaps_work() {
    in_child("closed_standard_streams_and_overlaps_work", || {
        unsafe extern "C" {
            fn close(fd: i32) -> i32;
        }
        static R: Runtime<1> = Runtime::new();
        for driver in DRIVERS {
            R.builder()
                .driver(driver)
                .run(|| {
                    // Pipes then get the numbers 0 and 1, the wrong way round and on themselves.
                    // SAFETY: nobody in this process uses them.
                    unsafe {
                        close(0);
                        close(1);
                    }
                    let script = "read line; echo \"$line\"; echo \"$line\" >&2";
                    for _ in 0..3 {
                        let mut child = shell(script)
                            .stdin(Stdio::piped())
                            .stdout(Stdio::piped())
                            .stderr(Stdio::piped())
                            .spawn()
                            .unwrap();
                        child.stdin.take().unwrap().write_all(b"line\n").unwrap();
                        let output = child.wait_with_output().unwrap();
                        assert!(output.status.success());
                        assert_eq!(
                            (&*output.stdout, &*output.stderr),
                            (&b"line\n"[..], &b"line\n"[..])
                        );
                    }
                })
                .unwrap();
        }
    })
    .well();
}

/// Sets a limit of this process (getrlimit(2)).
fn limit(what: i32, most: u64) {
    unsafe extern "C" {
        fn setrlimit(what: i32, limits: *const [u64; 2]) -> i32;
    }
    // SAFETY: a pair of numbers, as `struct rlimit` is.
    assert_eq!(unsafe { setrlimit(what, &[most, most]) }, 0);
}

#[test]
fn without_descriptors_nothing_is_started() {
    const RLIMIT_NOFILE: i32 = 7;
    in_child("without_descriptors_nothing_is_started", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            limit(RLIMIT_NOFILE, 64);
            let mut files = Vec::new();
            while let Ok(file) = fs::File::open("/dev/null") {
                files.push(file);
            }
            let mut steps = Vec::new();
            let outcome = loop {
                // The more there are, the further it gets.
                match shell("exit 2").stdin(Stdio::piped()).stdout(Stdio::null()).spawn() {
                    Err(error) => {
                        assert_eq!(error.errno(), Errno::MFILE);
                        steps.push(error.call());
                        files.pop().unwrap();
                    }
                    Ok(child) => break child,
                }
            };
            assert_eq!(steps, ["pipe", "pipe", "open", "clone"]);
            drop(files);
            let mut child = outcome;
            assert_eq!(child.wait().unwrap().code(), Some(2));
        })
        .unwrap();
    })
    .well();
}

#[test]
fn without_room_for_processes_nothing_is_started() {
    const RLIMIT_NPROC: i32 = 6;
    unsafe extern "C" {
        fn setuid(user: u32) -> i32;
        fn getuid() -> u32;
    }
    in_child("without_room_for_processes_nothing_is_started", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            // The limit does not count for root.
            // SAFETY: changes who the process is, and no memory.
            if unsafe { getuid() == 0 && setuid(54_321) != 0 } {
                return;
            }
            limit(RLIMIT_NPROC, 1);
            let error = shell("exit 0").spawn().unwrap_err();
            assert_eq!((error.call(), error.errno()), ("clone", Errno::AGAIN));
            assert_eq!(children(), []);
        })
        .unwrap();
    })
    .well();
}

/// Forbids `clone3(2)` with `ENOSYS`, as filters of containers do (seccomp(2)).
fn forbid_clone3() {
    #[repr(C)]
    struct Program {
        length: u16,
        instructions: *const [u64; 4],
    }
    unsafe extern "C" {
        fn prctl(what: i32, ...) -> i32;
    }
    const PR_SET_NO_NEW_PRIVS: i32 = 38;
    const PR_SET_SECCOMP: i32 = 22;
    const SECCOMP_MODE_FILTER: usize = 2;
    const CLONE3: u64 = 435;
    const ENOSYS: u64 = 38;
    // Each: an operation of 16 bits, two distances of 8 bits, a constant of 32 bits.
    let instructions = [
        0x20,                             // load the number of the call
        0x15 | 1 << 24 | CLONE3 << 32,    // if it is not this one, skip the next
        0x06 | (0x5_0000 | ENOSYS) << 32, // fail with an error
        0x06 | 0x7fff_0000 << 32,         // allow
    ];
    let program = Program { length: 4, instructions: &instructions };
    // SAFETY: the program is as seccomp(2) wants it.
    unsafe {
        assert_eq!(prctl(PR_SET_NO_NEW_PRIVS, 1_usize, 0_usize, 0_usize, 0_usize), 0);
        assert_eq!(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

#[test]
fn where_clone3_is_forbidden_clone_does_it() {
    in_child("where_clone3_is_forbidden_clone_does_it", || {
        static R: Runtime<1> = Runtime::new();
        forbid_clone3();
        R.run(|| {
            // A handler of this process's must not be the child's.
            let _signals = Signals::new(&[Signal::USR1]).unwrap();
            assert_eq!(shell("exit 7").status().unwrap().code(), Some(7));
            let output = Command::new("cat").arg("/proc/self/status").output().unwrap();
            let output = String::from_utf8(output.stdout.to_vec()).unwrap();
            assert!(output.contains("Seccomp:\t2\n"), "{output}");
            assert!(output.contains("SigBlk:\t0000000000000000\n"), "{output}");
            let error = Command::new("/no/such").spawn().unwrap_err();
            assert_eq!((error.call(), error.errno()), ("execve", Errno::NOENT));
            assert_eq!(children(), []);
        })
        .unwrap();
    })
    .well();
}

#[test]
fn a_handler_does_not_run_in_a_child() {
    in_child("a_handler_does_not_run_in_a_child", || {
        static R: Runtime<1> = Runtime::new();
        static END: AtomicBool = AtomicBool::new(false);
        let _signals = Signals::new(&[Signal::USR1]).unwrap();
        // To all of the group, also to children that have not become their program yet.
        let group =
            Command::new("sleep").arg("100").process_group(0).kill_on_drop(true).spawn().unwrap();
        let leader = group.id();
        let sender = std::thread::spawn(move || {
            while !END.load(Ordering::Relaxed) {
                let _sent = barecoro::signal::send_to_group(leader, Signal::USR1);
                std::thread::sleep(Duration::from_micros(20));
            }
        });
        R.run(|| {
            for _ in 0..50 {
                let status = Command::new("true").process_group(leader).status();
                match status {
                    Ok(status) => assert!(
                        status.success() || status.signal() == Some(Signal::USR1),
                        "{status}"
                    ),
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .unwrap();
        END.store(true, Ordering::Relaxed);
        sender.join().unwrap();
    })
    .well();
}
