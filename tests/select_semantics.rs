//! What Go's `select` and libdill's `choose` promise, for ours: many waiters, closed channels, arms that
//! never happen, and who is served when several could be. Go's are in `runtime/chan_test.go` and
//! `test/chan/*.go`, libdill's in `tests/choose.c`.
#![cfg(feature = "sync")]

mod support;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use barecoro::sync::{Channel, Notify, RecvError, RwLock, SendError, TrySendError};
use barecoro::task::{self, Cancelled};
use barecoro::time::{Duration, Instant};
use barecoro::{Runtime, select};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Go's `TestSelfSelect`: tasks that send and receive by one `select!`. Without a queue nobody gets its
/// own item; with one nobody ever waits, and what was not received is left.
#[test]
fn nobody_receives_what_it_sends_itself() {
    fn check<const N: usize>() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let channel = Channel::<usize, N>::new();
            let (sent, received) = (Cell::new(0), Cell::new(0));
            task::scope(|s| {
                for me in 0..2 {
                    let (channel, sent, received) = (&channel, &sent, &received);
                    s.spawn(move || {
                        for round in 0..1000 {
                            select! {
                                send(*channel, me) -> outcome => {
                                    outcome.unwrap();
                                    sent.set(sent.get() + 1);
                                }
                                recv(*channel) -> item => {
                                    assert!(N > 0 || item == Ok(1 - me));
                                    received.set(received.get() + 1);
                                }
                            }
                            if round % 7 == 0 {
                                task::yield_now();
                            }
                        }
                        Ok(())
                    })
                    .unwrap();
                }
                Ok::<_, Cancelled>(())
            })
            .unwrap();
            assert_eq!(sent.get() + received.get(), 2000);
            assert_eq!(sent.get() - received.get(), channel.len());
        })
        .unwrap();
    }
    check::<0>();
    check::<1>();
    check::<10>();
}

/// Go's `TestSelectDuplicateChannel`: a channel in several arms, and others behind it in the queue.
#[test]
fn one_channel_in_several_arms_is_one_wait() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 0> = Channel::new();
    static D: Channel<u32, 0> = Channel::new();
    static E: Channel<u32, 0> = Channel::new();
    R.run(|| {
        let first = task::spawn(|| {
            select! {
                recv(C) -> item => item,
                recv(C) -> item => item,
                recv(C) -> item => item,
                recv(D) -> item => item.map(|item| 100 + item),
                recv(E) -> item => item.map(|item| 200 + item),
            }
        })
        .unwrap();
        task::yield_now();
        let second = task::spawn(|| C.recv()).unwrap();
        task::yield_now();
        D.send(7).unwrap();
        // The first waits for the channel no more, though it has not run, in none of the three arms.
        C.send(8).unwrap();
        assert_eq!(C.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (Ok(107), Ok(8)));
    })
    .unwrap();
}

/// Go's `TestPseudoRandomSend`: which of two items is sent is drawn by lot.
#[test]
fn what_is_sent_is_drawn_by_lot() {
    fn check<const N: usize>() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let channel = Channel::<usize, N>::new();
            let mut counts = [0_u32; 2];
            task::scope(|s| {
                s.spawn(|| {
                    for _ in 0..1000 {
                        select! {
                            send(channel, 0) -> sent => sent.unwrap(),
                            send(channel, 1) -> sent => sent.unwrap(),
                        }
                    }
                    channel.close();
                    Ok(())
                })
                .unwrap();
                for item in &channel {
                    counts[item] += 1;
                }
                Ok::<_, Cancelled>(())
            })
            .unwrap();
            assert_eq!(counts[0] + counts[1], 1000);
            // Also where the receiver finds the sender waiting.
            assert!(counts[0].abs_diff(counts[1]) < 200, "{counts:?}");
        })
        .unwrap();
    }
    check::<1>();
    check::<16>();
    check::<0>();
}

