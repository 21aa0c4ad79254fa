//! Channels and notifications between threads, with tasks on one side or on both.
#![cfg(feature = "sync")]

mod support;

use std::cell::Cell;
use std::rc::Rc;

use barecoro::sync::cross::{Channel, Notify};
use barecoro::sync::{RecvError, SendError, TryRecvError, TrySendError};
use barecoro::task::{self, WaitError};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Runtime, select};

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(5)
}

#[test]
fn two_runtimes_talk() {
    static R: [Runtime<4>; 2] = [const { Runtime::new() }; 2];
    static THERE: Channel<u64, 2> = Channel::new();
    static BACK: Channel<u64, 2> = Channel::new();
    let other = std::thread::spawn(|| {
        R[1].run(|| {
            while let Ok(item) = THERE.recv() {
                BACK.send(item + 1).unwrap();
            }
            BACK.close();
        })
        .unwrap();
    });
    R[0].run(|| {
        let sender = task::spawn(|| {
            (0..2000).for_each(|item| THERE.send(item).unwrap());
            THERE.close();
        });
        for item in 0..2000 {
            assert_eq!(BACK.recv(), Ok(item + 1));
        }
        assert_eq!(BACK.recv(), Err(RecvError::Closed));
        sender.unwrap().join().unwrap();
    })
    .unwrap();
    other.join().unwrap();
}

#[test]
fn many_threads_and_tasks_share_a_channel() {
    static R: [Runtime<8>; 2] = [const { Runtime::new() }; 2];
    static C: Channel<u32, 3> = Channel::new();
    let sum = std::thread::scope(|s| {
        let senders: Vec<_> =
            (0..3).map(|_| s.spawn(|| (0..500).for_each(|item| C.send(item).unwrap()))).collect();
        let receivers: Vec<_> = (0..2)
            .map(|n| {
                s.spawn(move || {
                    let sum = Rc::new(Cell::new(0));
                    let (total, tasks) = (sum.clone(), sum);
                    R[n].run(|| {
                        for _ in 0..3 {
                            let sum = tasks.clone();
                            drop(task::spawn(move || {
                                while let Ok(item) = C.recv() {
                                    sum.set(sum.get() + item);
                                }
                            }));
                        }
                    })
                    .unwrap();
                    total.get()
                })
            })
            .collect();
        let plain = s.spawn(|| std::iter::from_fn(|| C.recv().ok()).sum::<u32>());
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        C.close();
        receivers.into_iter().map(|r| r.join().unwrap()).sum::<u32>() + plain.join().unwrap()
    });
    assert_eq!(sum, 3 * 499 * 250);
}

#[test]
fn only_the_task_that_waits_is_parked() {
    static R: Runtime<4> = Runtime::new();
    static N: Notify = Notify::new();
    R.run(|| {
        let waiting = task::spawn(|| N.wait()).unwrap();
        let notifier = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            N.notify_one();
        });
        let mut turns = 0;
        while !waiting.is_finished() {
            turns += 1;
            time::sleep(Duration::from_millis(1)).unwrap();
        }
        assert!(turns > 1);
        assert_eq!(waiting.join().unwrap(), Ok(()));
        notifier.join().unwrap();
    })
    .unwrap();
}

#[test]
fn deadlines_cancellations_and_ends() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    static N: Notify = Notify::new();
    let check = || {
        assert_eq!(C.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(C.recv_until(soon()), Err(RecvError::TimedOut));
        assert_eq!(C.try_send(1), Ok(()));
        assert_eq!(C.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(C.send_until(2, soon()), Err(SendError::TimedOut(2)));
        assert_eq!((C.len(), C.recv()), (1, Ok(1)));
        assert_eq!(N.wait_until(soon()), Err(WaitError::TimedOut));
        N.notify_one();
        assert_eq!(N.wait(), Ok(()));
    };
    check();
    R.run(check).unwrap();
    R.run(|| {
        let receiver = task::spawn(|| C.recv()).unwrap();
        task::yield_now();
        receiver.cancel();
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Cancelled));
        let receiver = task::spawn(|| C.recv()).unwrap();
        task::yield_now();
        C.close();
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
        assert_eq!(C.send(1), Err(SendError::Closed(1)));
    })
    .unwrap();
}

/// A wake-up from another thread is not an unpark.
#[test]
fn park_is_left_alone() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let sender = std::thread::spawn(|| (0..200).for_each(|item| C.send(item).unwrap()));
        for item in 0..200 {
            assert_eq!(C.recv(), Ok(item));
        }
        sender.join().unwrap();
        assert_eq!(task::park_until(soon()), Err(WaitError::TimedOut));
        task::current().unpark();
        assert_eq!(C.recv_until(soon()), Err(RecvError::TimedOut));
        assert_eq!(task::park(), Ok(()), "the unpark is still there");
    })
    .unwrap();
}

