//! Watching a value: the latest counts, nobody who waits misses a change, and what is lent stays as it is.
#![cfg(feature = "sync")]

mod support;

use std::rc::Rc;

use barecoro::stack::MappedStack;
use barecoro::sync::{RecvError, SendError, watch};
use barecoro::task::{self, Cancelled, WaitError};
use barecoro::time::{Duration, Instant};
use barecoro::{Coroutine, CoroutineResult, RunError, Runtime, select};

use support::{Drops, in_child};

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(5)
}

#[test]
fn only_the_latest_value_is_seen() {
    static R: Runtime<2> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(1);
    R.run(|| {
        let mut receiver = W.subscribe();
        assert!(!receiver.has_changed() && *receiver.borrow().unwrap() == 1);
        W.send(2).unwrap();
        W.send(3).unwrap();
        assert!(receiver.has_changed());
        let lent = receiver.borrow().unwrap();
        assert!(*lent == 3 && lent.has_changed());
        drop(lent);
        assert!(receiver.has_changed(), "it was not updated");
        let lent = receiver.borrow_and_update().unwrap();
        assert!(*lent == 3 && lent.has_changed());
        drop(lent);
        assert!(!receiver.has_changed() && !receiver.borrow().unwrap().has_changed());
        assert!(!W.borrow().unwrap().has_changed());
        assert_eq!(receiver.changed_until(soon()), Err(RecvError::TimedOut));
        W.send_modify(|value| *value += 1).unwrap();
        assert_eq!(receiver.changed(), Ok(()));
        assert_eq!(receiver.changed_until(soon()), Err(RecvError::TimedOut));
        assert_eq!(W.send_if_modified(|value| *value > 100), Ok(false));
        assert!(!receiver.has_changed());
        assert_eq!(W.send_replace(9).unwrap(), 4);
        receiver.mark_unchanged();
        assert!(!receiver.has_changed());
        receiver.mark_changed();
        assert_eq!(receiver.changed(), Ok(()));
        assert_eq!(*receiver.borrow().unwrap(), 9);
    })
    .unwrap();
}

#[test]
fn all_that_wait_are_woken_once_for_each_change_that_they_see() {
    static R: Runtime<64> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let mut receiver = W.subscribe();
                task::spawn(move || {
                    let mut seen = Vec::new();
                    while receiver.changed().is_ok() {
                        seen.push(*receiver.borrow().unwrap());
                    }
                    seen
                })
                .unwrap()
            })
            .collect();
        task::yield_now();
        for value in 1..=3 {
            W.send(value).unwrap();
            task::yield_now();
        }
        // The last value comes to all, also if the channel is closed before they look.
        W.send(4).unwrap();
        W.send(5).unwrap();
        W.close();
        for task in tasks {
            assert_eq!(task.join().unwrap(), [1, 2, 3, 5]);
        }
        W.reopen();
    })
    .unwrap();
}

#[test]
fn a_send_finds_somebody_or_gives_the_value_back() {
    static R: Runtime<2> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        assert_eq!(W.send(1), Err(SendError::Closed(1)));
        assert_eq!(*W.borrow().unwrap(), 0);
        assert_eq!(W.send_replace(2).unwrap(), 0);
        let (sender, receiver) = W.split();
        let other = receiver.clone();
        assert_eq!((W.receiver_count(), sender.is_closed()), (2, false));
        drop(receiver);
        sender.send(3).unwrap();
        assert!(other.has_changed());
        drop(other);
        assert_eq!((sender.receiver_count(), sender.is_closed()), (0, true));
        assert_eq!(sender.send(4), Err(SendError::Closed(4)));
        // Somebody may come again.
        let mut late = sender.subscribe();
        assert!(!late.has_changed() && *late.borrow().unwrap() == 3);
        sender.send(5).unwrap();
        let second = sender.clone();
        drop(sender);
        assert!(!late.is_closed());
        drop(second);
        assert!(late.is_closed() && W.is_closed());
        assert_eq!(W.send(6), Err(SendError::Closed(6)));
        assert_eq!((late.changed(), late.changed()), (Ok(()), Err(RecvError::Closed)));
        assert_eq!(*late.borrow().unwrap(), 5);
        assert!(late.wait_for(|value| *value == 5).is_ok());
        assert_eq!(late.wait_for(|value| *value == 6).err(), Some(RecvError::Closed));
        W.reopen();
        W.send(7).unwrap();
        assert_eq!(late.changed(), Ok(()));
    })
    .unwrap();
}