/// Arms that never happen, as Go's nil channels: they neither happen nor keep others from it.
#[test]
fn what_never_happens_keeps_nothing() {
    static R: Runtime<4> = Runtime::new();
    static NEVER: Channel<u32, 0> = Channel::new();
    static SOON: Notify = Notify::new();
    R.run(|| {
        let chosen = select! {
            recv(NEVER) -> _ => 1,
            send(NEVER, 1) -> _ => 2,
            future(core::future::pending::<()>()) -> _ => 3,
            default => 4,
        };
        assert_eq!(chosen, 4);
        let start = Instant::now();
        let chosen = select! {
            recv(NEVER) -> _ => 1,
            send(NEVER, 1) -> _ => 2,
            future(core::future::pending::<()>()) -> _ => 3,
            sleep(millis(5)) -> slept => slept.map_or(0, |()| 4),
        };
        assert!(chosen == 4 && start.elapsed() >= millis(5));
        let task = task::spawn(|| {
            select! { recv(NEVER) -> _ => 1, send(NEVER, 1) -> _ => 2, wait(SOON) -> _ => 3 }
        })
        .unwrap();
        task::yield_now();
        SOON.notify_one();
        assert_eq!(task.join().unwrap(), 3);
        // A closed channel that a task is done with is made one that never happens by leaving it out,
        // which `Option` and `pending` do.
        let mut open = Some(&NEVER);
        NEVER.close();
        let mut rounds = 0;
        while let Some(channel) = open {
            select! { recv(channel) -> item => if item == Err(RecvError::Closed) { open = None } }
            rounds += 1;
        }
        assert_eq!(rounds, 1);
        NEVER.reopen();
    })
    .unwrap();
}

/// A closed channel is ready at once for both sides, each time, and drained before.
#[test]
fn closed_channels_are_ready() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    static OTHER: Channel<u32, 2> = Channel::new();
    R.run(|| {
        C.send(1).unwrap();
        C.close();
        let mut got = Vec::new();
        for _ in 0..3 {
            select! { recv(C) -> item => got.push(item), recv(OTHER) -> _ => unreachable!() }
        }
        assert_eq!(got, [Ok(1), Err(RecvError::Closed), Err(RecvError::Closed)]);
        select! { send(C, 5) -> sent => assert_eq!(sent, Err(SendError::Closed(5))) }
        let ready = select! { send(C, 5) -> sent => sent.is_err(), default => false };
        assert!(ready, "an arm whose channel is closed is ready");
        // With others that are ready it has the same chance as they.
        let mut closed = 0_u32;
        for _ in 0..1000 {
            OTHER.send(1).unwrap();
            select! { recv(C) -> _ => { closed += 1; OTHER.recv().unwrap(); } recv(OTHER) -> _ => {} }
        }
        assert!((400..600).contains(&closed), "{closed}");
        C.reopen();
    })
    .unwrap();
}

#[test]
fn a_close_wakes_every_select_on_either_side() {
    static R: Runtime<64> = Runtime::new();
    static EMPTY: Channel<u32, 1> = Channel::new();
    static FULL: Channel<u32, 1> = Channel::new();
    static NEVER: Notify = Notify::new();
    R.run(|| {
        FULL.send(0).unwrap();
        let receivers = [(); 20].map(|()| {
            task::spawn(|| {
                select! { wait(NEVER) -> _ => Ok(0), recv(EMPTY) -> item => item }
            })
            .unwrap()
        });
        let senders: Vec<_> = (0..20)
            .map(|item| {
                task::spawn(move || {
                    select! { wait(NEVER) -> _ => Ok(()), send(FULL, item) -> sent => sent }
                })
                .unwrap()
            })
            .collect();
        task::yield_now();
        EMPTY.close();
        FULL.close();
        for task in receivers {
            assert_eq!(task.join().unwrap(), Err(RecvError::Closed));
        }
        for (item, task) in (0..20).zip(senders) {
            assert_eq!(task.join().unwrap(), Err(SendError::Closed(item)));
        }
        assert_eq!((FULL.recv(), FULL.recv()), (Ok(0), Err(RecvError::Closed)));
        // Nobody is left in a queue.
        NEVER.notify_one();
        assert_eq!(NEVER.wait_until(Instant::now()), Ok(()));
    })
    .unwrap();
}

/// Those who wait by `select!` and those who wait plainly stand in one queue.
#[test]
fn many_that_wait_are_served_in_order() {
    static R: Runtime<64> = Runtime::new();
    static C: Channel<usize, 0> = Channel::new();
    static NEVER: Notify = Notify::new();
    R.run(|| {
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                task::spawn(move || {
                    if n % 2 == 0 {
                        C.recv()
                    } else {
                        select! { recv(C) -> item => item, wait(NEVER) -> _ => unreachable!() }
                    }
                })
                .unwrap()
            })
            .collect();
        task::yield_now();
        // Every fifth leaves before its turn.
        for task in tasks.iter().step_by(5) {
            task.cancel();
        }
        task::yield_now();
        let mut next = 0;
        while C.try_send(next).is_ok() {
            next += 1;
        }
        assert_eq!(next, 32);
        let mut expected = 0..32;
        for (n, task) in tasks.into_iter().enumerate() {
            let got = task.join().unwrap();
            match n % 5 {
                0 => assert_eq!(got, Err(RecvError::Cancelled)),
                _ => assert_eq!(got.ok(), expected.next()),
            }
        }
    })
    .unwrap();
}