#[test]
fn select_waits_for_other_threads_among_other_things() {
    const COUNT: u32 = 2000;
    static R: Runtime<4> = Runtime::new();
    static THERE: Channel<u32, 1> = Channel::new();
    static BACK: Channel<u32, 1> = Channel::new();
    static TICK: Notify = Notify::new();
    let echo = std::thread::spawn(|| {
        for item in 0.. {
            match THERE.recv() {
                Ok(got) => assert_eq!(got, item),
                Err(_) => return BACK.close(),
            }
            if item % 100 == 0 {
                std::thread::sleep(Duration::from_millis(1));
                TICK.notify_one();
            }
            BACK.send(item).unwrap();
        }
    });
    R.run(|| {
        let (mut sent, mut received, mut ticks) = (0, 0, 0);
        while received < COUNT {
            select! {
                // What was sent after the last is dropped with the arm.
                send(THERE, sent) -> done => { done.unwrap(); sent += 1 }
                recv(BACK) -> item => { assert_eq!(item, Ok(received)); received += 1 }
                wait(TICK) -> ticked => { ticked.unwrap(); ticks += 1 }
                sleep(Duration::from_secs(20)) => panic!("lost a call after {received} items"),
            }
        }
        assert!(ticks > 0);
        THERE.close();
        select! { send(THERE, 0) -> done => assert_eq!(done, Err(SendError::Closed(0))) }
        loop {
            select! {
                recv(BACK) -> item => match item {
                    Ok(item) => { assert_eq!(item, received); received += 1 }
                    Err(error) => { assert_eq!(error, RecvError::Closed); break }
                },
                sleep(Duration::from_secs(20)) => panic!("lost the end"),
            }
        }
        assert_eq!(received, sent);
    })
    .unwrap();
    echo.join().unwrap();
}

/// Who is called, and takes something else, leaves the call to the next.
#[test]
fn a_call_that_select_does_not_answer_goes_to_the_next() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    static N: Notify = Notify::new();
    static LOCAL: barecoro::sync::Notify = barecoro::sync::Notify::new();
    R.run(|| {
        for _ in 0..100 {
            let first = task::spawn(|| {
                select! {
                    biased;
                    wait(LOCAL) -> _ => None,
                    recv(C) -> item => Some(item),
                    wait(N) -> _ => unreachable!(),
                }
            });
            task::yield_now();
            let second = task::spawn(|| C.recv_until(Instant::now() + Duration::from_secs(10)));
            let third = task::spawn(|| N.wait_until(Instant::now() + Duration::from_secs(10)));
            task::yield_now();
            LOCAL.notify_one();
            // Both call the first, which has not run since.
            C.try_send(7).unwrap();
            N.notify_one();
            assert_eq!(first.unwrap().join().unwrap(), None);
            assert_eq!(second.unwrap().join().unwrap(), Ok(7));
            assert_eq!(third.unwrap().join().unwrap(), Ok(()));
        }
    })
    .unwrap();
}

#[test]
fn a_select_that_waits_for_threads_can_be_cancelled() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    static FULL: Channel<u32, 1> = Channel::new();
    static N: Notify = Notify::new();
    R.run(|| {
        FULL.try_send(0).unwrap();
        for _ in 0..3 {
            let waiting = task::spawn(|| {
                (
                    select! { recv(C) -> item => item, wait(N) -> _ => unreachable!() },
                    select! { send(FULL, 3) -> sent => sent, recv(C) -> _ => unreachable!() },
                    select! { wait(N) -> notified => notified },
                )
            })
            .unwrap();
            task::yield_now();
            waiting.cancel();
            let expected =
                (Err(RecvError::Cancelled), Err(SendError::Cancelled(3)), Err(task::Cancelled));
            assert_eq!(waiting.join().unwrap(), expected);
        }
        // They are not listed any more: what comes is kept.
        N.notify_one();
        C.try_send(1).unwrap();
        assert!(select! { wait(N) -> notified => notified.is_ok(), default => false });
        assert_eq!(select! { recv(C) -> item => item, default => unreachable!() }, Ok(1));
        assert!(select! { send(FULL, 1) -> _ => false, default => true });
    })
    .unwrap();
}

