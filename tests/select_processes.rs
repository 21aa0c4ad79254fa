//! `select!` with arms for signals and ends of processes. Each test in a process of its own, on both
//! drivers.
#![cfg(all(feature = "process", feature = "sync", feature = "uring"))]

mod support;

use std::cell::Cell;

use barecoro::process::{self, Command, Stdio};
use barecoro::signal::{self, Signal, Signals};
use barecoro::sync::Channel;
use barecoro::task;
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, select};
use support::{in_child, mappings, on_both_drivers, open_descriptors};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn id() -> i32 {
    std::process::id().cast_signed()
}

/// How often the running task was switched to.
fn switches<const N: usize>(runtime: &'static Runtime<N>) -> u32 {
    let id = task::current().id();
    runtime.tasks().find(|task| task.id == id).unwrap().switches
}

#[test]
fn the_end_of_a_process_is_waited_for() {
    in_child("the_end_of_a_process_is_waited_for", || {
        static R: Runtime<3> = Runtime::new();
        on_both_drivers(&R, || {
            let mut child = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
            // It is not chosen, and its standard input stays open.
            for _ in 0..50 {
                select! {
                    wait(child) -> _ => unreachable!(),
                    sleep(Duration::from_micros(100)) => {}
                }
            }
            assert!(select! { wait(child) -> _ => false, default => true });
            let error = time::timeout(millis(1), || select! { wait(child) -> status => status });
            let error = error.unwrap_err().0.unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::CANCELED, "wait"));
            child.signal(Signal::USR1).unwrap();
            let status = select! { wait(child) -> status => status.unwrap(), sleep(millis(9000)) => unreachable!() };
            assert_eq!(status.signal(), Some(Signal::USR1));
            // The status stays.
            for _ in 0..3 {
                assert_eq!(select! { wait(child) -> again => again }, Ok(status));
                assert!(select! { wait(child) -> again => again == Ok(status), default => false });
                assert_eq!(child.try_wait(), Ok(Some(status)));
                assert_eq!(child.wait(), Ok(status));
            }
        });
    })
    .well();
}