#[test]
fn the_end_of_the_last_sender_wakes_all() {
    static R: Runtime<8> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        let (sender, receiver) = W.split();
        let tasks = [(); 3].map(|()| {
            let mut receiver = receiver.clone();
            task::spawn(move || receiver.changed()).unwrap()
        });
        let waits_for = {
            let mut receiver = receiver.clone();
            task::spawn(move || receiver.wait_for(|value| *value == 1).is_err()).unwrap()
        };
        task::yield_now();
        drop(sender);
        for task in tasks {
            assert_eq!(task.join().unwrap(), Err(RecvError::Closed));
        }
        assert!(waits_for.join().unwrap());
    })
    .unwrap();
}

#[test]
fn it_waits_for_what_a_predicate_says() {
    static R: Runtime<2> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        let mut receiver = W.subscribe();
        assert_eq!(*receiver.wait_for(|value| *value == 0).unwrap(), 0);
        let task = task::spawn(move || {
            let mut asked = Vec::new();
            let got = *receiver
                .wait_for(|value| {
                    asked.push(*value);
                    *value >= 10
                })
                .unwrap();
            (got, asked, receiver.has_changed())
        })
        .unwrap();
        for value in [3, 7, 12] {
            task::yield_now();
            W.send(value).unwrap();
        }
        assert_eq!(task.join().unwrap(), (12, vec![0, 3, 7, 12], false));
    })
    .unwrap();
}

/// Neither a send nor a modification touches what is borrowed, whoever yields meanwhile.
#[test]
fn what_is_lent_stays_as_it_is() {
    static R: Runtime<8> = Runtime::new();
    let watch = Rc::new(watch::Channel::new(String::from("before")));
    R.run(|| {
        let receiver = watch.subscribe();
        let lent = receiver.borrow().unwrap();
        let sending = {
            let watch = watch.clone();
            task::spawn(move || watch.send("after".into())).unwrap()
        };
        let modifying = {
            let watch = watch.clone();
            task::spawn(move || {
                watch.send_modify(|text| {
                    text.push('!');
                    task::yield_now();
                    text.push('?');
                })
            })
            .unwrap()
        };
        (0..3).for_each(|_| task::yield_now());
        assert_eq!((&**lent, receiver.has_changed()), ("before", false));
        drop(lent);
        // The two are let in, one after the other; in between nobody sees half of a change.
        task::yield_now();
        assert_eq!(*receiver.borrow().unwrap(), "after!?");
        sending.join().unwrap().unwrap();
        modifying.join().unwrap().unwrap();
        // A cancelled send has not happened, and has its value.
        let lent = receiver.borrow().unwrap();
        let late = watch.clone();
        let late = task::spawn(move || late.send("too late".into())).unwrap();
        task::yield_now();
        late.cancel();
        assert_eq!(late.join().unwrap(), Err(SendError::Cancelled("too late".into())));
        let late = watch.clone();
        let late = task::spawn(move || late.send_modify(String::clear)).unwrap();
        task::yield_now();
        late.cancel();
        assert_eq!(late.join().unwrap(), Err(Cancelled));
        assert_eq!(*lent, "after!?");
        // One that finds nobody any more when it is let in does not happen either.
        let last = watch.clone();
        let last = task::spawn(move || last.send("for nobody".into())).unwrap();
        task::yield_now();
        watch.close();
        drop(lent);
        assert_eq!(last.join().unwrap(), Err(SendError::Closed("for nobody".into())));
    })
    .unwrap();
}

