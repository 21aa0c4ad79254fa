//! What waits for the kernel: which one it is, that it wakes who waits, and that it leaves nothing.
#![cfg(feature = "net")]

mod support;

use core::cell::Cell;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barecoro::net::{TcpListener, UnixStream};
use barecoro::task::{self, Status};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Driver, Errno, Runtime, fd};
use support::{in_child, mappings, on_both_drivers, open_descriptors};

/// The driver that this run has: what its descriptor is called.
fn name_of_driver() -> &'static str {
    let names: Vec<_> = open_descriptors();
    match (
        names.iter().any(|name| name.contains("[io_uring]")),
        names.iter().any(|name| name.contains("[eventpoll]")),
    ) {
        (true, false) => "uring",
        (false, true) => "epoll",
        other => panic!("{other:?}"),
    }
}

/// Starts the driver with an operation that is done at once.
fn start() -> Result<(), barecoro::io::Error> {
    let (a, b) = UnixStream::pair().unwrap();
    a.write_all(b"x")?;
    fd::readable(&b)
}

#[test]
fn the_builder_chooses() {
    in_child("the_builder_chooses", || {
        static R: Runtime<1> = Runtime::new();
        for (driver, name) in [(Driver::Uring, "uring"), (Driver::Epoll, "epoll")] {
            R.builder()
                .driver(driver)
                .run(|| {
                    start().unwrap();
                    assert_eq!(name_of_driver(), name);
                })
                .unwrap();
        }
    })
    .well();
}

fn in_child_with_driver(name: &str, value: &str, body: impl FnOnce()) -> support::Ended {
    support::in_child_with(name, &[("BARECORO_DRIVER", value)], body)
}

#[test]
fn the_environment_chooses_uring() {
    in_child_with_driver("the_environment_chooses_uring", "uring", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            start().unwrap();
            assert_eq!(name_of_driver(), "uring");
        })
        .unwrap();
    })
    .well();
}

#[test]
fn the_environment_chooses_epoll() {
    in_child_with_driver("the_environment_chooses_epoll", "epoll", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            start().unwrap();
            assert_eq!(name_of_driver(), "epoll");
        })
        .unwrap();
    })
    .well();
}

#[test]
fn what_is_no_driver_is_an_error() {
    // The last one has more letters than any driver.
    for name in ["kqueue", "epollepo", "epoll, or else uring"] {
        what_is_no_driver(name);
    }
}

fn what_is_no_driver(name: &str) {
    in_child_with_driver("what_is_no_driver_is_an_error", name, || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let error = start().unwrap_err();
            assert_eq!(error.errno(), Errno::INVAL);
            assert!(error.to_string().contains("driver"), "{error}");
        })
        .unwrap();
        // The builder knows better.
        R.builder().driver(Driver::Epoll).run(|| start().unwrap()).unwrap();
    })
    .well();
}

/// Makes some system calls fail from now on, as a container's filter does.
fn forbid(calls: &[i64], errno: Errno) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
    let rules = calls.iter().map(|call| (*call, vec![])).collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.get().into()),
        TargetArch::x86_64,
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    apply_filter(&program).unwrap();
}

const IO_URING_SETUP: i64 = 425;
const EPOLL_PWAIT2: i64 = 441;

/// Nobody can wake the thread then, so it looks.
#[test]
fn where_futexes_are_forbidden_tasks_sleep_and_are_unparked_all_the_same() {
    const FUTEX: i64 = 202;
    in_child("where_futexes_are_forbidden_tasks_sleep_and_are_unparked_all_the_same", || {
        static R: Runtime<1> = Runtime::new();
        static UNPARKER: std::sync::OnceLock<task::Unparker> = std::sync::OnceLock::new();
        let _other = std::thread::spawn(|| {
            while UNPARKER.get().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(20));
            UNPARKER.get().unwrap().unpark();
        });
        // For this thread.
        forbid(&[FUTEX], Errno::PERM);
        R.run(|| {
            time::sleep(Duration::from_millis(5)).unwrap();
            UNPARKER.set(task::current().unparker()).unwrap();
            task::park().unwrap();
        })
        .unwrap();
        // Not by way of std's threads, which wait for each other by futexes.
        std::process::exit(0)
    })
    .well();
}

#[test]
fn where_uring_is_forbidden_it_is_epoll() {
    const REFUSALS: [Errno; 3] = [Errno::PERM, Errno::NOSYS, Errno::ACCES];
    for index in 0..REFUSALS.len() {
        let body = || {
            let wanted: usize = std::env::var("REFUSAL").unwrap().parse().unwrap();
            forbid(&[IO_URING_SETUP], REFUSALS[wanted]);
            static R: Runtime<1> = Runtime::new();
            R.run(|| {
                start().unwrap();
                assert_eq!(name_of_driver(), "epoll");
            })
            .unwrap();
            let asked_for = R.builder().driver(Driver::Uring).run(|| start().unwrap_err());
            assert_eq!(asked_for.unwrap().errno(), REFUSALS[wanted]);
        };
        let index = index.to_string();
        let with = [("REFUSAL", index.as_str())];
        support::in_child_with("where_uring_is_forbidden_it_is_epoll", &with, body).well();
    }
}