/// Ten at a time, in any order, while somebody else reaps all that he can.
#[test]
fn each_status_is_for_who_has_the_child() {
    in_child("each_status_is_for_who_has_the_child", || {
        static R: Runtime<16> = Runtime::new();
        on_both_drivers(&R, || {
            let reaper = task::spawn(process::reap_orphans).unwrap();
            let waiting: Vec<_> = (0..10_i32)
                .map(|number| {
                    task::spawn(move || {
                        let script = format!("sleep 0.0{}; exit {number}", number % 3);
                        let child =
                            Command::new("/bin/sh").arg("-c").arg(&*script).spawn().unwrap();
                        let mut interval = time::interval(millis(1));
                        loop {
                            select! {
                                wait(child) -> status => return status.unwrap().code(),
                                tick(interval) -> _ => {}
                            }
                        }
                    })
                    .unwrap()
                })
                .collect();
            for (task, number) in waiting.into_iter().zip(0..) {
                assert_eq!(task.join().unwrap(), Some(number));
            }
            reaper.cancel();
            assert_eq!(reaper.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
        });
    })
    .well();
}

/// What a child prints, and its end, whichever comes first.
#[test]
fn output_and_end_are_waited_for_together() {
    in_child("output_and_end_are_waited_for_together", || {
        static R: Runtime<2> = Runtime::new();
        on_both_drivers(&R, || {
            let script = "for n in 1 2 3; do echo $n; sleep 0.01; done; exit 5";
            let mut child = Command::new("/bin/sh")
                .arg("-c")
                .arg(script)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = child.stdout.take().unwrap();
            let mut text = Vec::new();
            let status = loop {
                let mut buffer = [0; 16];
                select! {
                    biased;
                    readable(output) -> ready => {
                        ready.unwrap();
                        match output.try_read(&mut buffer).unwrap() {
                            0 => break child.wait().unwrap(),
                            count => text.extend(&buffer[..count]),
                        }
                    }
                    wait(child) -> status => {
                        let status = status.unwrap();
                        while let Ok(count @ 1..) = output.read(&mut buffer) {
                            text.extend(&buffer[..count]);
                        }
                        break status;
                    }
                }
            };
            assert_eq!((text.as_slice(), status.code()), (b"1\n2\n3\n".as_slice(), Some(5)));
        });
    })
    .well();
}

#[test]
fn no_signal_is_lost_when_another_arm_is_chosen() {
    in_child("no_signal_is_lost_when_another_arm_is_chosen", || {
        static R: Runtime<3> = Runtime::new();
        static C: Channel<u32, 1> = Channel::new();
        on_both_drivers(&R, || {
            let mut signals = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
            let answered = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
            let sender = {
                let answered = answered.clone();
                std::thread::spawn(move || {
                    for round in 0..300 {
                        let signal = if round % 3 == 0 { Signal::USR2 } else { Signal::USR1 };
                        signal::send(id(), signal).unwrap();
                        let start = std::time::Instant::now();
                        while answered.load(std::sync::atomic::Ordering::SeqCst) <= round {
                            assert!(start.elapsed().as_secs() < 20, "signal {round} was lost");
                            std::thread::yield_now();
                        }
                    }
                })
            };
            let busy = task::spawn(|| while C.send(1).is_ok() {}).unwrap();
            let others = Cell::new(0);
            for round in 0..300 {
                let signal = loop {
                    select! {
                        recv(signals) -> signal => break signal.unwrap(),
                        recv(C) -> _ => others.set(others.get() + 1),
                        sleep(Duration::from_micros(20)) => {}
                    }
                    // The plain calls in between take none away either.
                    if round % 7 == 0
                        && let Some(info) = signals.try_recv()
                    {
                        break info.signal();
                    }
                    if round % 5 == 0 {
                        break signals.recv().unwrap();
                    }
                };
                assert_eq!(signal, if round % 3 == 0 { Signal::USR2 } else { Signal::USR1 });
                answered.store(round + 1, std::sync::atomic::Ordering::SeqCst);
            }
            busy.cancel();
            busy.join().unwrap();
            while C.try_recv().is_ok() {}
            sender.join().unwrap();
            assert!(others.get() > 0 && signals.try_recv().is_none());
        });
    })
    .well();
}

/// Two tasks share what notes signals: if both come at a time, each gets one.
#[test]
fn two_who_wait_for_the_same_signals_get_both() {
    in_child("two_who_wait_for_the_same_signals_get_both", || {
        static R: Runtime<3> = Runtime::new();
        on_both_drivers(&R, || {
            let signals = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
            for _ in 0..100 {
                let start = Instant::now();
                let [first, second] = task::scope(|s| {
                    let receive = || {
                        Ok::<_, Errno>(select! {
                            recv(signals) -> signal => signal?,
                            sleep(millis(5000)) => return Err(Errno::TIMEDOUT),
                        })
                    };
                    let tasks = [s.spawn(receive)?, s.spawn(receive)?];
                    task::yield_now();
                    signal::send(id(), Signal::USR1)?;
                    signal::send(id(), Signal::USR2)?;
                    Ok::<_, Errno>(tasks.map(|task| task.join().unwrap()))
                })
                .unwrap();
                assert_ne!(first, second);
                assert!(start.elapsed() < millis(4000));
            }
        });
    })
    .well();
}

/// Signals that were taken do not keep the thread busy, and selects leave nothing.
#[test]
fn nothing_is_left_of_signals_that_were_taken() {
    in_child("nothing_is_left_of_signals_that_were_taken", || {
        static R: Runtime<2> = Runtime::new();
        on_both_drivers(&R, || {
            let mut signals = Signals::new(&[Signal::USR1]).unwrap();
            let mut before = (0, 0);
            for round in 0..2000 {
                signal::raise(Signal::USR1);
                if round % 2 == 0 {
                    assert!(signals.try_recv().is_some());
                } else {
                    assert!(select! { recv(signals) -> signal => signal.is_ok() });
                }
                if round == 100 {
                    before = (open_descriptors().len(), mappings());
                }
                if round % 10 == 0 {
                    assert!(select! { recv(signals) -> _ => false, default => true });
                }
            }
            assert_eq!((open_descriptors().len(), mappings()), before);
            let before_waiting = switches(&R);
            assert!(select! { recv(signals) -> _ => false, sleep(millis(200)) => true });
            assert!(switches(&R) - before_waiting < 10, "it goes round in circles");
            let ended = time::timeout(millis(1), || select! { recv(signals) -> signal => signal });
            assert_eq!(ended.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
        });
    })
    .well();
}