#[test]
fn a_send_waits_for_what_is_lent_until_its_deadline() {
    static R: Runtime<4> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    let later = || Instant::now() + Duration::from_secs(10);
    R.run(|| {
        assert_eq!(W.send_until(1, soon()), Err(SendError::Closed(1)));
        let (sender, receiver) = W.split();
        let lent = W.borrow().unwrap();
        assert_eq!(W.send_until(2, soon()), Err(SendError::TimedOut(2)));
        assert_eq!(sender.send_until(3, Instant::now()), Err(SendError::TimedOut(3)));
        assert_eq!((*lent, receiver.has_changed()), (0, false));
        // Those who wait behind it are let in when its time is over.
        let late = task::spawn(|| W.send_until(4, soon())).unwrap();
        task::yield_now();
        let reading = task::spawn(|| {
            W.borrow_until(Instant::now() + Duration::from_secs(10)).map(|value| *value)
        });
        assert_eq!(late.join().unwrap(), Err(SendError::TimedOut(4)));
        assert_eq!(reading.unwrap().join().unwrap(), Ok(0));
        let other = sender.clone();
        let in_time = task::spawn(move || other.send_until(5, later())).unwrap();
        task::yield_now();
        drop(lent);
        assert_eq!(in_time.join().unwrap(), Ok(()));
        assert_eq!((*W.borrow().unwrap(), receiver.has_changed()), (5, true));
        // Nothing is lent: it does not wait, whatever the deadline.
        assert_eq!(sender.send_until(6, Instant::now()), Ok(()));
        // A cancellation is no deadline that has passed.
        let lent = receiver.borrow().unwrap();
        let cancelled = task::spawn(move || W.send_until(7, later())).unwrap();
        task::yield_now();
        cancelled.cancel();
        assert_eq!(cancelled.join().unwrap(), Err(SendError::Cancelled(7)));
        assert_eq!(*lent, 6);
    })
    .unwrap();
}

#[test]
fn a_borrow_waits_for_a_modification_until_its_deadline() {
    static R: Runtime<4> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        let (sender, receiver) = W.split();
        let modifying = task::spawn(|| {
            W.send_modify(|value| {
                *value = 1;
                assert!(task::park().is_ok());
                *value = 2;
            })
        })
        .unwrap();
        task::yield_now();
        let timed_out = Some(WaitError::TimedOut);
        assert_eq!(W.borrow_until(soon()).err(), timed_out);
        assert_eq!(sender.borrow_until(soon()).err(), timed_out);
        assert_eq!(receiver.borrow_until(Instant::now()).err(), timed_out);
        let cancelled =
            task::spawn(|| W.borrow_until(Instant::now() + Duration::from_secs(10)).err()).unwrap();
        task::yield_now();
        cancelled.cancel();
        assert_eq!(cancelled.join().unwrap(), Some(WaitError::Cancelled));
        modifying.task().unpark();
        let value = receiver.borrow_until(Instant::now() + Duration::from_secs(10)).unwrap();
        assert_eq!((*value, value.has_changed()), (2, true));
        assert!(!sender.borrow_until(Instant::now()).unwrap().has_changed());
        drop(value);
        modifying.join().unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn a_borrow_that_is_never_given_back_keeps_the_value() {
    static R: Runtime<2> = Runtime::new();
    let result = R.run(|| {
        let watch = watch::Channel::new(1).named("level");
        let receiver = watch.subscribe();
        core::mem::forget(watch.borrow().unwrap());
        let sent = watch.send(2);
        assert_eq!(*receiver.borrow().unwrap(), 1);
        sent
    });
    assert!(matches!(result, Err(RunError::Deadlock)), "{result:?}");
}

#[test]
fn a_destructor_may_use_the_channel() {
    struct Sends(Rc<watch::Channel<Option<Sends>>>);
    impl Drop for Sends {
        fn drop(&mut self) {
            assert!(self.0.borrow().unwrap().is_none());
            self.0.send_modify(|value| assert!(value.is_none())).unwrap();
        }
    }
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let watch = Rc::new(watch::Channel::new(None));
        let mut receiver = watch.subscribe();
        watch.send(Some(Sends(watch.clone()))).map_err(drop).unwrap();
        watch.send(None).map_err(drop).unwrap();
        assert_eq!(receiver.changed(), Ok(()));
    })
    .unwrap();
    let drops = Drops::new();
    R.run(|| {
        let watch = watch::Channel::new(drops.token());
        let _receiver = watch.subscribe();
        watch.send(drops.token()).unwrap();
        assert_eq!(drops.count(), 1);
        drop(watch.send_replace(drops.token()).unwrap());
        assert_eq!(drops.count(), 2);
    })
    .unwrap();
    assert_eq!(drops.count(), 3);
}