#[test]
fn each_notification_is_for_another_task() {
    static R: Runtime<3> = Runtime::new();
    static N: Notify = Notify::new();
    R.run(|| {
        let soon = || Instant::now() + Duration::from_secs(2);
        let waiters = [(); 2].map(|()| task::spawn(move || N.wait_until(soon()).is_ok()).unwrap());
        task::yield_now();
        N.notify_one();
        N.notify_one();
        assert_eq!(waiters.map(|waiter| waiter.join().unwrap()), [true, true]);
        assert!(N.wait_until(Instant::now()).is_err(), "nothing is left");
        // Two that were called and take something else leave one for whoever comes.
        let waiters = [(); 2].map(|()| {
            task::spawn(|| {
                select! {
                    biased;
                    park() => {}
                    wait(N) => unreachable!("the other comes first"),
                    cancelled => {}
                }
            })
            .unwrap()
        });
        task::yield_now();
        N.notify_one();
        N.notify_one();
        waiters.iter().for_each(|waiter| waiter.task().unpark());
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert!(N.wait_until(Instant::now()).is_ok());
        assert!(N.wait_until(Instant::now()).is_err());
    })
    .unwrap();
}

#[test]
fn a_channel_is_opened_again() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    C.reopen();
    assert!(!C.is_closed(), "it was open");
    C.send(1).unwrap();
    C.close();
    assert_eq!(C.send(2), Err(SendError::Closed(2)));
    C.reopen();
    assert!(!C.is_closed());
    C.send(2).unwrap();
    assert_eq!((C.recv(), C.recv()), (Ok(1), Ok(2)), "what was in it has stayed");
    for _ in 0..3 {
        R.run(|| {
            let receiver = task::spawn(|| C.iter().collect::<Vec<_>>()).unwrap();
            task::yield_now();
            (3..6).for_each(|item| C.send(item).unwrap());
            C.close();
            assert_eq!(receiver.join().unwrap(), [3, 4, 5]);
            assert_eq!(C.recv(), Err(RecvError::Closed));
            C.reopen();
            assert_eq!(C.try_recv(), Err(TryRecvError::Empty));
            // Who was called by the close and comes too late waits on, and is served.
            let late =
                task::spawn(|| C.recv_until(Instant::now() + Duration::from_secs(10))).unwrap();
            task::yield_now();
            C.close();
            C.reopen();
            task::yield_now();
            assert!(!late.is_finished());
            C.send(6).unwrap();
            assert_eq!(late.join().unwrap(), Ok(6));
        })
        .unwrap();
    }
}

#[test]
fn items_are_iterated_over_in_tasks_and_threads() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 4> = Channel::new();
    assert_eq!(C.try_iter().next(), None);
    (0..3).for_each(|item| C.send(item).unwrap());
    assert_eq!(C.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    let thread = std::thread::spawn(|| C.iter().collect::<Vec<_>>());
    (0..100).for_each(|item| C.send(item).unwrap());
    C.close();
    assert!(thread.join().unwrap().into_iter().eq(0..100));
    C.reopen();
    R.run(|| {
        let task = task::spawn(|| {
            let mut items = Vec::new();
            for item in &C {
                items.push(item);
            }
            items
        })
        .unwrap();
        let thread = std::thread::spawn(|| (0..100).for_each(|item| C.send(item).unwrap()));
        while !thread.is_finished() || !C.is_empty() {
            time::sleep(Duration::from_millis(1)).unwrap();
        }
        assert!(!task.is_finished());
        task.cancel();
        assert!(task.join().unwrap().into_iter().eq(0..100));
    })
    .unwrap();
}

#[test]
fn snapshots_name_what_is_waited_for() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new().named("requests");
    static FULL: Channel<u32, 1> = Channel::new().named("replies");
    static N: Notify = Notify::new().named("ready");
    static UNNAMED: Notify = Notify::new();
    assert_eq!(format!("{C:?}"), "Channel { name: Some(\"requests\"), capacity: 1, .. }");
    assert_eq!(format!("{N:?}"), "Notify { name: Some(\"ready\"), .. }");
    FULL.send(0).unwrap();
    let later = || Instant::now() + Duration::from_secs(10);
    R.run(|| {
        let tasks = [
            task::spawn(|| C.recv().is_err()).unwrap(),
            task::spawn(move || C.recv_until(later()).is_err()).unwrap(),
            task::spawn(|| FULL.send(1).is_err()).unwrap(),
            task::spawn(|| N.wait().is_err()).unwrap(),
            task::spawn(move || N.wait_until(later()).is_err()).unwrap(),
            task::spawn(|| UNNAMED.wait().is_err()).unwrap(),
        ];
        task::yield_now();
        let waits_for = |task: &task::JoinHandle<bool>| {
            let snapshot = R.tasks().find(|snapshot| snapshot.id == task.id()).unwrap();
            snapshot.waits_for.unwrap().to_string()
        };
        for (task, name) in tasks.iter().zip(["requests", "requests", "replies", "ready", "ready"])
        {
            assert_eq!(waits_for(task), format!("something between threads \"{name}\""));
        }
        let place = waits_for(&tasks[5]);
        assert!(place.starts_with("something between threads (at tests/cross.rs:"), "{place}");
        for task in tasks {
            task.cancel();
            assert!(task.join().unwrap());
        }
    })
    .unwrap();
}
