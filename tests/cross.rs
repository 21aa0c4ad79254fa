//! Channels and notifications between threads, with tasks on one side or on both.
#![cfg(feature = "sync")]

mod support;

use std::cell::Cell;
use std::rc::Rc;

use barecoro::Runtime;
use barecoro::sync::cross::{Channel, Notify};
use barecoro::sync::{RecvError, SendError, TryRecvError, TrySendError};
use barecoro::task::{self, WaitError};
use barecoro::time::{self, Duration, Instant};

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