#[test]
fn a_cancellation_loses_no_change() {
    static R: Runtime<4> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        // What comes before the task has run again is not lost, in whichever order.
        for sends_first in [true, false] {
            let mut receiver = W.subscribe();
            let task = task::spawn(move || {
                let changed = receiver.changed();
                (changed, receiver.has_changed())
            })
            .unwrap();
            task::yield_now();
            if sends_first {
                W.send(1).unwrap();
                task.cancel();
            } else {
                task.cancel();
                W.send(2).unwrap();
            }
            assert_eq!(task.join().unwrap(), (Ok(()), false));
        }
        let mut receiver = W.subscribe();
        let task = task::spawn(move || (receiver.changed(), receiver)).unwrap();
        task::yield_now();
        task.cancel();
        task::yield_now();
        W.send(3).unwrap();
        let (changed, receiver) = task.join().unwrap();
        assert_eq!((changed, receiver.has_changed()), (Err(RecvError::Cancelled), true));
        // A cancelled task takes what is there.
        let mut receiver = W.subscribe();
        let task = task::spawn(move || {
            while !task::cancelled() {
                task::yield_now();
            }
            (receiver.changed(), receiver.changed(), receiver.borrow().is_ok())
        })
        .unwrap();
        W.send(3).unwrap();
        task.cancel();
        assert_eq!(task.join().unwrap(), (Ok(()), Err(RecvError::Cancelled), true));
    })
    .unwrap();
}

#[test]
fn select_waits_for_changes() {
    static R: Runtime<4> = Runtime::new();
    static A: watch::Channel<u32> = watch::Channel::new(0);
    static B: watch::Channel<u32> = watch::Channel::new(0);
    R.run(|| {
        let (mut a, mut b) = (A.subscribe(), B.subscribe());
        let none = select! { changed(a) -> _ => 'a', changed(b) -> _ => 'b', default => '-' };
        assert_eq!(none, '-');
        B.send(1).unwrap();
        let ready = select! { changed(a) -> _ => 'a', changed(b) -> got => { got.unwrap(); 'b' } };
        assert_eq!((ready, b.has_changed()), ('b', false));
        let task = task::spawn(move || {
            let first =
                select! { changed(a) -> got => ('a', got), changed(b) -> got => ('b', got) };
            // Of the other nothing was taken.
            (first, a.has_changed(), b.has_changed())
        })
        .unwrap();
        task::yield_now();
        A.send(5).unwrap();
        B.send(5).unwrap();
        assert_eq!(task.join().unwrap(), (('a', Ok(())), false, true));
        let (sender, mut receiver) = A.split();
        let task = task::spawn(move || select! { changed(receiver) -> got => got }).unwrap();
        task::yield_now();
        drop(sender);
        assert_eq!(task.join().unwrap(), Err(RecvError::Closed));
        A.reopen();
        let mut receiver = A.subscribe();
        let task = task::spawn(move || select! { changed(receiver) -> got => got }).unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), Err(RecvError::Cancelled));
    })
    .unwrap();
}