#[test]
fn epoll_without_its_newest_call_still_keeps_time() {
    in_child("epoll_without_its_newest_call_still_keeps_time", || {
        forbid(&[EPOLL_PWAIT2], Errno::NOSYS);
        static R: Runtime<2> = Runtime::new();
        R.builder()
            .driver(Driver::Epoll)
            .run(|| {
                let (a, b) = UnixStream::pair().unwrap();
                let start = Instant::now();
                let limited = time::timeout(Duration::from_micros(1500), || b.read(&mut [0]));
                assert!(limited.is_err());
                assert!(start.elapsed() >= Duration::from_micros(1500));
                a.write_all(b"x").unwrap();
                assert_eq!(b.read(&mut [0]), Ok(1));
            })
            .unwrap();
    })
    .well();
}

#[test]
fn a_driver_that_cannot_start_says_so_and_can_later() {
    in_child("a_driver_that_cannot_start_says_so_and_can_later", || {
        static R: Runtime<1> = Runtime::new();
        on_both_drivers(&R, || {
            let (a, b) = UnixStream::pair().unwrap();
            let mut files = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                files.push(file);
            }
            // With no descriptor left, and with one, and with two.
            for _ in 0..2 {
                let error = a.write_all(b"x").unwrap_err();
                assert_eq!((error.errno(), error.call()), (Errno::MFILE, "start of the driver"));
                files.pop();
            }
            files.clear();
            a.write_all(b"x").unwrap();
            assert_eq!(b.read(&mut [0; 2]), Ok(1));
        });
    })
    .well();
}

#[test]
fn nothing_is_left_of_a_run() {
    in_child("nothing_is_left_of_a_run", || {
        static R: Runtime<8> = Runtime::new();
        let work = || {
            let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            for _ in 0..3 {
                let client = task::spawn(move || {
                    barecoro::net::TcpStream::connect(address).unwrap().read(&mut [0; 4])
                });
                let (stream, _) = listener.accept().unwrap();
                stream.write_all(b"1234").unwrap();
                assert_eq!(client.unwrap().join().unwrap(), Ok(4));
            }
        };
        on_both_drivers(&R, work);
        let before = (open_descriptors().len(), mappings());
        for _ in 0..10 {
            on_both_drivers(&R, work);
        }
        assert_eq!((open_descriptors().len(), mappings()), before);
    })
    .well();
}

#[test]
fn another_thread_wakes_a_runtime_that_waits_for_the_kernel() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (_a, b) = UnixStream::pair().unwrap();
        let reader = task::spawn(move || b.read(&mut [0])).unwrap();
        for _ in 0..100 {
            let unparker = task::current().unparker();
            let thread = std::thread::spawn(move || unparker.unpark());
            task::park().unwrap();
            thread.join().unwrap();
        }
        reader.cancel();
        assert_eq!(reader.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
    });
}

/// The descriptor that wakes a run is closed at its end, while others are about to use it: they
/// must not write into what has its number next.
#[test]
fn who_calls_late_writes_to_nobodys_descriptor() {
    in_child("who_calls_late_writes_to_nobodys_descriptor", || {
        static R: Runtime<2> = Runtime::new();
        let stop = Arc::new(AtomicBool::new(false));
        let (send, receive) = std::sync::mpsc::channel::<task::Unparker>();
        let caller = {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut late = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    late.extend(receive.try_recv());
                    late.iter().for_each(task::Unparker::unpark);
                    if late.len() > 4 {
                        late.remove(0);
                    }
                }
            })
        };
        for round in 0..200 {
            let driver = if round % 2 == 0 { Driver::Uring } else { Driver::Epoll };
            R.builder()
                .driver(driver)
                .run(|| {
                    let (_a, b) = UnixStream::pair().unwrap();
                    send.send(task::current().unparker()).unwrap();
                    let limit = Duration::from_micros(200);
                    assert!(time::timeout(limit, || b.read(&mut [0])).is_err());
                })
                .unwrap();
            // These have the numbers that the run has just closed.
            let files: Vec<_> = (0..4).map(|_| tempfile::tempfile().unwrap()).collect();
            std::thread::yield_now();
            for file in files {
                assert_eq!(file.metadata().unwrap().len(), 0, "somebody wrote into a file");
            }
        }
        stop.store(true, Ordering::Relaxed);
        caller.join().unwrap();
    })
    .well();
}

#[test]
fn who_waits_for_the_kernel_is_not_deadlocked_and_says_what_for() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (mut peer, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        let number = ours.as_raw_fd();
        let stream = UnixStream::from(support::descriptor(ours));
        let reader =
            task::Builder::new().name("reader").spawn(move || stream.read(&mut [0])).unwrap();
        task::yield_now();
        let snapshot = R.tasks().find(|task| task.name.as_deref() == Some("reader")).unwrap();
        assert_eq!(snapshot.status, Status::Parked);
        assert_eq!(snapshot.waits_for.unwrap().to_string(), format!("recv(fd {number})"));
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            peer.write_all(b"x").unwrap();
        });
        assert_eq!(reader.join().unwrap(), Ok(1));
        thread.join().unwrap();
    });
}