/// Several arms happen before the task runs: one counts, and what the others would have given stays.
#[test]
fn of_several_that_happen_at_a_time_one_counts() {
    static R: Runtime<8> = Runtime::new();
    static A: Channel<u32, 1> = Channel::new();
    static B: Channel<u32, 1> = Channel::new();
    static N: Notify = Notify::new();
    static L: RwLock<u32> = RwLock::new(0);
    R.run(|| {
        let writing = L.write().unwrap();
        let task = task::spawn(|| {
            select! {
                recv(A) -> item => ('a', item.unwrap()),
                recv(B) -> item => ('b', item.unwrap()),
                wait(N) -> _ => ('n', 0),
                read(L) -> guard => ('l', *guard.unwrap()),
            }
        })
        .unwrap();
        task::yield_now();
        B.send(2).unwrap();
        A.send(1).unwrap();
        N.notify_one();
        drop(writing);
        // Nor does a cancellation that comes later change it.
        task.cancel();
        assert_eq!(task.join().unwrap(), ('b', 2));
        assert_eq!((A.try_recv(), B.try_recv().is_err()), (Ok(1), true));
        assert_eq!(N.wait_until(Instant::now()), Ok(()));
        assert!(L.try_write().is_some());
    })
    .unwrap();
}

#[test]
fn it_reads_and_writes_what_a_lock_protects() {
    static R: Runtime<8> = Runtime::new();
    static L: RwLock<u32> = RwLock::new(1);
    static N: Notify = Notify::new();
    R.run(|| {
        let read = select! { read(L) -> guard => *guard.unwrap() };
        select! { write(L) -> guard => *guard.unwrap() += read }
        let reading = L.read().unwrap();
        let also = select! { read(L) -> guard => *guard.unwrap(), default => 0 };
        let cannot = select! { write(L) -> _ => 1, default => 0 };
        assert_eq!((*reading, also, cannot), (2, 2, 0));
        // It waits in the lock's order, and leaves the queue when something else comes first.
        let writer = task::spawn(|| {
            select! { write(L) -> guard => { *guard.unwrap() += 10; true } wait(N) -> _ => false }
        })
        .unwrap();
        task::yield_now();
        let reader = task::spawn(|| select! { read(L) -> guard => *guard.unwrap() }).unwrap();
        task::yield_now();
        assert!(L.try_read().is_none(), "a writer waits");
        N.notify_one();
        assert!(!writer.join().unwrap());
        // The reader behind it was let in.
        assert_eq!(reader.join().unwrap(), 2);
        let writer = task::spawn(|| select! { write(L) -> guard => *guard.unwrap() += 10 }).unwrap();
        let both = task::spawn(|| {
            select! { read(L) -> guard => *guard.unwrap(), write(L) -> guard => 100 + *guard.unwrap() }
        })
        .unwrap();
        task::yield_now();
        drop(reading);
        writer.join().unwrap();
        // Which of the two is first in the queue is drawn by lot.
        assert!([12, 112].contains(&both.join().unwrap()));
        assert!(L.try_write().is_some());
        // Who is cancelled is told, and is not in the way.
        let reading = L.read().unwrap();
        let task = task::spawn(|| select! { write(L) -> guard => guard.err() }).unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), Some(Cancelled));
        assert!(L.try_read().is_some());
        drop(reading);
        let writing = L.write().unwrap();
        let task = task::spawn(|| select! { read(L) -> guard => guard.err() }).unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), Some(Cancelled));
        drop(writing);
        assert!(L.try_write().is_some());
    })
    .unwrap();
}

/// A future may do anything in its poll: what becomes ready by that is not missed.
#[test]
fn a_poll_that_makes_another_arm_ready_is_seen() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        // In each order of trying.
        for _ in 0..64 {
            let channel = Rc::new(Channel::<u32, 1>::new());
            let sender = channel.clone();
            let sends = poll_fn(move |_| {
                let _once = sender.try_send(1);
                Poll::<()>::Pending
            });
            let got =
                select! { recv(*channel) -> item => item, future(sends) -> _ => unreachable!() };
            assert_eq!(got, Ok(1));
            let notify = Notify::new();
            let waits = async {
                notify.notify_one();
                core::future::pending::<()>().await;
            };
            select! {
                biased;
                wait(notify) -> got => assert_eq!(got, Ok(())),
                future(waits) -> _ => unreachable!(),
            }
        }
    })
    .unwrap();
}