#[test]
fn the_value_stays_from_run_to_run_and_halves_may_outlive_theirs() {
    static R: Runtime<2> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    let (sender, receiver) = R.run(|| W.split()).unwrap();
    R.run(|| {
        let mut later = W.subscribe();
        W.send(1).unwrap();
        drop(sender);
        assert_eq!((later.changed(), later.changed()), (Ok(()), Err(RecvError::Closed)));
    })
    .unwrap();
    drop(receiver);
    R.run(|| {
        assert_eq!((W.receiver_count(), *W.borrow().unwrap()), (0, 1));
        W.reopen();
        let (sender, _receiver) = W.split();
        core::mem::forget(sender);
        assert!(!W.is_closed());
    })
    .unwrap();
    let mut watch = watch::Channel::new(3);
    *watch.get_mut() += 1;
    assert_eq!(watch.into_inner(), 4);
}

/// A coroutine that is suspended in the middle of a change, or of a look, keeps others from it in the runs
/// that come after its own.
#[test]
fn what_a_coroutine_carries_out_of_its_run_stays_as_it_is() {
    static R: Runtime<2> = Runtime::new();
    static W: watch::Channel<u32> = watch::Channel::new(0);
    let stack = || MappedStack::new(128 * 1024).unwrap();
    let mut changing = Coroutine::new(stack(), |yielder, ()| {
        W.send_modify(|value| {
            *value = 1;
            yielder.suspend(());
            *value = 2;
        })
    });
    R.run(|| assert_eq!(changing.resume(()), CoroutineResult::Yield(()))).unwrap();
    let stuck = R.run(|| assert!(W.borrow().is_err() && W.send_replace(7).is_err()));
    assert!(matches!(stuck, Err(RunError::Deadlock)), "{stuck:?}");
    R.run(|| {
        let mut receiver = W.subscribe();
        assert_eq!(changing.resume(()), CoroutineResult::Return(Ok(())));
        assert_eq!(receiver.changed(), Ok(()));
        assert_eq!(*receiver.borrow().unwrap(), 2);
    })
    .unwrap();
    let mut looking = Coroutine::new(stack(), |yielder, ()| {
        let mut receiver = W.subscribe();
        let seen = receiver.wait_for(|value| {
            yielder.suspend(());
            *value == 2
        });
        seen.map(|value| *value)
    });
    R.run(|| assert_eq!(looking.resume(()), CoroutineResult::Yield(()))).unwrap();
    let stuck = R.run(|| assert!(*W.borrow().unwrap() == 2 && W.send(3).is_err()));
    assert!(matches!(stuck, Err(RunError::Deadlock)), "{stuck:?}");
    R.run(|| assert_eq!(looking.resume(()), CoroutineResult::Return(Ok(2)))).unwrap();
    R.run(|| assert_eq!(W.send_replace(3), Ok(2))).unwrap();
}

#[test]
fn deadlock_reports_name_it() {
    let ended = in_child("deadlock_reports_name_it", || {
        static R: Runtime<4> = Runtime::new();
        static W: watch::Channel<u32> = watch::Channel::new(0).named("config");
        static UNNAMED: watch::Channel<u32> = watch::Channel::new(0);
        let result = R.run(|| {
            let mut receiver = W.subscribe();
            let cancelled = Err(RecvError::Cancelled);
            drop(task::spawn(move || assert_eq!(receiver.changed(), cancelled)).unwrap());
            let mut receiver = UNNAMED.subscribe();
            drop(task::spawn(move || assert_eq!(receiver.changed(), cancelled)).unwrap());
            let held = W.borrow().unwrap();
            assert_eq!(W.send(1), Err(SendError::Cancelled(1)));
            drop(held);
        });
        assert!(matches!(result, Err(RunError::Deadlock)));
    });
    ended
        .well()
        .saying("a change of a value \"config\"")
        .saying("a change of a value (at tests/watch.rs:")
        .saying("a lock for writing \"config\"");
}