/// More operations at a time than there are entries in the queue.
#[test]
fn many_more_wait_than_the_queue_has_entries() {
    const COUNT: usize = 1000;
    static R: Runtime<{ COUNT + 1 }> = Runtime::new();
    support::raise_descriptor_limit();
    on_both_drivers(&R, || {
        let sum = Rc::new(Cell::new(0));
        let (writers, tasks): (Vec<_>, Vec<_>) = (0..COUNT)
            .map(|_| {
                let (a, b) = UnixStream::pair().unwrap();
                let sum = sum.clone();
                let reader = move || {
                    let mut byte = [0];
                    while b.read(&mut byte).unwrap() == 1 {
                        sum.set(sum.get() + usize::from(byte[0]));
                    }
                };
                (a, task::spawn(reader).unwrap())
            })
            .unzip();
        for round in 1..=3_u8 {
            for writer in &writers {
                writer.write_all(&[round]).unwrap();
            }
        }
        drop(writers);
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(sum.get(), COUNT * 6);
    });
}

#[test]
fn readiness_is_waited_for_and_can_be_cancelled() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        fd::writable(&a).unwrap();
        let limited = time::timeout(Duration::from_millis(2), || fd::readable(&b));
        assert_eq!(limited.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
        // Two wait for one descriptor, one of them by its owner's calls.
        task::scope(|s| {
            let waiting = s.spawn(|| fd::readable(&b).map_err(Errno::from))?;
            let reading = s.spawn(|| b.read(&mut [0; 1]).map_err(Errno::from))?;
            task::yield_now();
            a.write_all(b"xy").unwrap();
            waiting.join()?;
            assert_eq!(reading.join()?, 1);
            Ok::<_, Errno>(())
        })
        .unwrap();
        drop(a);
        fd::readable(&b).unwrap();
        assert_eq!(b.read(&mut [0; 8]), Ok(1));
        assert_eq!(b.read(&mut [0; 8]), Ok(0));
    });
}

/// A busy run looks for answers of the kernel too.
#[test]
fn busy_tasks_do_not_starve_those_that_wait_for_the_kernel() {
    static R: Runtime<8> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        let stop = Rc::new(Cell::new(false));
        for _ in 0..4 {
            let stop = stop.clone();
            drop(task::spawn(move || {
                while !stop.get() {
                    task::yield_now();
                }
            }));
        }
        let echo = task::spawn(move || {
            let mut byte = [0];
            while b.read(&mut byte).unwrap() == 1 {
                b.write_all(&byte).unwrap();
            }
        })
        .unwrap();
        for round in 0..20_u8 {
            a.write_all(&[round]).unwrap();
            let mut byte = [0];
            assert_eq!(a.read(&mut byte), Ok(1));
            assert_eq!(byte[0], round);
        }
        drop(a);
        echo.join().unwrap();
        stop.set(true);
    });
}

/// And who never has to wait for the kernel lets others run all the same.
#[test]
fn who_is_always_served_at_once_does_not_starve_others() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let ran = Rc::new(Cell::new(false));
        let inside = ran.clone();
        drop(task::spawn(move || inside.set(true)));
        let (a, b) = UnixStream::pair().unwrap();
        for _ in 0..1000 {
            a.write_all(b"x").unwrap();
            assert_eq!(b.read(&mut [0]), Ok(1));
        }
        assert!(ran.get());
    });
}

/// Also where nobody else is ready, but sleeps or waits for the kernel.
#[test]
fn who_is_always_served_at_once_keeps_nobody_from_waking() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let left = Rc::new(Cell::new(2));
        let sleeps = left.clone();
        drop(task::spawn(move || {
            time::sleep(Duration::from_millis(1)).unwrap();
            sleeps.set(sleeps.get() - 1);
        }));
        let ((from, to), reads) = (UnixStream::pair().unwrap(), left.clone());
        drop(task::spawn(move || {
            to.read(&mut [0]).unwrap();
            reads.set(reads.get() - 1);
        }));
        task::yield_now();
        std::thread::sleep(Duration::from_millis(5));
        from.write_all(b"x").unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        for _ in 0..100 {
            a.write_all(b"x").unwrap();
            assert_eq!(b.read(&mut [0]), Ok(1));
        }
        assert_eq!(left.get(), 0, "tasks that could go on after 200 calls of another one");
    });
}

/// The kernel adds the time that it is to a limit, which must not wrap around.
#[test]
fn a_limit_that_never_comes_does_not_keep_the_processor_busy() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        let ours = UnixStream::from(support::descriptor(ours));
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            (&theirs).write_all(b"x").unwrap();
        });
        start().unwrap();
        let before = support::cpu_time();
        let read = time::timeout(Duration::MAX, || ours.read(&mut [0]));
        assert_eq!(read.unwrap(), Ok(1));
        assert!(support::cpu_time() - before < Duration::from_millis(100));
        writer.join().unwrap();
    });
}
